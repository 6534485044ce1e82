package mapping

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

var (
	columnKeys = []string{
		"from", "meta", "value", "type", "required", "default", "normalize", "in", "min", "max", "mask",
	}
	columnKeysLater = []string{"format", "zone", "coerce", "truncate", "on_invalid", "array", "keep"}
)

// column reads one column. Its type comes first: every other key is read in its light.
func (p *parser) column(name string, n *yaml.Node) column {
	c := column{name: name}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		p.complain(n, "column "+quote(name)+" is empty", "write {} for text from the field of that name")
		return c
	}
	members := p.closed(n, "column "+quote(name), columnKeys, columnKeysLater)
	typed := true
	if given, ok := members["type"]; ok {
		c.kind, typed = p.kind(given.value)
	}
	p.source(&c, members, typed)
	p.steps(&c, members, typed)
	if typed {
		p.limits(&c, members)
		p.constants(&c, members)
	}
	if given, ok := members["required"]; ok {
		c.required = p.flag(given.value, "required")
		if other, both := members["default"]; both && c.required {
			p.complain(other.key, "required and default exclude each other", "remove one")
		}
	}
	if given, ok := members["mask"]; ok {
		c.mask = p.mask(given.value, c.kind, typed)
	}
	return c
}

func (p *parser) kind(n *yaml.Node) (kind, bool) {
	text, ok := p.text(n, "type")
	if !ok {
		return 0, false
	}
	if text == "json" {
		p.complain(n, `type "json" is not yet supported`, "remove the column")
		return 0, false
	}
	k, ok := kindNamed(text)
	if !ok {
		p.complain(n, "unknown type "+quote(text), oneOf(text, kindNames()))
	}
	return k, ok
}

// source reads from, meta or value; without any, the field of the column's name.
func (p *parser) source(c *column, members map[string]member, typed bool) {
	first := ""
	for _, name := range []string{"from", "meta", "value"} {
		given, ok := members[name]
		switch {
		case !ok:
			continue
		case first != "":
			p.complain(given.key, "two sources, "+first+" and "+name, "keep one")
			continue
		}
		first = name
		switch name {
		case "from":
			c.source.paths = p.paths(given.value, "from")
		case "meta":
			c.source.meta = p.meta(given.value, c.kind, typed)
		}
	}
	if first == "" {
		c.source.paths = []path{{text: c.name, segments: []string{c.name}}}
	}
	if first == "value" {
		for _, name := range []string{"required", "default"} {
			if given, ok := members[name]; ok {
				p.complain(given.key, name+" has no effect: a constant value is never missing", "remove "+name)
			}
		}
	}
}

func (p *parser) meta(n *yaml.Node, k kind, typed bool) *meta {
	text, ok := p.text(n, "meta")
	if !ok {
		return nil
	}
	m, ok := metaNamed(text)
	if !ok {
		p.complain(n, "unknown meta "+quote(text), oneOf(text, metaNames()))
		return nil
	}
	if typed && !m.name.readableAs(k) {
		p.complain(n, "type "+k.String()+" cannot read meta "+m.name.rule().name, "write type: "+m.name.rule().kinds[0].String())
	}
	return &m
}

func (p *parser) steps(c *column, members map[string]member, typed bool) {
	given, ok := members["normalize"]
	if !ok {
		return
	}
	if typed && c.kind != kindText {
		p.complain(given.key, "normalize is for text, not for "+c.kind.String(), "remove it")
	}
	if given.value.Kind != yaml.SequenceNode {
		p.wrongKind(given.value, "normalize is not a list", "write [trim, lower]")
		return
	}
	for _, n := range given.value.Content {
		text, ok := p.text(n, "normalize")
		if !ok {
			continue
		}
		s, ok := stepNamed(text)
		if !ok {
			p.complain(n, "unknown step "+quote(text), oneOf(text, stepNames()))
			continue
		}
		c.steps = append(c.steps, s)
	}
}

// limits reads in, min and max.
func (p *parser) limits(c *column, members map[string]member) {
	if given, ok := members["in"]; ok {
		c.limits.in = p.allowed(c, given.value)
	}
	low, hasLow := members["min"]
	high, hasHigh := members["max"]
	if hasLow {
		c.limits.min = p.bound(c.kind, low, "min")
	}
	if hasHigh {
		c.limits.max = p.bound(c.kind, high, "max")
	}
	if c.limits.min != nil && c.limits.max != nil && c.limits.min.number.compare(c.limits.max.number) > 0 {
		p.complain(low.value, "min is greater than max", "swap them")
	}
}

// bound reads an end of a range: a number, or a length for text.
func (p *parser) bound(k kind, m member, what string) *bound {
	if !k.rule().bounded {
		p.complain(m.key, what+" is for text and numbers, not for "+k.String(), "remove it")
		return nil
	}
	if m.value.Kind != yaml.ScalarNode || !isNumber(m.value) {
		p.wrongKind(m.value, what+" is not a number", "write a number")
		return nil
	}
	number, _, ok := parseDecimal(nil, []byte(m.value.Value))
	switch {
	case !ok:
		p.complain(m.value, what+" has more than 1000 digits", "write a smaller number")
		return nil
	case k == kindText && (!number.integral() || number.sign() < 0):
		p.complain(m.value, what+" of text counts characters", "write a whole number from 0")
		return nil
	}
	return &bound{number: number, characters: whole(number)}
}

// whole gives a whole number as an int, at most a billion: no text is that long.
func whole(d decimal) int {
	if d.point > 9 {
		return 1_000_000_000
	}
	n, _ := number(d.appendPlain(nil))
	return n
}

// allowed reads the list of `in`.
func (p *parser) allowed(c *column, n *yaml.Node) []bound {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.wrongKind(n, "in is not a list of values", "write [a, b]")
		return nil
	}
	bounds := make([]bound, 0, len(n.Content))
	for _, item := range n.Content {
		v, ok := p.scalar(c.kind, item, "in item")
		if !ok {
			continue
		}
		if same := p.normalizer.run(c.steps, v); same.null() || !bytes.Equal(same.text, v.text) {
			p.complain(item, "in item "+quote(item.Value)+" is never met: normalize changes it", "write it as normalize leaves it")
			continue
		}
		text, reason := p.reader.read(c.kind, v)
		if reason != "" {
			p.complain(item, "in item "+quote(item.Value)+" does not read as "+c.kind.String()+" ("+string(reason)+")", "write a valid value")
			continue
		}
		one := bound{text: append([]byte(nil), text...)}
		if c.kind.numeric() {
			one.number, _, _ = parseDecimal(nil, one.text)
		}
		bounds = append(bounds, one)
	}
	return bounds
}

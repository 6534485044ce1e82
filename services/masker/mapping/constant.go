package mapping

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// constants reads default and value, and holds them against the column's own rules: a default that its column refuses
// would reject every record that needs it.
func (p *parser) constants(c *column, members map[string]member) {
	if given, ok := members["default"]; ok {
		c.otherwise = p.constant(c, given.value, "default")
	}
	if given, ok := members["value"]; ok {
		constant := p.constant(c, given.value, "value")
		if _, other := members["from"]; !other && members["meta"].key == nil {
			c.source.constant = constant
		}
	}
}

func (p *parser) constant(c *column, n *yaml.Node, what string) *value {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		p.complain(n, what+" is null", "remove it; what is missing is NULL anyway")
		return nil
	}
	v, ok := p.scalar(c.kind, n, what)
	if !ok {
		return nil
	}
	normal := p.normalizer.run(c.steps, v)
	if normal.null() {
		p.complain(n, what+" "+quote(n.Value)+" becomes null by normalize", "remove it")
		return nil
	}
	text, reason := p.reader.read(c.kind, normal)
	if reason == "" {
		reason = c.limits.check(c.kind, text, &p.reader)
	}
	if reason != "" {
		p.complain(n, what+" "+quote(n.Value)+" breaks the column's own rules ("+string(reason)+")", "write a value that the column takes")
		return nil
	}
	return &value{kind: normal.kind, text: append([]byte(nil), normal.text...)}
}

// scalar reads a YAML scalar as the JSON value that the kind reads.
func (p *parser) scalar(k kind, n *yaml.Node, what string) (value, bool) {
	v, ok := value{}, n.Kind == yaml.ScalarNode
	if ok {
		v, ok = scalarValue(n)
	}
	want := k.rule().json
	switch {
	case !ok:
	case k.numeric():
		ok = v.kind == '0'
	case k == kindBoolean:
		ok = v.kind == 't' || v.kind == 'f'
	default:
		// YAML sees a moment in 2026-01-31 where JSON has a string.
		if (k == kindDate || k == kindTimestamp) && n.ShortTag() == "!!timestamp" {
			v.kind = '"'
		}
		ok = v.kind == '"'
	}
	if !ok {
		fix := "write " + want
		if want == "a string" {
			fix = "put it in quotes"
		}
		p.wrongKind(n, what+" is not "+want+", which type "+k.String()+" needs", fix)
		return value{}, false
	}
	if strings.IndexByte(n.Value, 0) >= 0 {
		p.complain(n, what+" holds a zero byte", "Postgres cannot store it; remove it")
		return value{}, false
	}
	return v, true
}

// scalarValue gives the JSON value that a YAML scalar stands for. YAML's own numbers (0x1f, .5, .inf) have none.
func scalarValue(n *yaml.Node) (value, bool) {
	v := value{text: []byte(n.Value)}
	switch n.ShortTag() {
	case "!!str":
		v.kind = '"'
	case "!!null":
		v.kind, v.text = 'n', nil
	case "!!bool":
		v.kind, v.text = 'f', []byte("false")
		if strings.EqualFold(n.Value, "true") {
			v.kind, v.text = 't', []byte("true")
		}
	case "!!int", "!!float":
		v.kind = '0'
		return v, validNumber(v.text)
	case "!!timestamp":
	default:
		return v, false
	}
	return v, true
}

func isNumber(n *yaml.Node) bool {
	v, ok := scalarValue(n)
	return ok && v.kind == '0'
}

// when reads a map of paths to a value or a list of values.
func (p *parser) when(n *yaml.Node) []condition {
	entries := p.entries(n, "when", "duplicate key", "list the values: [a, b]")
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.complain(n, "when is empty", "add path: value or remove it")
	}
	var conditions []condition
	for _, entry := range entries {
		at, ok := p.path(entry.key, "when")
		if !ok {
			continue
		}
		c := condition{path: at}
		nodes := []*yaml.Node{entry.value}
		if entry.value.Kind == yaml.SequenceNode {
			if nodes = entry.value.Content; len(nodes) == 0 {
				p.complain(entry.value, "when "+quote(at.text)+" has no value", "write at least one")
			}
		}
		for _, node := range nodes {
			if v, ok := p.comparable(node); ok {
				c.accept = append(c.accept, v)
			}
		}
		conditions = append(conditions, c)
	}
	return conditions
}

// comparable reads a value that a field may equal. A date without quotes is taken for the string that it looks like.
func (p *parser) comparable(n *yaml.Node) (value, bool) {
	v, ok := value{}, n.Kind == yaml.ScalarNode
	if ok {
		v, ok = scalarValue(n)
	}
	if !ok {
		p.wrongKind(n, "when compares with text, numbers, true, false and null", "write one of these, or a list of them")
		return value{}, false
	}
	switch v.kind {
	case 0:
		v.kind = '"'
	case '0':
		number, _, ok := parseDecimal(nil, v.text)
		if !ok {
			p.complain(n, "a number of more than 1000 digits", "write a smaller one")
			return value{}, false
		}
		v.text = number.appendPlain(nil)
	}
	return v, true
}

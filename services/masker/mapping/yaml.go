package mapping

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parser reads a mapping's YAML node by node, because only nodes know their line and column. It gathers complaints and
// goes on, so that one run shows them all.
type parser struct {
	file       string
	complaints ComplaintsError
	warnings   ComplaintsError
	reader     reader
	normalizer normalizer
}

func (p *parser) complain(at *yaml.Node, what, fix string) {
	p.complaints = append(p.complaints, Complaint{p.file, at.Line, at.Column, what, fix})
}

func (p *parser) warn(at *yaml.Node, what, fix string) {
	p.warnings = append(p.warnings, Complaint{p.file, at.Line, at.Column, what, fix})
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?`)

// document returns the root of the one document in source, or nil after a complaint.
func (p *parser) document(source []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	var first, second yaml.Node
	top := &yaml.Node{Line: 1, Column: 1}
	err := decoder.Decode(&first)
	if err == nil {
		if err = decoder.Decode(&second); err == nil {
			p.complain(&second, "a second document", "keep one mapping in one file")
			return nil
		}
	}
	switch {
	case errors.Is(err, io.EOF) && len(first.Content) == 1:
		p.refuseIndirection(first.Content[0])
		return first.Content[0]
	case errors.Is(err, io.EOF):
		p.complain(top, "the file is empty", "begin with version: 1")
	default:
		what := err.Error()
		if match := yamlLine.FindStringSubmatch(what); match != nil {
			what = what[len(match[0]):]
			if line, err := strconv.Atoi(match[1]); err == nil {
				top.Line = line
			}
		}
		p.complain(top, "not valid YAML: "+strings.ReplaceAll(what, "\n", " "), "mend the syntax")
	}
	return nil
}

// refuseIndirection complains about everything that makes a line of YAML mean something written elsewhere.
func (p *parser) refuseIndirection(n *yaml.Node) {
	if n.Anchor != "" {
		p.complain(n, "an anchor", "write the value out where it is used")
	}
	switch {
	case n.Kind == yaml.AliasNode:
		p.complain(n, "an alias", "write the value out")
	case n.Tag == "!!merge":
		p.complain(n, "a merge key", "write the keys out")
	case n.Style&yaml.TaggedStyle != 0:
		p.complain(n, "a tag", "remove it; the key's meaning gives the type")
	}
	for _, child := range n.Content {
		p.refuseIndirection(child)
	}
}

// member is one key of a map with its value.
type member struct {
	key, value *yaml.Node
}

// entries returns the members of a map and complains about keys that are no names or come twice. what names the map;
// twice says what a repetition is.
func (p *parser) entries(n *yaml.Node, what, twice, fix string) []member {
	if n.Kind != yaml.MappingNode {
		p.wrongKind(n, what+" is not a map", "write it as key: value")
		return nil
	}
	var members []member
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" {
			if key.Kind != yaml.ScalarNode {
				p.wrongKind(key, "a key that is not a name", "write a name")
			}
			continue
		}
		if line, repeated := seen[key.Value]; repeated {
			p.complain(key, twice+" "+quote(key.Value)+", first on line "+strconv.Itoa(line), fix)
			continue
		}
		seen[key.Value] = key.Line
		members = append(members, member{key, value})
	}
	return members
}

// closed returns the members of a map whose keys are a closed list, by name.
func (p *parser) closed(n *yaml.Node, what string, known, later []string) map[string]member {
	members := map[string]member{}
	for _, m := range p.entries(n, what, "duplicate key", "keep one of the two") {
		name := m.key.Value
		switch {
		case slices.Contains(known, name):
			members[name] = m
		case slices.Contains(later, name):
			p.complain(m.key, "key "+quote(name)+" is not yet supported", "remove it")
		default:
			p.complain(m.key, "unknown key "+quote(name), oneOf(name, known))
		}
	}
	return members
}

// text returns a scalar that is a string.
func (p *parser) text(n *yaml.Node, what string) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && n.Value != "" {
		return n.Value, true
	}
	switch {
	case n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!null" || n.Value == ""):
		p.complain(n, what+" is empty", "write a value or remove the key")
	case n.Kind == yaml.ScalarNode:
		p.complain(n, what+" is not text", "put it in quotes")
	default:
		p.wrongKind(n, what+" is not text", "write one name")
	}
	return "", false
}

// choice returns the scalar of a closed list.
func (p *parser) choice(n *yaml.Node, what string, names ...string) string {
	text, ok := p.text(n, what)
	if ok && !slices.Contains(names, text) {
		p.complain(n, "unknown "+what+" "+quote(text), oneOf(text, names))
		return ""
	}
	return text
}

// flag returns true or false.
func (p *parser) flag(n *yaml.Node, what string) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		p.wrongKind(n, what+" is neither true nor false", "write true or false")
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

// path returns a path.
func (p *parser) path(n *yaml.Node, what string) (path, bool) {
	text, ok := p.text(n, what)
	if !ok {
		return path{}, false
	}
	parsed, err := parsePath(text)
	if err != nil {
		p.complain(n, what+" "+quote(text)+" is no path: "+err.Error(), `write a.b, items.0.sku or 'a."b.c"'`)
		return path{}, false
	}
	return parsed, true
}

// paths returns one path or a list of them.
func (p *parser) paths(n *yaml.Node, what string) []path {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		if nodes = n.Content; len(nodes) == 0 {
			p.complain(n, what+" is empty", "write at least one path or remove the key")
		}
	}
	var paths []path
	for _, node := range nodes {
		if parsed, ok := p.path(node, what); ok {
			paths = append(paths, parsed)
		}
	}
	return paths
}

// wrongKind complains unless the node is an alias, which has its complaint already.
func (p *parser) wrongKind(n *yaml.Node, what, fix string) {
	if n.Kind != yaml.AliasNode {
		p.complain(n, what, fix)
	}
}

// quote shows a word of the mapping. Mappings hold no personal data, but one may be a megabyte long.
func quote(word string) string {
	const enough = 80
	if len(word) > enough {
		word = strings.ToValidUTF8(word[:enough], "") + "…"
	}
	return strconv.Quote(word)
}

package mapping

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	maxSource  = 1 << 20 // Bytes of YAML.
	maxColumns = 1000    // What the writer takes in one schema.
	maxName    = 63      // Bytes of a Postgres identifier; Postgres would cut a longer one silently.
)

var (
	topKeys      = []string{"version", "table", "columns", "when", "otherwise", "unknown_fields", "ignore"}
	topKeysLater = []string{"strict", "envelope", "route", "dedup", "each"}
)

// Parse reads a mapping. name is what complaints call the file. The error is ComplaintsError: everything that
// is wrong, at once.
func Parse(name string, source []byte) (*Mapping, error) {
	p := &parser{file: name}
	m := &Mapping{}
	if len(source) > maxSource {
		p.complain(&yaml.Node{Line: 1, Column: 1}, "the file is larger than 1 MiB", "write a smaller mapping")
	} else if root := p.document(source); root != nil {
		p.top(root, m)
	}
	if len(p.complaints) > 0 {
		p.complaints.sort()
		return nil, p.complaints
	}
	p.warnings.sort()
	for _, warning := range p.warnings {
		m.warnings = append(m.warnings, warning.String())
	}
	m.hash = m.canonicalHash()
	return m, nil
}

func (p *parser) top(root *yaml.Node, m *Mapping) {
	if root.Kind != yaml.MappingNode {
		p.wrongKind(root, "the file is not a map", "begin with version: 1")
		return
	}
	members := p.closed(root, "the file", topKeys, topKeysLater)
	for _, name := range []string{"version", "table", "columns"} {
		if _, given := members[name]; !given {
			p.complain(root, "key "+quote(name)+" is missing", "add it: a mapping needs version, table and columns")
		}
	}
	if version, given := members["version"]; given && (version.value.Kind != yaml.ScalarNode || version.value.Value != "1" || version.value.ShortTag() != "!!int") {
		p.wrongKind(version.value, "version is not 1", "write version: 1, the only grammar there is")
	}
	if table, given := members["table"]; given {
		m.table = p.table(table.value)
	}
	if columns, given := members["columns"]; given {
		m.columns = p.columns(columns.value)
	}
	p.selection(members, m)
}

// selection reads the keys that decide about whole records.
func (p *parser) selection(members map[string]member, m *Mapping) {
	when, conditional := members["when"]
	if conditional {
		m.when = p.when(when.value)
	}
	if otherwise, given := members["otherwise"]; given {
		m.skipUnmatched = p.choice(otherwise.value, "otherwise", "reject", "skip") == "skip"
		if !conditional {
			p.complain(otherwise.key, "otherwise without when has no effect", "add when or remove otherwise")
		}
	}
	if unknown, given := members["unknown_fields"]; given {
		m.rejectUnknown = p.choice(unknown.value, "unknown_fields", "ignore", "reject") == "reject"
	}
	if ignore, given := members["ignore"]; given {
		if ignore.value.Kind != yaml.SequenceNode {
			p.wrongKind(ignore.value, "ignore is not a list", "write [path, path]")
			return
		}
		for _, n := range ignore.value.Content {
			if one, ok := p.path(n, "ignore"); ok {
				m.ignore = append(m.ignore, one)
			}
		}
		if !m.rejectUnknown {
			p.complain(ignore.key, "ignore has no effect here", "add unknown_fields: reject or remove ignore")
		}
	}
}

// table reads [schema.]name.
func (p *parser) table(n *yaml.Node) string {
	text, ok := p.text(n, "table")
	if !ok {
		return ""
	}
	parts := strings.Split(text, ".")
	if len(parts) > 2 {
		p.complain(n, "table "+quote(text)+" has more than two parts", "write name or schema.name")
		return ""
	}
	for _, part := range parts {
		if !p.identifier(n, "table", part) {
			return ""
		}
	}
	return text
}

// identifier accepts what Postgres takes without quotes, plus upper case: the writer quotes every name.
func (p *parser) identifier(n *yaml.Node, what, name string) bool {
	if len(name) > maxName {
		p.complain(n, what+" "+quote(name)+" is longer than 63 bytes", "shorten it; Postgres would cut it")
		return false
	}
	for i, r := range name {
		letter := unicode.IsLetter(r) || r == '_'
		if !letter && (i == 0 || !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '$') || r == utf8.RuneError {
			name = "" // As bad as empty.
			break
		}
	}
	if name == "" {
		p.complain(n, what+" "+quote(n.Value)+" is no name", "begin with a letter or _, go on with letters, digits, _ or $")
		return false
	}
	return true
}

func (p *parser) columns(n *yaml.Node) []column {
	entries := p.entries(n, "columns", "two columns of the name", "rename or remove one")
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.complain(n, "there is no column", "add one, for example user_id: {type: text}")
	}
	if len(entries) > maxColumns {
		p.complain(n, "there are more than 1000 columns", "split the table")
		return nil
	}
	var columns []column
	raw, masked := map[string]*yaml.Node{}, map[string]bool{}
	for _, entry := range entries {
		name := entry.key.Value
		if !p.identifier(entry.key, "column", name) {
			continue
		}
		if name == "event_id" {
			p.complain(entry.key, "every row has event_id already", "remove it; for the id that SQS gave, name the column message_id: {meta: message_id}")
			continue
		}
		c := p.column(name, entry.value)
		columns = append(columns, c)
		for _, from := range c.source.paths {
			if where := formatPath(from.segments); c.mask.kind != maskNone {
				masked[where] = true
			} else if raw[where] == nil {
				raw[where] = entry.key
			}
		}
	}
	for where, key := range raw {
		if masked[where] {
			p.warn(key, "column "+quote(key.Value)+" writes field "+quote(where)+" as it is, and another column masks it", "mask it here too")
		}
	}
	return columns
}

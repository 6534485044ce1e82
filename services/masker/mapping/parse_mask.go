package mapping

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

var maskKeys = []string{"kind", "domain", "salt_from"}

// mask reads {kind, domain, salt_from}. A mask that says nothing is an error: whoever wrote the key wanted one.
func (p *parser) mask(n *yaml.Node, k kind, typed bool) mask {
	null := n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
	if null || n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.complain(n, "mask is empty", "write mask: {kind: hmac-sha256, domain: NAME} or remove the key")
		return mask{}
	}
	members := p.closed(n, "mask", maskKeys, nil)
	given, ok := members["kind"]
	if !ok {
		if n.Kind == yaml.MappingNode {
			p.complain(n, "mask has no kind", "one of: "+strings.Join(maskNames(), ", "))
		}
		return mask{}
	}
	m := mask{kind: p.maskKind(given.value)}
	if m.kind == maskNone {
		return m
	}
	if typed && !k.rule().maskable {
		p.complain(given.key, "a mask is for text, ip, integer, uuid and date, not for "+k.String(), "read it as text, or remove the column")
	}
	p.domain(&m, n, members)
	if salt, ok := members["salt_from"]; ok {
		if at, ok := p.path(salt.value, "salt_from"); ok {
			m.salt = &at
		}
		if !m.kind.salted() {
			p.complain(salt.key, "kind "+m.kind.String()+" has no salt", "remove salt_from")
		}
	}
	if m.kind == maskSHA256 {
		p.warn(given.value, "kind sha256 is weak: anyone can try values until one fits, all IPv4 addresses in 12 minutes on one core, in a second on a GPU", "write kind: hmac-sha256 with a domain")
	}
	return m
}

func (p *parser) maskKind(n *yaml.Node) maskKind {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" || n.Kind == yaml.ScalarNode && n.Value == "null" {
		p.complain(n, "null is no kind of mask: in YAML it means nothing", "write kind: nullify to write NULL")
		return maskNone
	}
	text, ok := p.text(n, "kind")
	if !ok {
		return maskNone
	}
	kind, ok := maskNamed(text)
	if !ok {
		p.complain(n, "unknown kind "+quote(text), oneOf(text, maskNames()))
	}
	return kind
}

// domain separates masks: equal values match only within one.
func (p *parser) domain(m *mask, n *yaml.Node, members map[string]member) {
	given, ok := members["domain"]
	switch {
	case ok && !m.kind.keyed():
		p.complain(given.key, "kind "+m.kind.String()+" has no domain", "remove domain")
	case ok:
		m.domain, _ = p.text(given.value, "domain")
		if strings.IndexByte(m.domain, 0) >= 0 {
			p.complain(given.value, "domain holds a zero byte", "remove it")
		}
	case m.kind.keyed():
		p.complain(n, "kind "+m.kind.String()+" needs a domain", "add domain: NAME; columns whose masks shall match share one")
	}
}

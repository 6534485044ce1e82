package mapping

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
)

// canonicalHash is SHA-256 over the mapping's meaning. Every text goes in with its length and every list with its
// count, so that no two meanings have the same bytes. What has no order (when, in, ignore) is sorted. Change the first
// line whenever what is fed changes: the writer groups rows by this hash.
func (m *Mapping) canonicalHash() [32]byte {
	h := feeder{sha256.New()}
	h.text("maskline mapping 1")
	h.text(m.table)
	h.count(len(m.columns))
	for i := range m.columns {
		h.column(&m.columns[i])
	}
	h.conditions(m.when)
	h.flag(m.skipUnmatched)
	h.flag(m.rejectUnknown)
	h.paths(sortedPaths(m.ignore))
	return [32]byte(h.Sum(nil))
}

// feeder writes meaning into a hash.
type feeder struct{ hash.Hash }

func (h feeder) count(n int) {
	_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func (h feeder) text(text string) {
	h.count(len(text))
	_, _ = h.Write([]byte(text))
}

func (h feeder) flag(set bool) {
	if set {
		h.count(1)
	} else {
		h.count(0)
	}
}

func (h feeder) value(v *value) {
	h.flag(v != nil)
	if v != nil {
		h.text(string(v.kind))
		h.text(string(v.text))
	}
}

func (h feeder) paths(paths []path) {
	h.count(len(paths))
	for _, p := range paths {
		h.count(len(p.segments))
		for _, segment := range p.segments {
			h.text(segment)
		}
	}
}

func (h feeder) column(c *column) {
	h.text(c.name)
	h.text(c.kind.String())
	h.paths(c.source.paths)
	h.flag(c.source.meta != nil)
	if c.source.meta != nil {
		h.text(c.source.meta.String())
	}
	h.value(c.source.constant)
	h.flag(c.required)
	h.value(c.otherwise)
	h.count(len(c.steps))
	for _, s := range c.steps {
		h.text(s.String())
	}
	h.limits(&c.limits, c.kind)
	h.text(c.mask.kind.String())
	h.text(c.mask.domain)
	if c.mask.salt != nil {
		h.paths([]path{*c.mask.salt})
	} else {
		h.paths(nil)
	}
}

func (h feeder) limits(l *limits, k kind) {
	texts := make([]string, 0, len(l.in))
	for _, one := range l.in {
		if k.numeric() {
			texts = append(texts, string(one.number.appendPlain(nil)))
		} else {
			texts = append(texts, string(one.text))
		}
	}
	slices.Sort(texts)
	texts = slices.Compact(texts)
	h.count(len(texts))
	for _, text := range texts {
		h.text(text)
	}
	for _, end := range []*bound{l.min, l.max} {
		h.flag(end != nil)
		if end != nil {
			h.text(string(end.number.appendPlain(nil)))
		}
	}
}

func (h feeder) conditions(when []condition) {
	sorted := slices.Clone(when)
	slices.SortFunc(sorted, func(a, b condition) int { return comparePaths(a.path, b.path) })
	h.count(len(sorted))
	for _, c := range sorted {
		h.paths([]path{c.path})
		accept := slices.Clone(c.accept)
		slices.SortFunc(accept, func(a, b value) int {
			return cmp.Or(cmp.Compare(a.kind, b.kind), bytes.Compare(a.text, b.text))
		})
		h.count(len(accept))
		for i := range accept {
			h.value(&accept[i])
		}
	}
}

func sortedPaths(paths []path) []path {
	sorted := slices.Clone(paths)
	slices.SortFunc(sorted, comparePaths)
	return sorted
}

func comparePaths(a, b path) int { return slices.Compare(a.segments, b.segments) }

package writer

// bisection finds the bad rows of a group. It holds the parts of the group that have no verdict yet, each of which is
// written by a statement of its own: one bad row among n costs about 2·log2(n) statements, or three where the database
// says which one it was, and all good rows are committed. It is pure.
type bisection struct {
	parts []part
}

// part is a range of rows, hi excluded.
type part struct{ lo, hi int }

// bisect begins with all n rows as one part.
func bisect(n int) *bisection {
	b := &bisection{}
	if n > 0 {
		b.parts = append(b.parts, part{0, n})
	}
	return b
}

// chunks begins with n rows in parts of a size.
func chunks(n, size int) *bisection {
	b := &bisection{}
	for lo := (n - 1) / size * size; lo >= 0; lo -= size {
		b.parts = append(b.parts, part{lo, min(lo+size, n)})
	}
	return b
}

// next is the part to write now, until done or split is called.
func (b *bisection) next() (p part, ok bool) {
	if len(b.parts) == 0 {
		return part{}, false
	}
	return b.parts[len(b.parts)-1], true
}

// done says that every row of the part has its verdict.
func (b *bisection) done() { b.parts = b.parts[:len(b.parts)-1] }

// split puts the two halves of the part in its place. A part of one row cannot be split.
func (b *bisection) split() bool {
	p := b.parts[len(b.parts)-1]
	if p.hi-p.lo < 2 {
		return false
	}
	middle := p.lo + (p.hi-p.lo)/2
	b.parts[len(b.parts)-1] = part{middle, p.hi}
	b.parts = append(b.parts, part{p.lo, middle})
	return true
}

// isolate puts three parts in the part's place: what is before the row at a position of it, the row, and what is after.
// Whoever named the row may be wrong: only a row that fails alone is rejected. False if it is alone already, or if there
// is no such position.
func (b *bisection) isolate(at int) bool {
	p := b.parts[len(b.parts)-1]
	if p.hi-p.lo < 2 || at < 0 || at >= p.hi-p.lo {
		return false
	}
	b.parts = b.parts[:len(b.parts)-1]
	row := p.lo + at
	for _, q := range []part{{row + 1, p.hi}, {row, row + 1}, {p.lo, row}} {
		if q.lo < q.hi {
			b.parts = append(b.parts, q)
		}
	}
	return true
}

package mapping

import "strconv"

// node is a place in the body that some path of the mapping passes through or ends at. Built once, then only read.
type node struct {
	// text is the path to here, for reasons. It comes from the mapping, never from a body.
	text string
	// slot is where the value is kept, or noSlot.
	slot int
	// ignored says that the whole of what is found here is known and unwanted.
	ignored bool
	edges   []edge
	byName  map[string]*node
}

type edge struct {
	name string
	to   *node
}

const noSlot = -1

// trie is every path of a mapping. A path that several columns read has one slot.
type trie struct {
	root  *node
	slots []path
}

func newTrie() *trie {
	return &trie{root: &node{slot: noSlot, byName: map[string]*node{}}}
}

func (t *trie) reach(p path) *node {
	at := t.root
	for i, name := range p.segments {
		next := at.byName[name]
		if next == nil {
			next = &node{slot: noSlot, text: formatPath(p.segments[:i+1]), byName: map[string]*node{}}
			at.byName[name] = next
			at.edges = append(at.edges, edge{name, next})
		}
		at = next
	}
	return at
}

// slot returns the slot of a path, new or known.
func (t *trie) slot(p path) int {
	at := t.reach(p)
	if at.slot == noSlot {
		at.slot = len(t.slots)
		at.text = p.text
		t.slots = append(t.slots, p)
	}
	return at.slot
}

func (t *trie) ignore(p path) { t.reach(p).ignored = true }

// member finds a member by name. hint is the edge after the last one found: producers rarely change their order, so
// one comparison is the usual cost.
func (n *node) member(name []byte, hint *int) *node {
	if *hint < len(n.edges) && n.edges[*hint].name == string(name) {
		*hint++
		return n.edges[*hint-1].to
	}
	if len(n.edges) > 8 {
		return n.byName[string(name)]
	}
	for i := range n.edges {
		if n.edges[i].name == string(name) {
			*hint = i + 1
			return n.edges[i].to
		}
	}
	return nil
}

// element finds an element of an array by its position.
func (n *node) element(position int) *node {
	if len(n.byName) == 0 {
		return nil
	}
	var digits [20]byte
	return n.byName[string(strconv.AppendInt(digits[:0], int64(position), 10))]
}

// whole reports whether everything below n is accounted for: a path ends here.
func (n *node) whole() bool { return n.ignored || n.slot != noSlot && len(n.edges) == 0 }

// follow returns the node at the given names, or nil.
func (n *node) follow(names func(func(string) bool)) *node {
	at := n
	for name := range names {
		if at = at.byName[name]; at == nil {
			return nil
		}
	}
	return at
}

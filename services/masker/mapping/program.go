package mapping

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"log/slog"

	"github.com/maskline/maskline/services/masker/keys"
)

// Program is a mapping with its keys, ready to run. It is immutable and safe for concurrent use; the work is done by
// workers. It prints as one word, because it holds subkeys.
type Program struct {
	mapping *Mapping
	keyID   string
	trie    *trie
	when    []compiledCondition
	columns []compiled
}

// compiled is a column whose paths have become slots.
type compiled struct {
	*column
	slots    []int
	saltSlot int
	// newMAC is nil for kinds without a key. The subkey is inside the function because fmt cannot look into one.
	newMAC func() hash.Hash
	prefix []byte
}

type compiledCondition struct {
	slot   int
	accept []value
}

// Compile joins a mapping and its keys. set may be nil if the mapping needs no key.
func Compile(m *Mapping, set *keys.Keyset) (*Program, error) {
	if m == nil {
		return nil, errors.New("compile: no mapping")
	}
	p := &Program{mapping: m, keyID: set.PrimaryID(), trie: newTrie()}
	if m.NeedsKey() && p.keyID == "" {
		return nil, fmt.Errorf("compile: the mapping for %s has keyed masks and there is no key; make one with: maskline keys create", m.table)
	}
	for _, c := range m.when {
		p.when = append(p.when, compiledCondition{p.trie.slot(c.path), c.accept})
	}
	for i := range m.columns {
		c := compiled{column: &m.columns[i], saltSlot: noSlot}
		for _, from := range c.source.paths {
			c.slots = append(c.slots, p.trie.slot(from))
		}
		if c.mask.salt != nil {
			c.saltSlot = p.trie.slot(*c.mask.salt)
		}
		if c.mask.kind.keyed() {
			subkey, err := set.Subkey(c.mask.kind.String(), c.mask.domain, sha256.Size)
			if err != nil {
				return nil, fmt.Errorf("compile: column %s: %w", c.name, err)
			}
			c.newMAC = func() hash.Hash { return hmac.New(sha256.New, subkey) }
			c.prefix = []byte("h1." + p.keyID + ".")
		}
		p.columns = append(p.columns, c)
	}
	for _, unwanted := range m.ignore {
		p.trie.ignore(unwanted)
	}
	return p, nil
}

// Mapping returns the mapping that the program was made of.
func (p *Program) Mapping() *Mapping { return p.mapping }

// NewBatch returns an empty batch for the program's columns.
func (p *Program) NewBatch() *Batch { return newBatch(len(p.columns)) }

// Format hides the subkeys from every verb.
func (p Program) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[program]")) }

// LogValue hides the subkeys from slog.
func (p Program) LogValue() slog.Value { return slog.StringValue("[program]") }

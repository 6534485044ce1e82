package mapping

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// maskKind is how a value is made unreadable.
type maskKind uint8

const (
	maskNone maskKind = iota
	maskHMAC
	maskSHA256
	maskNullify
	maskRedact
	maskCount
)

// RedactedText is what the mask kind redact writes.
const RedactedText = "***"

// macBytes is how much of the HMAC is written: 128 bits keep 2^40 distinct values apart with odds of 2^49 to 1.
const macBytes = 16

func (k maskKind) String() string {
	return [maskCount]string{"none", "hmac-sha256", "sha256", "nullify", "redact"}[k]
}

// keyed kinds need a key and a domain.
func (k maskKind) keyed() bool { return k == maskHMAC }

// salted kinds may have a salt.
func (k maskKind) salted() bool { return k == maskHMAC || k == maskSHA256 }

// writesText reports whether the column holds text, whatever the value was.
func (k maskKind) writesText() bool { return k == maskHMAC || k == maskSHA256 || k == maskRedact }

func maskNamed(name string) (maskKind, bool) {
	for k := maskHMAC; k < maskCount; k++ {
		if k.String() == name {
			return k, true
		}
	}
	return maskNone, false
}

func maskNames() []string {
	names := make([]string, 0, maskCount)
	for k := maskHMAC; k < maskCount; k++ {
		names = append(names, k.String())
	}
	return names
}

// mask is a column's mask. Its zero value writes the value as it is.
type mask struct {
	kind   maskKind
	domain string
	salt   *path
}

// masker applies one mask. It belongs to one worker: setting a MAC up costs three times what reusing one does.
type masker struct {
	kind   maskKind
	hash   hash.Hash
	prefix []byte
	length [4]byte
	sum    [sha256.Size]byte
}

func newMasker(c *compiled) *masker {
	m := &masker{kind: c.mask.kind, prefix: c.prefix}
	switch m.kind {
	case maskHMAC:
		m.hash = c.newMAC()
	case maskSHA256:
		m.hash = sha256.New()
	}
	return m
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// appendMAC writes `h1.<key id>.<base32>` of the canonical bytes. With a salt its length goes first: salt "ab" and
// value "c" must not meet salt "a" and value "bc".
func (m *masker) appendMAC(to, salt, canonical []byte) []byte {
	m.hash.Reset()
	if salt != nil {
		binary.BigEndian.PutUint32(m.length[:], uint32(len(salt)))
		m.hash.Write(m.length[:])
		m.hash.Write(salt)
	}
	m.hash.Write(canonical)
	sum := m.hash.Sum(m.sum[:0])
	return lowerBase32.AppendEncode(append(to, m.prefix...), sum[:macBytes])
}

// appendSHA256 writes hex of SHA-256(salt ‖ text as sent): the bytes of the system before this one.
func (m *masker) appendSHA256(to, salt, sent []byte) []byte {
	m.hash.Reset()
	m.hash.Write(salt)
	m.hash.Write(sent)
	return hex.AppendEncode(to, m.hash.Sum(m.sum[:0]))
}

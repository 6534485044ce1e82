// Package keys holds the secrets that keyed masks are made with: it reads and writes key files and derives a subkey
// for each use. It promises that a keyset it returns is complete and well formed, with exactly one primary key.
// It never prints a secret, in no format and in no error, and never reads a file that others could have changed.
package keys

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// SecretSize is the length of a root secret in bytes.
const SecretSize = 32

// State says what a key may be used for.
type State string

const (
	// Primary is the one key that new masks are made with.
	Primary State = "primary"
	// Readable keys belong to masks made earlier. Nothing new is made with them.
	Readable State = "readable"
)

// redacted is what every way of printing a keyset gives.
const redacted = "[redacted]"

// ErrZeroByte refuses a kind or domain that holds the byte which separates the two in the derivation.
var ErrZeroByte = errors.New("subkey: kind and domain must not contain a zero byte")

// key is one root secret. The secret is inside a function: where fmt cannot call Format (an unexported field of a foreign
// struct) it prints fields as they are and, given a wrong verb, follows pointers, but it cannot look into a function.
type key struct {
	id     string
	state  State
	derive func(info string, n int) ([]byte, error)
}

func newKey(id string, state State, secret []byte) key {
	return key{id: id, state: state, derive: func(info string, n int) ([]byte, error) {
		return hkdf.Key(sha256.New, secret, nil, info, n)
	}}
}

// Keyset is one or more root keys. It is immutable and safe for concurrent use. Its zero value has no key.
type Keyset struct {
	keys    []key
	primary int
}

// PrimaryID returns the id of the key that new masks carry, or "" for a keyset without keys.
func (k *Keyset) PrimaryID() string {
	if k == nil || len(k.keys) == 0 {
		return ""
	}
	return k.keys[k.primary].id
}

// IDs returns the ids of all keys, in the order of the file.
func (k *Keyset) IDs() []string {
	if k == nil {
		return nil
	}
	ids := make([]string, len(k.keys))
	for i, one := range k.keys {
		ids[i] = one.id
	}
	return ids
}

// Subkey derives n bytes from the primary key for one kind of mask and one domain:
// HKDF-SHA256(IKM = root key, empty salt, info = "mask/v1" 00 kind 00 domain). Equal input gives equal bytes.
func (k *Keyset) Subkey(kind, domain string, n int) ([]byte, error) {
	if k == nil || len(k.keys) == 0 {
		return nil, errors.New("subkey: no key")
	}
	if strings.IndexByte(kind, 0) >= 0 || strings.IndexByte(domain, 0) >= 0 {
		return nil, ErrZeroByte
	}
	return k.keys[k.primary].derive("mask/v1\x00"+kind+"\x00"+domain, n)
}

// CheckValue returns the id of the primary key and eight hex digits that identify its secret without revealing it:
// the first 4 bytes of HMAC-SHA256(Subkey("kcv", "", 32), "kcv"). Replicas that show different check values for one id
// would write masks that do not match.
func (k *Keyset) CheckValue() (id, check string) {
	subkey, err := k.Subkey("kcv", "", sha256.Size)
	if err != nil {
		return "", ""
	}
	mac := hmac.New(sha256.New, subkey)
	mac.Write([]byte("kcv"))
	return k.PrimaryID(), hex.EncodeToString(mac.Sum(nil)[:4])
}

// String hides the secrets.
func (k Keyset) String() string { return redacted }

// Format hides the secrets from every verb.
func (k Keyset) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue hides the secrets from slog.
func (k Keyset) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secrets from every encoder that asks for text.
func (k Keyset) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON hides the secrets from JSON.
func (k Keyset) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

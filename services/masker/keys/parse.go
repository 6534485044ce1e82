package keys

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// keyFile is the file as written. Pointers tell a missing member from an empty one.
type keyFile struct {
	Version *int       `json:"version"`
	Keys    []keyEntry `json:"keys"`
}

type keyEntry struct {
	ID     *string `json:"id"`
	State  *string `json:"state"`
	Secret *string `json:"secret"`
}

// Parse reads a key file's text: {"version":1,"keys":[{"id":"k1","state":"primary","secret":"<base64, 32 bytes>"}]}.
// It is strict: unknown or repeated members, repeated ids, and any number of primary keys but one are errors. All
// complaints come at once; none quotes the file, because what is misplaced there may be the secret.
func Parse(source []byte) (*Keyset, error) {
	var file keyFile
	if err := json.Unmarshal(source, &file, json.RejectUnknownMembers(true)); err != nil {
		return nil, jsonError(err)
	}
	if file.Version == nil || *file.Version != 1 {
		return nil, errors.New("version: must be 1")
	}
	set := &Keyset{keys: make([]key, 0, len(file.Keys))}
	var complaints []error
	primaries := 0
	for i, entry := range file.Keys {
		one, err := entry.key(fmt.Sprintf("keys[%d]", i))
		if err != nil {
			complaints = append(complaints, err)
			continue
		}
		for _, other := range set.keys {
			if other.id == one.id {
				complaints = append(complaints, fmt.Errorf("keys[%d].id: used twice; each key needs an id of its own", i))
			}
		}
		if one.state == Primary {
			primaries++
			set.primary = len(set.keys)
		}
		set.keys = append(set.keys, one)
	}
	if len(complaints) == 0 && primaries != 1 {
		complaints = append(complaints, fmt.Errorf("keys: %d are primary; exactly one must be", primaries))
	}
	if err := errors.Join(complaints...); err != nil {
		return nil, err
	}
	return set, nil
}

func (e keyEntry) key(where string) (key, error) {
	var complaints []error
	complain := func(member, rule string) {
		complaints = append(complaints, fmt.Errorf("%s.%s: %s", where, member, rule))
	}
	if e.ID == nil || !ValidID(*e.ID) {
		complain("id", "must be 1 to 16 of a-z and 0-9")
	}
	if e.State == nil || State(*e.State) != Primary && State(*e.State) != Readable {
		complain("state", "must be primary or readable")
	}
	secret, ok := decodeSecret(e.Secret)
	if !ok {
		complain("secret", fmt.Sprintf("must be base64 of exactly %d bytes", SecretSize))
	}
	if err := errors.Join(complaints...); err != nil {
		return key{}, err
	}
	return newKey(*e.ID, State(*e.State), secret), nil
}

// decodeSecret wants the one canonical spelling: the decoder alone would pass over line breaks.
func decodeSecret(text *string) ([]byte, bool) {
	if text == nil || strings.ContainsAny(*text, "\r\n") {
		return nil, false
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(*text)
	return secret, err == nil && len(secret) == SecretSize
}

// ValidID reports whether id may name a key: 1 to 16 of a-z and 0-9. Ids are part of every mask that is written.
func ValidID(id string) bool {
	if len(id) < 1 || len(id) > 16 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// jsonError says where the JSON is wrong without repeating a byte of it.
func jsonError(err error) error {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Errorf("byte %d: a member is given twice", syntax.ByteOffset)
		}
		return fmt.Errorf("byte %d: not valid JSON", syntax.ByteOffset)
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		rule := "wrong type of value"
		if errors.Is(err, json.ErrUnknownName) {
			rule = "unknown member; a file has version and keys, a key has id, state and secret"
		}
		return fmt.Errorf("byte %d: %s", semantic.ByteOffset, rule)
	}
	return errors.New("not valid JSON")
}

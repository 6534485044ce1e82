package oracle

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"strings"
)

// keyBytes is the size of a root key.
const keyBytes = 32

// primary finds the primary key in a key file. Its errors quote nothing of it.
func primary(keyFile []byte) (id string, root []byte, err error) {
	var file struct {
		Keys []struct {
			ID     string `json:"id"`
			State  string `json:"state"`
			Secret string `json:"secret"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(keyFile, &file); err != nil {
		return "", nil, errors.New("key file: no JSON of a key file")
	}
	for _, k := range file.Keys {
		if k.State != "primary" {
			continue
		}
		root, err := base64.StdEncoding.DecodeString(k.Secret)
		if err != nil || len(root) != keyBytes {
			return "", nil, errors.New("key file: the primary key's secret is no base64 of 32 bytes")
		}
		return k.ID, root, nil
	}
	return "", nil, errors.New("key file: no primary key")
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(bytes.Join(parts, nil))
	return h.Sum(nil)
}

// subkey is HKDF (RFC 5869) with an empty salt, whose one block of output is enough.
func subkey(root []byte, domain string) []byte {
	extracted := mac(make([]byte, sha256.Size), root)
	info := strings.Join([]string{"mask/v1", "hmac-sha256", domain}, "\x00")
	return mac(extracted, []byte(info), []byte{1})
}

func (o *Oracle) maskAddress(user, given string) string {
	return o.mask(o.ip, user, given, net.ParseIP(given).To16())
}

func (o *Oracle) maskDevice(user, given string) string {
	return o.mask(o.device, user, given, []byte(given))
}

// mask writes a value's mask: keyed, with the user as salt or without, or the plain hash of the original system.
func (o *Oracle) mask(key []byte, user, given string, canonical []byte) string {
	var salt []byte
	switch o.mapping {
	case "login-original":
		sum := sha256.Sum256([]byte(user + given))
		return hex.EncodeToString(sum[:])
	case "login":
		salt = append(binary.BigEndian.AppendUint32(nil, uint32(len(user))), user...)
	}
	sum := mac(key, salt, canonical)
	return "h1." + o.keyID + "." + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

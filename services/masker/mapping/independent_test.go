package mapping_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/services/masker/mapping"
)

// What follows computes the three built-in mappings a second time, from docs/mapping.md and without the code under
// test: another JSON reader, HMAC and HKDF from their definitions, addresses by package net.

func slowHMAC(key []byte, message ...[]byte) []byte {
	if len(key) > 64 {
		panic("not needed here")
	}
	pad := func(with byte) []byte {
		block := bytes.Repeat([]byte{with}, 64)
		for i, b := range key {
			block[i] ^= b
		}
		return block
	}
	inner := sha256.Sum256(append(pad(0x36), bytes.Join(message, nil)...))
	outer := sha256.Sum256(append(pad(0x5c), inner[:]...))
	return outer[:]
}

// slowSubkey is RFC 5869 for one block of output.
func slowSubkey(root []byte, kind, domain string) []byte {
	extracted := slowHMAC(nil, root)
	info := strings.Join([]string{"mask/v1", kind, domain}, "\x00")
	return slowHMAC(extracted, []byte(info), []byte{1})
}

func slowKeyed(domain string, salt *string, canonical []byte) string {
	var prefix []byte
	if salt != nil {
		n := len(*salt)
		prefix = append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, *salt...)
	}
	mac := slowHMAC(slowSubkey(rootKey(), "hmac-sha256", domain), prefix, canonical)
	return "h1.k1." + strings.ToLower(strings.TrimRight(base32.StdEncoding.EncodeToString(mac[:16]), "="))
}

func slowLogin(name string, body []byte, sent time.Time) map[string]string {
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		panic(err)
	}
	result := map[string]string{"create_date": sent.UTC().Format("2006-01-02")}
	for _, plain := range []string{"user_id", "device_type", "locale"} {
		result[plain] = null
		if text, given := fields[plain].(string); given {
			result[plain] = text
		}
	}
	user := result["user_id"]
	mask := func(domain, text string, canonical []byte) string {
		switch name {
		case "login":
			return slowKeyed(domain, &user, canonical)
		case "login-joinable":
			return slowKeyed(domain, nil, canonical)
		}
		sum := sha256.Sum256([]byte(user + text))
		return hex.EncodeToString(sum[:])
	}
	result["masked_ip"], result["masked_device_id"], result["app_version"] = null, null, null
	if text, given := fields["ip"].(string); given {
		result["masked_ip"] = mask("ip", text, net.ParseIP(text).To16())
	}
	if text, given := fields["device_id"].(string); given {
		result["masked_device_id"] = mask("device_id", text, []byte(text))
	}
	if text, given := fields["app_version"].(string); given {
		total, weight := 0, 1_000_000
		for group := range strings.SplitSeq(text, ".") {
			n, _ := strconv.Atoi(group)
			total += n * weight
			weight /= 1000
		}
		result["app_version"] = strconv.Itoa(total)
	}
	return result
}

// randomLogin makes a login that all three mappings accept: keys in any order, escapes, nulls, absent and extra fields.
func randomLogin(r *rand.Rand) []byte {
	texts := []string{"RU", "de-DE", "pt_BR", "", " ", "日本", "😀", `"quoted"`, `back\slash`, "tab\t", "é", "\u2028"}
	text := func() string { return texts[r.IntN(len(texts))] }
	address := net.IPv4(byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())).String()
	switch r.IntN(4) {
	case 0:
		six := make(net.IP, 16)
		for i := range six {
			six[i] = byte(r.Uint32() & r.Uint32())
		}
		address = strings.ToUpper(six.String())
	case 1:
		address = "::ffff:" + address
	}
	versions := []string{
		fmt.Sprint(r.IntN(1000)), fmt.Sprintf("%d.%02d", r.IntN(10), r.IntN(100)), fmt.Sprintf("%d.%d.%03d", r.IntN(1000), r.IntN(1000), r.IntN(1000)),
	}
	fields := map[string]any{
		"user_id": fmt.Sprintf("%08x-%s", r.Uint32(), text()), "device_type": text(), "ip": address, "locale": text(),
		"device_id": fmt.Sprintf("%03d-%s", r.IntN(1000), text()), "app_version": versions[r.IntN(3)],
		"extra": []any{1, "x", nil, map[string]any{"ip": "192.0.2.1"}},
	}
	for name := range fields {
		switch choice := r.IntN(10); {
		case name == "user_id":
		case choice == 0:
			fields[name] = nil
		case choice == 1:
			delete(fields, name)
		}
	}
	var parts []string
	for name, value := range fields { // In Go's random order.
		encoded, err := json.Marshal(value)
		if err != nil {
			panic(err)
		}
		parts = append(parts, fmt.Sprintf("%q:%s", name, encoded))
	}
	return []byte("{" + strings.Join(parts, " , ") + "}")
}

func TestBuiltIn_EqualAnIndependentComputation(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"login", "login-joinable", "login-original"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(len(name))))
			program := builtin(t, name)
			for range 500 {
				body, sent := randomLogin(random), time.UnixMilli(random.Int64N(4_000_000_000_000))
				got := row(t, program, &mapping.Record{Body: body, SentAtMS: sent.UnixMilli()})
				for column, want := range slowLogin(name, body, sent) {
					if got[column] != want {
						t.Fatalf("%s\n%s: got %q, want %q", body, column, got[column], want)
					}
				}
				if len(got) != 7 {
					t.Fatalf("%d columns", len(got))
				}
			}
		})
	}
}

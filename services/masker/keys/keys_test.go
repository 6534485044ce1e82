package keys_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maskline/maskline/services/masker/keys"
)

func secret(first byte) []byte {
	bytes := make([]byte, keys.SecretSize)
	for i := range bytes {
		bytes[i] = first + byte(i)
	}
	return bytes
}

func entry(id, state string, secret []byte) string {
	return fmt.Sprintf(`{"id":%q,"state":%q,"secret":%q}`, id, state, base64.StdEncoding.EncodeToString(secret))
}

func file(entries ...string) []byte {
	return []byte(`{"version":1,"keys":[` + strings.Join(entries, ",") + `]}`)
}

func golden(tb testing.TB) *keys.Keyset {
	tb.Helper()
	set, err := keys.Parse(file(entry("k0", "readable", secret(9)), entry("k1", "primary", secret(0))))
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

func TestParse_TakesOnePrimaryAmongOthers(t *testing.T) {
	t.Parallel()
	set := golden(t)
	if set.PrimaryID() != "k1" || strings.Join(set.IDs(), " ") != "k0 k1" {
		t.Errorf("primary %s of %v", set.PrimaryID(), set.IDs())
	}
}

func TestParse_RefusesWhatIsNotExactlyAKeyFile(t *testing.T) {
	t.Parallel()
	good := entry("k1", "primary", secret(0))
	text := base64.StdEncoding.EncodeToString(secret(0))
	for _, test := range []struct{ name, source, want string }{
		{"empty", "", "not valid JSON"},
		{"no JSON", "k1=" + text, "byte 0: not valid JSON"},
		{"trailing data", string(file(good)) + "{}", "not valid JSON"},
		{"no version", `{"keys":[` + good + `]}`, "version: must be 1"},
		{"other version", `{"version":2,"keys":[` + good + `]}`, "version: must be 1"},
		{"version as text", `{"version":"1","keys":[` + good + `]}`, "wrong type of value"},
		{"unknown member", `{"version":1,"note":"x","keys":[` + good + `]}`, "unknown member; a file has version and keys, a key has id, state and secret"},
		{"unknown member of a key", string(file(good[:len(good)-1] + `,"x":1}`)), "unknown member"},
		{"other case", `{"Version":1,"keys":[` + good + `]}`, "unknown member"},
		{"member twice", `{"version":1,"version":1,"keys":[` + good + `]}`, "a member is given twice"},
		{"no keys", `{"version":1}`, "keys: 0 are primary; exactly one must be"},
		{"no primary", string(file(entry("k1", "readable", secret(0)))), "keys: 0 are primary"},
		{"two primaries", string(file(good, entry("k2", "primary", secret(1)))), "keys: 2 are primary"},
		{"id twice", string(file(good, entry("k1", "readable", secret(1)))), "keys[1].id: used twice"},
		{"empty id", string(file(entry("", "primary", secret(0)))), "keys[0].id: must be 1 to 16 of a-z and 0-9"},
		{"upper case", string(file(entry("K1", "primary", secret(0)))), "keys[0].id: must be"},
		{"dot in the id", string(file(entry("k.1", "primary", secret(0)))), "keys[0].id: must be"},
		{"long id", string(file(entry("k1234567890123456", "primary", secret(0)))), "keys[0].id: must be"},
		{"unknown state", string(file(entry("k1", "active", secret(0)))), "keys[0].state: must be primary or readable"},
		{"short secret", string(file(entry("k1", "primary", secret(0)[:31]))), "keys[0].secret: must be base64 of exactly 32 bytes"},
		{"long secret", string(file(entry("k1", "primary", append(secret(0), 0)))), "keys[0].secret: must be"},
		{"secret with a line break", string(file(strings.Replace(good, "AAEC", `AAEC\n`, 1))), "keys[0].secret: must be"},
		{"secret in the URL alphabet", strings.ReplaceAll(string(file(entry("k1", "primary", bytes.Repeat([]byte{0xff}, 32)))), "/", "_"), "keys[0].secret: must be"},
		{"everything at once", string(file(`{"secret":"AA=="}`)), "keys[0].state: must be primary or readable\nkeys[0].secret: must be"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := keys.Parse([]byte(test.source))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if strings.Contains(err.Error(), text[:8]) {
				t.Errorf("the error quotes the secret: %v", err)
			}
		})
	}
}

func TestKeyset_NeverPrintsASecret(t *testing.T) {
	t.Parallel()
	set := golden(t)
	type holder struct {
		Shown  keys.Keyset
		hidden keys.Keyset // fmt cannot call Format on it.
	}
	held := holder{*set, *set}
	var outputs []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%o", "%b"} {
		for _, thing := range []any{set, *set, held, &held} {
			outputs = append(outputs, fmt.Sprintf(verb, thing))
		}
	}
	var buffer bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&buffer, nil), slog.NewJSONHandler(&buffer, nil)} {
		slog.New(handler).Info("x", "set", set, "value", *set, "held", held)
	}
	encoded, err := json.Marshal(map[string]any{"set": set, "value": *set, "held": held})
	if err != nil {
		t.Fatal(err)
	}
	if err := gob.NewEncoder(&buffer).Encode(set); err == nil {
		t.Error("gob takes it")
	}
	outputs = append(outputs, buffer.String(), string(encoded), set.String())
	raw := secret(0)
	needles := []string{
		string(raw[4:12]), hex.EncodeToString(raw[4:12]), strings.ToUpper(hex.EncodeToString(raw[4:12])),
		base64.StdEncoding.EncodeToString(raw[:12]), strings.Trim(fmt.Sprintf("%d", raw[4:12]), "[]"), "0x4, 0x5, 0x6",
	}
	for _, output := range outputs {
		for _, needle := range needles {
			if strings.Contains(output, needle) {
				t.Errorf("found in %s", output)
			}
		}
	}
	if got := fmt.Sprint(set); got != "[redacted]" {
		t.Errorf("prints %s", got)
	}
}

func TestSubkey_IsHKDFWithKindAndDomain(t *testing.T) {
	t.Parallel()
	set := golden(t)
	// RFC 5869 by hand, one block.
	sum := func(key []byte, parts ...[]byte) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write(bytes.Join(parts, nil))
		return mac.Sum(nil)
	}
	want := sum(sum(make([]byte, 32), secret(0)), []byte("mask/v1\x00hmac-sha256\x00ip"), []byte{1})
	got, err := set.Subkey("hmac-sha256", "ip", 32)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
	for _, other := range [][2]string{{"hmac-sha256", "device_id"}, {"sha256", "ip"}, {"hmac-sha256ip", ""}, {"", "hmac-sha256ip"}} {
		if subkey, err := set.Subkey(other[0], other[1], 32); err != nil || bytes.Equal(subkey, want) {
			t.Errorf("%q has the same subkey, or %v", other, err)
		}
	}
	for _, bad := range [][2]string{{"a\x00b", "c"}, {"a", "b\x00c"}} {
		if _, err := set.Subkey(bad[0], bad[1], 32); !errors.Is(err, keys.ErrZeroByte) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, none := range []*keys.Keyset{nil, {}} {
		if _, err := none.Subkey("a", "b", 32); err == nil || none.PrimaryID() != "" || len(none.IDs()) != 0 {
			t.Error("a keyset without keys gives a subkey")
		}
	}
}

func TestCheckValue_TellsSecretsApart(t *testing.T) {
	t.Parallel()
	// The golden key's, computed in another language: HKDF with info "mask/v1" 00 "kcv" 00, then HMAC over "kcv".
	if id, check := golden(t).CheckValue(); id != "k1" || check != "a908806f" {
		t.Errorf("got %s %s", id, check)
	}
	other, err := keys.Parse(file(entry("k1", "primary", secret(1))))
	if err != nil {
		t.Fatal(err)
	}
	if _, check := other.CheckValue(); check == "a908806f" || len(check) != 8 {
		t.Errorf("another secret has check value %s", check)
	}
}

func TestLoad_RefusesWhatOthersMayTouch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, file(entry("k1", "primary", secret(0))), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, fine := range map[os.FileMode]bool{
		0o400: true, 0o440: true, 0o040: true, 0o600: false, 0o640: false, 0o460: false, 0o444: false, 0o404: false, 0o402: false, 0o500: false, 0o777: false,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if mode&0o400 == 0 && os.Geteuid() != 0 {
			continue // Only root reads it then.
		}
		set, err := keys.Load(path)
		if fine != (err == nil) || fine != (set.PrimaryID() == "k1") {
			t.Errorf("%04o: %v", mode, err)
		}
		if !fine && err != nil && (!strings.Contains(err.Error(), "chmod 0400 "+path) || !strings.Contains(err.Error(), fmt.Sprintf("%04o", mode))) {
			t.Errorf("%04o: %v", mode, err)
		}
	}
}

func TestLoad_NamesTheFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	missing := filepath.Join(folder, "missing")
	if _, err := keys.Load(missing); !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), missing) != 1 {
		t.Errorf("missing: %v", err)
	}
	if _, err := keys.Load(folder); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
	broken := filepath.Join(folder, "broken")
	if err := os.WriteFile(broken, []byte("{"), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Load(broken); err == nil || !strings.Contains(err.Error(), broken+": byte") {
		t.Errorf("broken: %v", err)
	}
	large := filepath.Join(folder, "large")
	if err := os.WriteFile(large, bytes.Repeat([]byte{' '}, 70_000), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Load(large); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("large: %v", err)
	}
}

func TestCreate_MakesAFileThatLoadsAndIsNeverOverwritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	created, err := keys.Create(path, "k7")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	loaded, err := keys.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	id, check := loaded.CheckValue()
	if createdID, createdCheck := created.CheckValue(); id != "k7" || id != createdID || check != createdCheck {
		t.Errorf("created %s %s, loaded %s %s", createdID, createdCheck, id, check)
	}
	before, _ := os.ReadFile(path)
	if _, err := keys.Create(path, "k7"); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("second: %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	other, err := keys.Create(path+"2", "k7")
	if err != nil {
		t.Fatal(err)
	}
	if _, otherCheck := other.CheckValue(); otherCheck == check {
		t.Error("two new keys are equal")
	}
	if _, err := keys.Create(path+"3", "K 7"); err == nil {
		t.Error("a bad id was taken")
	}
	if _, err := os.Stat(path + "3"); err == nil {
		t.Error("a bad id left a file")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(entry("k1", "primary", secret(0))))
	f.Add(file(entry("k1", "primary", secret(0)), entry("k2", "readable", secret(1))))
	f.Add([]byte(`{"version":1,"keys":null}`))
	f.Fuzz(func(t *testing.T, source []byte) {
		set, err := keys.Parse(source)
		if err == nil && (!keys.ValidID(set.PrimaryID()) || !json.Valid(source)) {
			t.Fatal("a keyset without a primary key, or no JSON")
		}
	})
}

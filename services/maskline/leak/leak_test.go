package leak_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/maskline/maskline/services/maskline/leak"
)

func search(t *testing.T, text string, values ...string) []leak.Hit {
	t.Helper()
	needles, err := leak.For(values...)
	if err != nil {
		t.Fatal(err)
	}
	hits, err := leak.Search(strings.NewReader(text), needles, 10)
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func TestSearch_FindsAValueInEveryForm(t *testing.T) {
	t.Parallel()
	const address, device = "2001:db8:77::1", "911-27-6543"
	for form, text := range map[string]string{
		"plain":      `{"ip":"` + address + `"}`,
		"upper case": strings.ToUpper(address),
		"hex":        hex.EncodeToString([]byte("before " + address + " after")),
		"HEX":        strings.ToUpper(hex.EncodeToString([]byte(address))),
		"URL":        "?ip=" + url.QueryEscape(address),
		"url":        "?ip=2001%3adb8%3a77%3a%3a1",
		"stripped":   "911276543",
		"expanded":   "2001:0db8:0077:0000:0000:0000:0000:0001",
		"bytes":      "20010db8007700000000000000000001",
	} {
		if hits := search(t, text, address, device); len(hits) == 0 {
			t.Errorf("%s: not found", form)
		}
	}
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
		for skip := range 12 {
			for after := range 4 {
				text := encoding.EncodeToString([]byte(strings.Repeat("ÿ?>", skip)[:skip] + address + strings.Repeat("é", after)))
				if hits := search(t, text, address); len(hits) == 0 {
					t.Errorf("base64 after %d bytes and before %d: not found", skip, after)
				}
			}
		}
	}
}

func TestSearch_FindsAPartOfALongerValue(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"198.18.7.9", base64.StdEncoding.EncodeToString([]byte(`{"ip":"198.18.7.9"}`)), hex.EncodeToString([]byte("198.18.7.9"))} {
		if hits := search(t, text, "198.18."); len(hits) != 1 {
			t.Errorf("%s: %d hits, want 1", text, len(hits))
		}
	}
}

func TestSearch_FindsWhatLiesAcrossReadsAndSaysWhere(t *testing.T) {
	t.Parallel()
	needles, err := leak.For("zz-canary-zz")
	if err != nil {
		t.Fatal(err)
	}
	const filler = 300 << 10 // more than one window
	for _, shift := range []int{0, 1, 256<<10 - filler - 5, 256<<10 - filler} {
		text := strings.Repeat("x", filler+shift) + "zz-canary-zz" + strings.Repeat("y", 70_000)
		hits, err := leak.Search(iotest.HalfReader(strings.NewReader(text)), needles, 10)
		if err != nil || len(hits) != 1 || hits[0].Offset != int64(filler+shift) {
			t.Errorf("shift %d: %v, %v", shift, hits, err)
		}
	}
	if hits := search(t, "h1.k1.csppddbjigkc2mxtybc2uaoi7e zz-canary", "zz-canary-zz"); len(hits) != 0 {
		t.Errorf("found what is not there: %v", hits)
	}
}

func TestSearch_NeverPrintsTheValue(t *testing.T) {
	t.Parallel()
	hits := search(t, "ip=203.0.113.9", "203.0.113.9")
	if text := fmt.Sprint(hits); !strings.Contains(text, "plain") || strings.Contains(text, "203.0") {
		t.Errorf("a hit prints as %q", text)
	}
	if _, err := leak.For("203.0.113.9", "short"); err == nil || strings.Contains(err.Error(), "short ") || !strings.Contains(err.Error(), "value 2") {
		t.Errorf("a value that is too short: %v", err)
	}
}

func TestSearch_StopsAtAReadError(t *testing.T) {
	t.Parallel()
	needles, err := leak.For("203.0.113.9")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leak.Search(iotest.ErrReader(iotest.ErrTimeout), needles, 1); err == nil {
		t.Error("an output that could not be read counts as searched")
	}
}

func BenchmarkSearch(b *testing.B) {
	needles, err := leak.For("2001:db8:", "198.18.", "198.19.", "zz-canary-zz")
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat(`{"time":"2026-11-25T18:00:00Z","level":"INFO","msg":"batch committed","rows":500}`+"\n", 20_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if hits, err := leak.Search(strings.NewReader(text), needles, 1); err != nil || len(hits) > 0 {
			b.Fatal(hits, err)
		}
	}
}

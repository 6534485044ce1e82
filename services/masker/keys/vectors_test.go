package keys_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func checkHKDF(t *testing.T, name string, ikm, salt, info, want hexBytes, size int) {
	t.Helper()
	got, err := hkdf.Key(sha256.New, ikm, salt, string(info), size)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("HKDF %s: got %x, %v", name, got, err)
	}
}

func hmacIs(key, message, want hexBytes) bool {
	mac := hmac.New(sha256.New, key)
	mac.Write(message)
	return hmac.Equal(mac.Sum(nil)[:len(want)], want)
}

// The library's HKDF and HMAC are the ones that the documents name: a wrong one would still look like a mask.
func TestPrimitives_MatchPublishedVectors(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		HKDF []struct {
			Source string   `json:"source"`
			IKM    hexBytes `json:"ikm"`
			Salt   hexBytes `json:"salt"`
			Info   hexBytes `json:"info"`
			OKM    hexBytes `json:"okm"`
			Size   int      `json:"size"`
		} `json:"hkdf_sha256"`
		HMAC []struct {
			Source  string   `json:"source"`
			Key     hexBytes `json:"key"`
			Message hexBytes `json:"message"`
			Tag     hexBytes `json:"tag"`
		} `json:"hmac_sha256"`
	}
	if err := json.Unmarshal(source, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.HKDF) == 0 || len(vectors.HMAC) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors.HKDF {
		checkHKDF(t, v.Source, v.IKM, v.Salt, v.Info, v.OKM, v.Size)
	}
	for _, v := range vectors.HMAC {
		if !hmacIs(v.Key, v.Message, v.Tag) {
			t.Errorf("HMAC %s", v.Source)
		}
	}
}

// wycheproof reads a file of Wycheproof vectors, if the folder of shared data stands beside the repository. The few
// vectors in testdata hold without it.
func wycheproof(t *testing.T, name string, into any) bool {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "vectors", name))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil {
		err = json.Unmarshal(source, into)
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}

func TestPrimitives_MatchWycheproofWhereItIsAtHand(t *testing.T) {
	t.Parallel()
	var derive struct {
		TestGroups []struct {
			Tests []struct {
				TcID                 int
				IKM, Salt, Info, OKM hexBytes
				Size                 int
				Result               string
			}
		}
	}
	var sign struct {
		TestGroups []struct {
			Tests []struct {
				TcID          int
				Key, Msg, Tag hexBytes
				Result        string
			}
		}
	}
	if wycheproof(t, "hkdf_sha256_test.json", &derive) {
		for _, group := range derive.TestGroups {
			for _, v := range group.Tests {
				if v.Result == "valid" {
					checkHKDF(t, "wycheproof", v.IKM, v.Salt, v.Info, v.OKM, v.Size)
				} else if _, err := hkdf.Key(sha256.New, v.IKM, v.Salt, string(v.Info), v.Size); err == nil {
					t.Errorf("HKDF %d is accepted", v.TcID)
				}
			}
		}
	}
	if wycheproof(t, "hmac_sha256_test.json", &sign) {
		for _, group := range sign.TestGroups {
			for _, v := range group.Tests {
				if hmacIs(v.Key, v.Msg, v.Tag) != (v.Result == "valid") {
					t.Errorf("HMAC %d", v.TcID)
				}
			}
		}
	}
}

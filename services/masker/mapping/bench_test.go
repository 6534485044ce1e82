package mapping_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/services/masker/mapping"
)

// logins are records as producers send them.
func logins(n int) []mapping.Record {
	records := make([]mapping.Record, n)
	for i := range records {
		records[i] = mapping.Record{
			Body: fmt.Appendf(nil, `{"user_id": "424cdd21-063a-43a7-b91b-%012d", "app_version": "2.%d.0", "device_type": "android", "ip": "199.172.%d.%d", "locale": "RU", "device_id": "593-47-%04d"}`,
				i, i%10, i/256%256, i%256, i%10000),
			SentAtMS: sentAt,
		}
	}
	return records
}

func BenchmarkApply(b *testing.B) {
	for _, name := range []string{"login", "login-joinable", "login-original"} {
		b.Run(name, func(b *testing.B) {
			program := builtin(b, name)
			worker, batch := program.NewWorker(), program.NewBatch()
			records := logins(512)
			for i := 0; b.Loop(); i++ {
				if batch.Count() == 512 {
					batch.Reset()
				}
				if result := worker.Apply(&records[i%512], batch); result.Verdict != mapping.Accepted {
					b.Fatal(result)
				}
			}
			b.ReportAllocs()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
	b.Run("naive", func(b *testing.B) {
		key, _ := goldenKeys(b).Subkey("hmac-sha256", "ip", 32)
		records := logins(512)
		for i := 0; b.Loop(); i++ {
			if naiveLogin(key, &records[i%512]) == nil {
				b.Fatal("rejected")
			}
		}
		b.ReportAllocs()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

// naiveLogin is the login mapping as one would write it in an afternoon: what the compiled one is measured against.
func naiveLogin(key []byte, r *mapping.Record) []any {
	var login struct {
		UserID     *string `json:"user_id"`
		DeviceType *string `json:"device_type"`
		IP         *string `json:"ip"`
		DeviceID   *string `json:"device_id"`
		Locale     *string `json:"locale"`
		AppVersion *string `json:"app_version"`
	}
	if json.Unmarshal(r.Body, &login) != nil || login.IP == nil || login.DeviceID == nil || login.AppVersion == nil {
		return nil
	}
	address, err := netip.ParseAddr(*login.IP)
	if err != nil {
		return nil
	}
	bytes := address.As16()
	mask := func(canonical []byte) string {
		mac := hmac.New(sha256.New, key)
		_ = binary.Write(mac, binary.BigEndian, uint32(len(*login.UserID)))
		mac.Write([]byte(*login.UserID))
		mac.Write(canonical)
		return "h1.k1." + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:16]))
	}
	var version [3]int
	_, _ = fmt.Sscanf(*login.AppVersion, "%d.%d.%d", &version[0], &version[1], &version[2])
	return []any{
		*login.UserID, login.DeviceType, mask(bytes[:]), mask([]byte(*login.DeviceID)), login.Locale,
		version[0]*1_000_000 + version[1]*1000 + version[2], time.UnixMilli(r.SentAtMS).UTC().Format(time.DateOnly),
	}
}

package traffic_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func TestBlend_HasTheSharesThatWereAsked(t *testing.T) {
	t.Parallel()
	for _, b := range []traffic.Blend{
		{Messages: 5000, Seed: 1}, {Messages: 5000, Seed: 1, Bad: 0.2, Refused: 0.25}, {Messages: 5000, Seed: 1, Bad: 0.01}, {Messages: 5000, Bad: 1, Refused: 1},
	} {
		malformed, refused := 0, 0
		for _, m := range b.Generate() {
			if m.Malformed {
				malformed++
			}
			if m.Refused {
				refused++
			}
		}
		bad := float64(b.Messages) * b.Bad
		if malformed+refused != int(bad) || refused != int(bad*b.Refused) {
			t.Errorf("%+v: %d malformed, %d refused", b, malformed, refused)
		}
	}
}

// The ledger's judgement rests on this: what is not malformed is accepted, and every user is another.
func TestBlend_OnlyTheMalformedAreRejectedAndUsersAreUnique(t *testing.T) {
	t.Parallel()
	program, _, err := masker.LoadProgram("login-original", "")
	if err != nil {
		t.Fatal(err)
	}
	users, reasons := map[string]bool{}, map[mapping.Reason]int{}
	for _, m := range (traffic.Blend{Messages: 4000, Seed: 9, Bad: 0.3, Refused: 0.3}).Generate() {
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		row, result := program.Preview(&mapping.Record{Body: []byte(m.Body), SentAtMS: 1})
		if (result.Verdict == mapping.Accepted) == m.Malformed {
			t.Fatalf("%s: malformed %v, verdict %v", m.Place, m.Malformed, result)
		}
		reasons[result.Reason]++
		if m.Malformed {
			continue
		}
		if users[row[0].Text] {
			t.Fatalf("%s: its user has been before", m.Place)
		}
		users[row[0].Text] = true
	}
	if len(reasons) < 7 { // with "" for those that were accepted
		t.Errorf("malformed messages are of too few kinds: %v", reasons)
	}
}

func TestBlend_EveryRawValueHoldsACanary(t *testing.T) {
	t.Parallel()
	canary := func(text string) bool {
		return slices.ContainsFunc(traffic.Canaries(), func(c string) bool { return strings.Contains(text, c) })
	}
	bad := 0
	for _, m := range (traffic.Blend{Messages: 2000, Seed: 4, Bad: 0.2, Refused: 0.25}).Generate() {
		var fields struct {
			IP       string `json:"ip"`
			DeviceID string `json:"device_id"`
		}
		if m.Malformed {
			if bad++; !canary(m.Body) {
				t.Errorf("%s holds nothing to be recognised by", m.Place)
			}
			continue
		}
		if err := json.Unmarshal([]byte(m.Body), &fields); err != nil {
			t.Fatal(err)
		}
		if !canary(fields.IP) || !canary(fields.DeviceID) {
			t.Errorf("%s: a value without a canary", m.Place)
		}
	}
	if bad == 0 {
		t.Error("no bad message: nothing was looked at")
	}
}

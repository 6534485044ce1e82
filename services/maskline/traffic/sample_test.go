package traffic_test

import (
	"testing"

	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func TestSamples_AreTheSameForTheSameSeedOnly(t *testing.T) {
	t.Parallel()
	first, again, other := traffic.Samples(300, 1), traffic.Samples(300, 1), traffic.Samples(300, 2)
	differ := 0
	for i := range first {
		if first[i] != again[i] {
			t.Fatalf("sample %d differs for the same seed", i)
		}
		if first[i] != other[i] {
			differ++
		}
	}
	if differ < 290 {
		t.Errorf("%d of 300 samples differ between two seeds", differ)
	}
}

// The demo's counts rest on this: every hundredth sample is rejected by the built-in mapping, and no other.
func TestSamples_EveryHundredthIsRejectedAndNoOther(t *testing.T) {
	t.Parallel()
	program, _, err := masker.LoadProgram("login-original", "")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[mapping.Reason]int{}
	for i, m := range traffic.Samples(2000, 1) {
		if err := m.Check(); err != nil {
			t.Error(err)
		}
		_, result := program.Preview(&mapping.Record{Body: []byte(m.Body), SentAtMS: 1})
		if malformed := (i+1)%100 == 0; m.Malformed != malformed || (result.Verdict == mapping.Accepted) == malformed {
			t.Errorf("sample %d: malformed %v, verdict %v", i+1, m.Malformed, result)
		}
		reasons[result.Reason]++
	}
	if len(reasons) < 6 { // with "" for those that were accepted
		t.Errorf("malformed samples are of too few kinds: %v", reasons)
	}
}

package fetcher

import (
	"testing"
	"time"
)

func TestRetryDelay_BeginsSmallDoublesAndIsNeverTheSame(t *testing.T) {
	t.Parallel()
	for attempt, most := range map[int]time.Duration{
		0: 5 * time.Millisecond, 1: 5 * time.Millisecond, 2: 10 * time.Millisecond, 3: 20 * time.Millisecond,
		8: 640 * time.Millisecond, 9: time.Second, 1000: time.Second,
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d, err := retryDelay(attempt, nil)
			if err != nil || d < most/2 || d > most {
				t.Fatalf("attempt %d: %v, %v; want %v to %v", attempt, d, err, most/2, most)
			}
			seen[d] = true
		}
		if len(seen) < 50 {
			t.Errorf("attempt %d: %d different delays of 100: clients would go in step", attempt, len(seen))
		}
	}
}

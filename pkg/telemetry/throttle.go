package telemetry

import (
	"sync"
	"time"
)

// throttleKeys bounds the memory of a Throttle whose keys are not a closed list.
const throttleKeys = 1024

// Throttle lets one event of a kind through in a while, so that trouble which repeats itself is a line and not a flood.
// It is safe for concurrent use.
type Throttle struct {
	every time.Duration
	mu    sync.Mutex
	kinds map[string]*throttled
}

type throttled struct {
	last       time.Time
	suppressed int
}

// NewThrottle lets an event of each key through at most once in every.
func NewThrottle(every time.Duration) *Throttle {
	return &Throttle{every: every, kinds: map[string]*throttled{}}
}

// Allow tells whether an event of this key may be shown at now, and if so, how many were held back since the last.
func (t *Throttle) Allow(key string, now time.Time) (ok bool, suppressed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kind := t.kinds[key]
	if kind == nil {
		if len(t.kinds) >= throttleKeys {
			clear(t.kinds)
		}
		t.kinds[key] = &throttled{last: now}
		return true, 0
	}
	if now.Sub(kind.last) < t.every {
		kind.suppressed++
		return false, 0
	}
	suppressed = kind.suppressed
	*kind = throttled{last: now}
	return true, suppressed
}

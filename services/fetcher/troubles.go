package fetcher

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maskline/maskline/pkg/telemetry"
)

// troubles remembers what is wrong now, by place, and says so: at once when the text is new, then at most every ten
// seconds while it lasts. Safe for concurrent use.
type troubles struct {
	log      *slog.Logger
	throttle *telemetry.Throttle

	mu    sync.Mutex
	texts map[string]string
	said  map[string]struct{} // those of which a line was logged
}

func newTroubles(log *slog.Logger) *troubles {
	return &troubles{log: log, throttle: telemetry.NewThrottle(10 * time.Second), texts: map[string]string{}, said: map[string]struct{}{}}
}

// set notes trouble at a place: one line that names what to fix.
func (t *troubles) set(ctx context.Context, place, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.texts[place] = text
	if t.say(ctx, place, text) {
		t.said[place] = struct{}{}
	}
}

// say logs a line, throttled, without noting trouble, and tells whether it did.
func (t *troubles) say(ctx context.Context, place, text string) bool {
	ok, _ := t.throttle.Allow(place, time.Now())
	if ok {
		t.log.WarnContext(ctx, "holding until mended", telemetry.KeyTrouble, place, telemetry.KeyCause, text)
	}
	return ok
}

// clear notes that a place is well. It says so where it has said that it was not: a queue that fails now and then, many
// times a second, must not fill the log.
func (t *troubles) clear(place string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.texts, place)
	if _, said := t.said[place]; said {
		delete(t.said, place)
		t.log.Info("mended", telemetry.KeyTrouble, place)
	}
}

func (t *troubles) has(place string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, is := t.texts[place]
	return is
}

// text is all of it in one line, or empty.
func (t *troubles) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, place := range slices.Sorted(maps.Keys(t.texts)) {
		all = append(all, t.texts[place])
	}
	return strings.Join(all, "; ")
}

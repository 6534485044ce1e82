package writer

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// complainEvery is how often one trouble is logged while it lasts.
const complainEvery = 10 * time.Second

// health gathers what keeps the writer from working. The writer is ready while nobody reports trouble. Safe for
// concurrent use.
type health struct {
	log      *slog.Logger
	throttle *telemetry.Throttle
	// changed is called without the lock whenever readiness or the reason changes.
	changed func()

	mu       sync.Mutex
	order    []string
	troubles map[string]string
	refusals map[string]string
	stopping bool
}

func newHealth(log *slog.Logger, changed func()) *health {
	return &health{
		log: log, throttle: telemetry.NewThrottle(complainEvery), changed: changed,
		troubles: map[string]string{watchName: "not connected to the database yet"}, order: []string{watchName},
		refusals: map[string]string{},
	}
}

// trouble reports that source cannot work, and logs it now and then.
func (h *health) trouble(ctx context.Context, source, reason string) {
	h.mu.Lock()
	before := h.reason()
	if _, known := h.troubles[source]; !known {
		h.order = append(h.order, source)
	}
	h.troubles[source] = reason
	after := h.reason()
	h.mu.Unlock()
	if ok, suppressed := h.throttle.Allow(reason, time.Now()); ok {
		h.log.WarnContext(ctx, "waiting for the database", telemetry.KeyReason, reason,
			telemetry.KeySuppressed, suppressed)
	}
	if before != after {
		h.changed()
	}
}

// fine takes back what source reported.
func (h *health) fine(ctx context.Context, source string) {
	h.mu.Lock()
	if _, known := h.troubles[source]; !known {
		h.mu.Unlock()
		return
	}
	delete(h.troubles, source)
	for i, s := range h.order {
		if s == source {
			h.order = append(h.order[:i:i], h.order[i+1:]...)
			break
		}
	}
	ready := len(h.troubles) == 0 && !h.stopping
	h.mu.Unlock()
	if ready {
		h.log.InfoContext(ctx, "ready")
	}
	h.changed()
}

// refused remembers why a stream's schema was not taken. It does not make the writer unready: others may fit.
func (h *health) refused(ctx context.Context, table, reason string) {
	h.mu.Lock()
	h.refusals[table] = reason
	h.mu.Unlock()
	if ok, suppressed := h.throttle.Allow(reason, time.Now()); ok {
		h.log.WarnContext(ctx, "schema refused", telemetry.KeyTable, table, telemetry.KeyReason, reason,
			telemetry.KeySuppressed, suppressed)
	}
}

// accepted takes a refusal back.
func (h *health) accepted(table string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.refusals, table)
}

// stop makes the writer unready for good.
func (h *health) stop() {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	h.changed()
}

// status is what GetStatus shows.
func (h *health) status() (ready bool, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	reason = h.reason()
	if reason == "" && h.stopping {
		reason = "stopping"
	}
	if reason == "" {
		for _, table := range slices.Sorted(maps.Keys(h.refusals)) {
			return true, h.refusals[table]
		}
	}
	return len(h.troubles) == 0 && !h.stopping, reason
}

// state is what heartbeats tell.
func (h *health) state() (relayv1.State, string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reason := h.reason(); reason != "" {
		return relayv1.State_STATE_WAITING_FOR_DATABASE, reason
	}
	return relayv1.State_STATE_WORKING, ""
}

// reason is the oldest trouble. The caller holds mu.
func (h *health) reason() string {
	if len(h.order) == 0 {
		return ""
	}
	return h.troubles[h.order[0]]
}

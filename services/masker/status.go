package masker

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/telemetry"
	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

func newCounters() *telemetry.Counters {
	return telemetry.NewCounters(telemetry.StageMasker,
		telemetry.CounterReceived, telemetry.CounterForwarded, telemetry.CounterSkipped, telemetry.CounterRejected, telemetry.CounterRetried,
		telemetry.CounterReconnects)
}

// watchEvery is how often health is brought in step with the writers.
const watchEvery = 250 * time.Millisecond

// watch keeps health in step with readiness and says, at most every ten seconds, why there is no writer.
func (m *Masker) watch(life context.Context) {
	throttle := telemetry.NewThrottle(10 * time.Second)
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	lastReady, was := time.Now(), false
	for {
		ready, reason := m.Ready()
		m.setServing(ready)
		if ready && !was {
			m.log.InfoContext(life, "ready")
		}
		was = ready
		now := time.Now()
		if ready {
			lastReady = now
		} else if now.Sub(lastReady) > time.Second {
			if ok, _ := throttle.Allow(reason, now); ok {
				m.log.WarnContext(life, "holding until mended", telemetry.KeyTrouble, "writer", telemetry.KeyCause, reason)
			}
		}
		select {
		case <-ticker.C:
		case <-life.Done():
			return
		}
	}
}

// Ready says whether fetchers may send, and if not, why.
func (m *Masker) Ready() (bool, string) {
	m.mu.Lock()
	stopping := m.stopping
	m.mu.Unlock()
	if stopping {
		return false, "stopping"
	}
	if ready, reason := m.writers.Ready(); !ready {
		return false, "writer " + reason
	}
	return true, ""
}

// Totals are the counters since the start.
func (m *Masker) Totals() map[string]uint64 { return m.counters.Totals() }

// Status implements the control service.
func (m *Masker) Status() *controlv1.GetStatusResponse {
	ready, reason := m.Ready()
	load := m.streams.InFlight()
	s := &controlv1.GetStatusResponse{
		Stage: telemetry.StageMasker, Version: m.version, StartedAt: timestamppb.New(m.started), Ready: ready, Reason: reason,
		Counters: m.counters.Totals(), Rates: m.counters.Rates(time.Now()),
		InFlightRecords: uint64(load.Records), InFlightBytes: uint64(load.Bytes), InFlightBytesLimit: uint64(m.cfg.MaxInFlightBytes),
		KeyCheckValues: m.keyCheck, Config: config.Effective(&m.cfg),
	}
	for _, w := range m.writers.Status() {
		s.Streams = append(s.Streams, &controlv1.Stream{
			Peer: w.Address, Direction: "downstream", State: w.State,
			OutstandingRecords: uint64(w.Outstanding.Records), OutstandingBytes: uint64(w.Outstanding.Bytes),
			CreditRecords: uint64(w.Credit.Records), CreditBytes: uint64(w.Credit.Bytes),
		})
	}
	for _, f := range m.streams.Status() {
		s.Streams = append(s.Streams, &controlv1.Stream{
			Peer: f.Address, Direction: "upstream", State: m.streamState(ready),
			OutstandingRecords: uint64(f.Outstanding.Records), OutstandingBytes: uint64(f.Outstanding.Bytes),
			CreditRecords: uint64(f.Credit.Records), CreditBytes: uint64(f.Credit.Bytes),
		})
	}
	return s
}

// streamState is what the fetchers' streams are told.
func (m *Masker) streamState(ready bool) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.stopping:
		return "draining"
	case ready:
		return "ready"
	}
	return "waiting"
}

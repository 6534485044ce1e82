package fetcher

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/telemetry"
	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

func newCounters() *telemetry.Counters {
	return telemetry.NewCounters(telemetry.StageFetcher,
		telemetry.CounterReceived, telemetry.CounterRepeated, telemetry.CounterBytes, telemetry.CounterForwarded,
		telemetry.CounterCommitted, telemetry.CounterDuplicate, telemetry.CounterSkipped, telemetry.CounterRejected,
		telemetry.CounterRetried, telemetry.CounterDeadLettered, telemetry.CounterDiscarded, telemetry.CounterDeleted,
		telemetry.CounterReleased, telemetry.CounterExtended, telemetry.CounterGivenUp, telemetry.CounterRequests,
		telemetry.CounterReconnects)
}

func (f *Fetcher) countRequest(string) { f.counters.Add(telemetry.CounterRequests, 1) }

// Ready says whether the fetcher may take messages, and if not, why.
func (f *Fetcher) Ready() (bool, string) {
	f.mu.Lock()
	described, stopping := f.described, f.stopping
	f.mu.Unlock()
	if text := f.troubles.text(); text != "" {
		return false, text
	}
	if stopping {
		return false, "stopping"
	}
	if !described {
		return false, "looking for the queue"
	}
	if ready, reason := f.client.Ready(); !ready {
		return false, "masker " + reason
	}
	return true, ""
}

func (f *Fetcher) isStopping() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopping
}

// Totals are the counters since the start.
func (f *Fetcher) Totals() map[string]uint64 { return f.counters.Totals() }

// WriteTotals writes the counters as a line of JSON if the fetcher need not keep listening: what it did is all that it
// leaves.
func (f *Fetcher) WriteTotals(w io.Writer) error {
	if f.cfg.KeepListening {
		return nil
	}
	return json.NewEncoder(w).Encode(f.Totals())
}

func (f *Fetcher) brakeText() string {
	reason, column := f.brake.Cause()
	return fmt.Sprintf("intake paused: %d rejections in a row with reason %s, column %s, and no commit between; mend the mapping, or raise MASKLINE_REJECT_BRAKE", f.brake.limit, reason, column)
}

// drainPatience is how long a fetcher that must end waits for what it cannot do without.
const drainPatience = 30 * time.Second

// watch keeps health in step with readiness and says why the maskers are not ready. A fetcher that must end does so
// after drainPatience without being ready.
func (f *Fetcher) watch(life context.Context, stopWorking context.CancelCauseFunc) {
	ticker := time.NewTicker(extendEvery)
	defer ticker.Stop()
	lastReady, lastProbe, was := time.Now(), time.Now(), false
	for {
		ready, reason := f.Ready()
		f.server.SetServing("", ready)
		if ready && !was {
			f.log.InfoContext(life, "ready")
		}
		was = ready
		now := time.Now()
		if up, why := f.client.Ready(); ready || f.isStopping() {
			lastReady = now
		} else if !up && now.Sub(lastReady) > time.Second {
			f.troubles.say(life, "masker", why)
		}
		if !f.cfg.KeepListening && now.Sub(lastReady) > drainPatience {
			stopWorking(lifecycle.Exit(lifecycle.ExitFailed, fmt.Errorf("not ready for %s: %s", drainPatience, reason)))
		}
		if now.Sub(lastProbe) > probeEvery {
			lastProbe = now
			f.probe()
		}
		select {
		case <-ticker.C:
		case <-life.Done():
			return
		}
	}
}

// Status implements the control service.
func (f *Fetcher) Status() *controlv1.GetStatusResponse {
	ready, reason := f.Ready()
	s := &controlv1.GetStatusResponse{
		Stage: telemetry.StageFetcher, Version: f.version, StartedAt: timestamppb.New(f.started), Ready: ready, Reason: reason,
		Counters: f.counters.Totals(), Rates: f.counters.Rates(time.Now()),
		InFlightBytesLimit: uint64(f.cfg.MaxInFlightBytes), Config: config.Effective(&f.cfg),
	}
	f.mu.Lock()
	for cause, n := range f.redelivered {
		s.Counters["redelivered_"+string(cause)] = n
	}
	if f.described {
		records, bytes := f.table.InFlight()
		s.InFlightRecords, s.InFlightBytes = uint64(records), uint64(bytes)
		if oldest := f.table.Oldest(); oldest > 0 {
			s.Lag = durationpb.New(time.Since(time.UnixMilli(oldest)))
		}
	}
	f.mu.Unlock()
	for _, l := range f.client.Status() {
		s.Streams = append(s.Streams, &controlv1.Stream{
			Peer: l.Address, Direction: "downstream", State: l.State,
			OutstandingRecords: uint64(l.Outstanding.Records), OutstandingBytes: uint64(l.Outstanding.Bytes),
			CreditRecords: uint64(l.Credit.Records), CreditBytes: uint64(l.Credit.Bytes),
		})
	}
	return s
}

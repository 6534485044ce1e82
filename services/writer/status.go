package writer

import (
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/telemetry"
	controlv1 "github.com/maskline/maskline/proto/gen/maskline/control/v1"
)

func newCounters() *telemetry.Counters {
	return telemetry.NewCounters(telemetry.StageWriter,
		telemetry.CounterReceived, telemetry.CounterBytes, telemetry.CounterCommitted, telemetry.CounterDuplicate,
		telemetry.CounterRejected, telemetry.CounterRetried, telemetry.CounterTransactions, telemetry.CounterPauses,
		telemetry.CounterReconnects)
}

// streams are the streams that have been admitted, for GetStatus.
type streams struct {
	mu   sync.Mutex
	open map[*relay.Session]string
}

// add remembers a stream until the function that it returns is called.
func (s *streams) add(peer string, session *relay.Session) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*relay.Session]string{}
	}
	s.open[session] = peer
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, session)
	}
}

// describe lists the streams.
func (s *streams) describe(state string) []*controlv1.Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*controlv1.Stream
	for session, peer := range s.open {
		load, credit := session.Outstanding(), session.Credit()
		list = append(list, &controlv1.Stream{
			Peer: peer, Direction: "upstream", State: state,
			OutstandingRecords: uint64(load.Records), OutstandingBytes: uint64(load.Bytes),
			CreditRecords: uint64(credit.Records), CreditBytes: uint64(credit.Bytes),
		})
	}
	return list
}

// Status is what GetStatus answers.
func (w *Writer) Status() *controlv1.GetStatusResponse {
	now := time.Now()
	ready, reason := w.health.status()
	records, bytes, oldest := w.intake.load()
	state := "ready"
	if !ready {
		state = "waiting"
	}
	select {
	case <-w.draining:
		state = "draining"
	default:
	}
	out := &controlv1.GetStatusResponse{
		Stage: telemetry.StageWriter, Version: w.version, StartedAt: timestamppb.New(w.started),
		Ready: ready, Reason: reason,
		Counters: w.counters.Totals(), Rates: w.counters.Rates(now),
		InFlightRecords: uint64(records), InFlightBytes: uint64(bytes),
		InFlightBytesLimit: uint64(w.cfg.MaxInFlightBytes),
		Config:             config.Effective(&w.cfg),
		Streams:            w.streams.describe(state),
	}
	if !oldest.IsZero() {
		out.Lag = durationpb.New(now.Sub(oldest))
	}
	return out
}

package fetcher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/failpoint"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/pkg/relay"
	"github.com/maskline/maskline/pkg/telemetry"
)

// maxHeld bounds what waits to be sent downstream: more would only keep messages from another fetcher.
const maxHeld = 4 * relay.MaxFrameRecords

// defaultVisibility is asked for where the queue's own visibility timeout is zero.
const defaultVisibility = 30 * time.Second

// describe reads the queue's attributes, again and again until it is there, and refuses what cannot be served.
func (f *Fetcher) describe(ctx context.Context) error {
	pause := receivePause
	for {
		err := f.describeOnce(ctx)
		if err == nil || lifecycle.HasCode(err) {
			return err
		}
		f.troubles.set(ctx, "queue", err.Error())
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
			return context.Canceled
		}
		pause = min(2*pause, mostPause)
	}
}

func (f *Fetcher) describeOnce(ctx context.Context) error {
	if f.queue == nil {
		queue, err := NewSQS(ctx, f.cfg.Queue, f.cfg.DeadLetterQueue, f.cfg.Pollers, f.countRequest)
		if err != nil {
			return lifecycle.Exit(lifecycle.ExitUsage, err)
		}
		f.queue = queue
	}
	d, err := f.queue.Describe(ctx)
	if err != nil {
		return err
	}
	reserve := reservation(f.cfg.MaxMessages, d.MaxMessageBytes)
	switch {
	case d.FIFO:
		return lifecycle.Exit(lifecycle.ExitUsage, errors.New("MASKLINE_QUEUE: "+fifoRule))
	case f.cfg.OnReject == OnRejectDeadLetter && d.DeadLetterURL == "":
		return lifecycle.Exit(lifecycle.ExitUsage, fmt.Errorf("queue %s has no dead-letter queue: give it a redrive policy, set MASKLINE_DEAD_LETTER_QUEUE, or choose another MASKLINE_ON_REJECT", d.Name))
	case f.cfg.OnReject == OnRejectDeadLetter && d.SelfDeadLetter:
		return lifecycle.Exit(lifecycle.ExitUsage, fmt.Errorf("queue %s is its own dead-letter queue: rejected messages would go round; set MASKLINE_DEAD_LETTER_QUEUE to another", d.Name))
	case f.cfg.OnReject == OnRejectRedrivePolicy && d.MaxReceiveCount == 0:
		return lifecycle.Exit(lifecycle.ExitUsage, fmt.Errorf("queue %s has no redrive policy, which MASKLINE_ON_REJECT=redrive-policy needs", d.Name))
	case reserve > int64(f.cfg.MaxInFlightBytes):
		return lifecycle.Exit(lifecycle.ExitUsage, fmt.Errorf("MASKLINE_MAX_IN_FLIGHT_BYTES=%s: at least %d for this queue: %d messages of its MaximumMessageSize", f.cfg.MaxInFlightBytes, reserve, f.cfg.MaxMessages))
	case d.MaxReceiveCount > 0 && d.MaxReceiveCount < 10:
		f.log.WarnContext(ctx, "the queue's redrive policy gives up early: SQS itself would dead-letter good messages", telemetry.KeyQueue, d.Name, telemetry.KeyMaxReceiveCount, d.MaxReceiveCount, telemetry.KeyAdvice, "10 or more")
	}
	if d.Visibility == 0 { // legal, and of no use: every message would be shown to others at once
		d.Visibility = defaultVisibility
	}
	f.queue = timed{f.queue, d.Name, f.metrics.queueCall}
	f.mu.Lock()
	f.source = d
	f.table = NewTable(f.cfg.MaxInFlight, int64(f.cfg.MaxInFlightBytes), d.Visibility, f.brake)
	f.drained = Drained{Settle: f.cfg.DrainSettle, Patience: d.Visibility + time.Minute}
	f.described = true
	f.mu.Unlock()
	f.troubles.clear("queue")
	f.log.InfoContext(ctx, "queue found", telemetry.KeyQueue, d.Name, telemetry.KeyVisibilityTimeout, d.Visibility.String(), telemetry.KeyMaxReceiveCount, d.MaxReceiveCount)
	return nil
}

func reservation(messages int, each int64) int64 { return int64(messages) * (each + entryOverhead) }

// receivePause is the first pause of a poller whose receive has failed, in spite of the client's own tries. Half to all of
// it; twice as much each time, at most mostPause.
const receivePause = 20 * time.Millisecond

// poll receives until work ends. Credit is reserved before each receive, for the largest messages there may be: what
// is received must be held, whatever its size.
func (f *Fetcher) poll(working, life context.Context, stopWorking context.CancelCauseFunc) {
	pause := firstPause
	wait := f.cfg.WaitTime
	if !f.cfg.KeepListening {
		wait = max(wait, time.Second) // a short poll's emptiness proves nothing
	}
	for f.awaitIntake() {
		began := time.Now()
		// A cancelled receive would hide its messages for the whole visibility timeout, so it outlives working.
		messages, err := f.queue.Receive(life, f.cfg.MaxMessages, wait, f.source.Visibility)
		if len(messages) > 0 {
			failpoint.Hit(failpoint.FetcherAfterReceive, func() string { return messageIDs(messages) })
		}
		f.take(life, began, messages, err)
		if err != nil {
			f.troubles.set(life, "queue", err.Error())
			select {
			case <-time.After(pause/2 + rand.N(pause/2)):
			case <-working.Done():
			}
			pause = min(2*pause, mostPause)
			continue
		}
		f.troubles.clear("queue")
		pause = receivePause
		if !f.cfg.KeepListening {
			f.judgeDrained(working, len(messages), time.Since(began), stopWorking)
		}
	}
}

// awaitIntake waits until a receive is allowed and has its reservation; false means that there will be no more.
func (f *Fetcher) awaitIntake() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.stopping {
		if f.pace.Allows() && f.intakeOpen() && f.table.Reserve(f.cfg.MaxMessages, f.source.MaxMessageBytes) {
			f.pace.Begin()
			return true
		}
		f.intake.Wait()
	}
	return false
}

// intakeOpen says whether messages could go anywhere. The caller holds mu.
func (f *Fetcher) intakeOpen() bool {
	ready, _ := f.client.Ready()
	return ready && !f.brake.On() && !f.troubles.has("dead-letter queue") && f.table.Held() < maxHeld
}

// take puts what was received into the table and gives the reservation back.
func (f *Fetcher) take(ctx context.Context, began time.Time, messages []Message, failed error) {
	var span trace.Span
	if len(messages) > 0 {
		ctx, span = f.tracer.Start(ctx, telemetry.SpanReceive, trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindClient),
			trace.WithNewRoot(), trace.WithLinks(producerLinks(messages)...),
			trace.WithAttributes(callAttributes(f.source.Name, "ReceiveMessage", "receive")...),
			trace.WithAttributes(attribute.Int(telemetry.AttrMessagingBatchCount, len(messages))))
		defer span.End()
		f.metrics.received(ctx, time.Now(), messages)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	repeated, bytes, now := 0, 0, time.Now()
	for _, m := range messages {
		bytes += len(m.Body)
		// The visibility timeout began some time after the call did: began errs to the safe side.
		e, fresh := f.table.Receive(m, began.Add(f.source.Visibility), span.SpanContext())
		if cause := f.table.Redelivery(now, e, fresh); cause != "" {
			f.redelivered[cause]++
			f.metrics.redelivered(ctx, cause)
		}
		switch {
		case !fresh:
			repeated++
		case e.Rejection != nil:
			f.refused(ctx, e)
		}
	}
	f.table.Refund(f.cfg.MaxMessages, f.source.MaxMessageBytes)
	if failed != nil {
		f.pace.Failed()
	} else {
		f.pace.End(len(messages), f.cfg.MaxMessages)
	}
	f.counters.Add(telemetry.CounterReceived, uint64(len(messages)-repeated))
	f.counters.Add(telemetry.CounterRepeated, uint64(repeated))
	f.counters.Add(telemetry.CounterBytes, uint64(bytes))
	f.intake.Broadcast()
	f.forward.Broadcast()
	f.deletes.Broadcast()
	f.letters.Broadcast()
}

// judgeDrained ends the work when the queue is drained.
func (f *Fetcher) judgeDrained(ctx context.Context, messages int, waited time.Duration, stopWorking context.CancelCauseFunc) {
	f.mu.Lock()
	if messages > 0 || waited >= minDrainPoll {
		f.drained.Polled(messages)
	}
	inFlight, _ := f.table.InFlight()
	wants := f.drained.WantsCounts(inFlight)
	f.mu.Unlock()
	if !wants {
		return
	}
	counts, err := f.queue.Counts(ctx)
	if err != nil {
		if ctx.Err() == nil { // else another poller has ended the work
			f.troubles.set(ctx, "queue", err.Error())
		}
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if inFlight, _ := f.table.InFlight(); inFlight > 0 {
		return
	}
	switch f.drained.Counted(time.Now(), counts) {
	case DrainDone:
		stopWorking(errDrained)
	case DrainStuck:
		stopWorking(lifecycle.Exit(3, fmt.Errorf("queue %s: %d messages stay invisible, in the hands of another consumer", f.source.Name, counts.NotVisible)))
	case DrainGoOn:
	}
}

// minDrainPoll is the shortest long poll whose emptiness counts.
const minDrainPoll = 900 * time.Millisecond

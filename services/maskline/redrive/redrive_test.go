package redrive_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/redrive"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	sentMS = 1_718_206_942_785
	badIP  = `{"reason":"bad_format","column":"ip","stage":"masker"}`
	noUser = `{"reason":"missing","column":"user_id","stage":"masker"}`
)

// scene is a source queue and a dead-letter queue.
type scene struct {
	server          *queue.Server
	letters, source *traffic.Queue
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{server: queue.New(queue.Options{})}
	if _, err := s.server.Listen(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.server.Close() })
	open := func(name string) *traffic.Queue {
		if err := s.server.CreateQueue(name, nil); err != nil {
			t.Fatal(err)
		}
		q, err := traffic.Open(t.Context(), s.server.URL(name))
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	s.letters, s.source = open("letters"), open("logins")
	return s
}

func (s *scene) put(t *testing.T, m queue.Message) string {
	t.Helper()
	ids, err := s.server.Send("letters", m)
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

// letter puts a letter that the fetcher would have made.
func (s *scene) letter(t *testing.T, id, reject, body string) {
	t.Helper()
	s.put(t, queue.Message{Body: body, Attributes: map[string]queue.Attribute{
		fetcher.OriginAttribute: {DataType: "String", StringValue: fetcher.Origin{ID: id, SentMS: sentMS}.Attribute()},
		fetcher.RejectAttribute: {DataType: "String", StringValue: reject},
		"tenant":                {DataType: "String.label", StringValue: "t1"},
		"blob":                  {DataType: "Binary", BinaryValue: []byte{1, 2}},
	}})
}

func (s *scene) run(t *testing.T, o redrive.Options) redrive.Report {
	t.Helper()
	report, err := redrive.Run(t.Context(), s.letters, s.source, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// origins are those of the messages in the source queue, with their number.
func (s *scene) origins() map[string]int {
	all := map[string]int{}
	for _, m := range s.server.Messages("logins") {
		all[m.Attributes[fetcher.OriginAttribute].StringValue]++
	}
	return all
}

func (s *scene) wantLeft(t *testing.T, n int) {
	t.Helper()
	if visible, hidden, _ := s.server.Counts("letters"); visible != n || hidden != 0 {
		t.Errorf("%d letters visible and %d hidden, want %d visible", visible, hidden, n)
	}
}

func TestRun_MovesEveryLetterAsTheSameEvent(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.letter(t, "first", badIP, "body 1")
	sent := time.UnixMilli(sentMS + 7)
	moved := s.put(t, queue.Message{Body: "body 2", GroupID: "g", Sent: sent}) // as the queue's own redrive policy does
	report := s.run(t, redrive.Options{})
	if want := map[string]int{"bad_format in ip": 1, "moved by the queue's redrive policy": 1}; !maps.Equal(report.Moved, want) {
		t.Errorf("moved %v, want %v", report.Moved, want)
	}
	s.wantLeft(t, 0)
	byBody := map[string]queue.Message{}
	for _, m := range s.server.Messages("logins") {
		byBody[m.Body] = m
	}
	first, second := byBody["body 1"], byBody["body 2"]
	if got := first.Attributes[fetcher.OriginAttribute].StringValue; got != "1;first;1718206942785" {
		t.Errorf("origin %q", got)
	}
	if _, still := first.Attributes[fetcher.RejectAttribute]; still || len(first.Attributes) != 3 {
		t.Errorf("attributes %v", first.Attributes)
	}
	if tenant, blob := first.Attributes["tenant"], first.Attributes["blob"]; tenant.DataType != "String.label" || tenant.StringValue != "t1" || string(blob.BinaryValue) != "\x01\x02" {
		t.Errorf("attributes %v", first.Attributes)
	}
	if want := (fetcher.Origin{ID: moved, SentMS: sent.UnixMilli()}).Attribute(); second.Attributes[fetcher.OriginAttribute].StringValue != want || second.GroupID != "g" {
		t.Errorf("%+v, want origin %s", second, want)
	}
}

func TestRun_MovesOnlyWhatIsAskedForAndReceivesTheRestOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o     redrive.Options
		moved int
	}{
		"reason":         {redrive.Options{Reason: "missing"}, 25},
		"column":         {redrive.Options{Column: "ip"}, 35},
		"both, of which": {redrive.Options{Reason: "missing", Column: "ip"}, 0},
		"limit":          {redrive.Options{Reason: "missing", Limit: 3}, 3},
		"rate":           {redrive.Options{Reason: "missing", Rate: 1000}, 25},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			for i := range 60 {
				reject := badIP
				if i%12 < 5 {
					reject = noUser
				}
				s.letter(t, fmt.Sprint("m", i), reject, "x")
			}
			report := s.run(t, c.o)
			if report.Total() != c.moved || len(s.origins()) != c.moved {
				t.Errorf("moved %d, %d messages in the queue, want %d", report.Total(), len(s.origins()), c.moved)
			}
			s.wantLeft(t, 60-c.moved)
			for _, m := range s.server.Messages("letters") {
				if m.ReceiveCount > 1 {
					t.Fatalf("a letter that stays was received %d times", m.ReceiveCount)
				}
			}
		})
	}
}

func TestRun_ADryRunMovesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.letter(t, "a", badIP, "x")
	s.letter(t, "b", noUser, "x")
	if report := s.run(t, redrive.Options{DryRun: true, Reason: "missing"}); report.Total() != 1 || report.Kept != 1 {
		t.Errorf("%+v", report)
	}
	s.wantLeft(t, 2)
	if len(s.origins()) != 0 {
		t.Error("something was sent")
	}
}

func TestRun_HoldsToTheRate(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i := range 40 {
		s.letter(t, fmt.Sprint("m", i), badIP, "x")
	}
	began := time.Now()
	s.run(t, redrive.Options{Rate: 100})
	if took := time.Since(began); took < 300*time.Millisecond { // the fourth batch of ten begins then
		t.Errorf("40 letters at 100/s took %s", took)
	}
}

func TestRun_LargeLettersGoInBatchesThatFit(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i := range 7 {
		s.letter(t, fmt.Sprint("m", i), badIP, strings.Repeat("x", 400_000))
	}
	if report := s.run(t, redrive.Options{}); report.Total() != 7 || report.Failed != 0 || len(s.origins()) != 7 {
		t.Errorf("%+v", report)
	}
	s.wantLeft(t, 0)
}

func TestRun_ALetterWithoutRoomForTheOriginStays(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	attributes := map[string]queue.Attribute{}
	for i := range 10 {
		attributes[fmt.Sprint("a", i)] = queue.Attribute{DataType: "String", StringValue: "x"}
	}
	s.put(t, queue.Message{Body: "full", Attributes: attributes})
	s.put(t, queue.Message{Body: strings.Repeat("x", 1<<20)})
	s.letter(t, "a", badIP, "x")
	if report := s.run(t, redrive.Options{}); report.Failed != 2 || report.Total() != 1 {
		t.Errorf("%+v", report)
	}
	s.wantLeft(t, 2)
}

// What comes back while the run goes on must not be moved round and round.
func TestRun_MovesAMessageOnceThoughItHasFurtherLetters(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for range 3 {
		s.letter(t, "a", badIP, "x")
	}
	if report := s.run(t, redrive.Options{}); report.Total() != 1 || report.Again != 2 {
		t.Errorf("%+v", report)
	}
	s.wantLeft(t, 2)
}

func TestRun_WhatTheQueueRefusesStaysAndWhatCannotBeDeletedIsThereTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault             queue.Rule
		failed, undeleted int
		left, sent        int
	}{
		"send in part":   {queue.Rule{Action: "SendMessageBatch", Kind: queue.PartialFailure, Nth: 1}, 10, 0, 10, 0},
		"delete in part": {queue.Rule{Action: "DeleteMessageBatch", Kind: queue.PartialFailure, Nth: 1}, 0, 10, 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			for i := range 10 {
				s.letter(t, fmt.Sprint("m", i), badIP, "x")
			}
			s.server.SetFaults(queue.Faults{c.fault})
			report := s.run(t, redrive.Options{})
			if report.Failed != c.failed || report.Undeleted != c.undeleted || len(s.origins()) != c.sent {
				t.Errorf("%+v, %d sent", report, len(s.origins()))
			}
			s.wantLeft(t, c.left)
		})
	}
}

// Killed between the two, both are there, and under one origin: the next run moves the letter again.
func TestRun_KilledBetweenSendAndDeleteLeavesBothUnderOneOrigin(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.letter(t, "a", badIP, "x")
	s.server.SetFaults(queue.Faults{{Action: "DeleteMessageBatch", Kind: queue.LostRequest}})
	if _, err := redrive.Run(t.Context(), s.letters, s.source, redrive.Options{}); err == nil {
		t.Fatal("no error though nothing was deleted")
	}
	s.server.SetFaults(nil)
	s.wantLeft(t, 1)
	s.run(t, redrive.Options{})
	s.wantLeft(t, 0)
	if got := s.origins(); len(got) != 1 || got["1;a;1718206942785"] != 2 {
		t.Errorf("origins %v, want one twice", got)
	}
}

func TestRun_AnInterruptFinishesTheBatchAndGivesTheRestBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i := range 30 {
		s.letter(t, fmt.Sprint("m", i), badIP, "x")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	s.server.SetFaults(queue.Faults{{Action: "SendMessageBatch", Kind: queue.Delay, Delay: 200 * time.Millisecond}})
	var report redrive.Report
	ended := make(chan error, 1)
	go func() {
		var err error
		report, err = redrive.Run(ctx, s.letters, s.source, redrive.Options{})
		ended <- err
	}()
	testkit.Eventually(t, time.Minute, func() bool { return s.server.Requests()["SendMessageBatch"] > 0 }, "a batch under way")
	cancel(stop)
	if err := <-ended; !errors.Is(err, stop) || report.Total() != 10 || len(s.origins()) != 10 {
		t.Errorf("%v, moved %d, %d in the queue", err, report.Total(), len(s.origins()))
	}
	s.wantLeft(t, 20)
}

func TestRun_SaysWhichQueueCannotBeReached(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	none := &traffic.Queue{Client: s.source.Client, URL: s.server.URL("none")}
	for _, pair := range [][2]*traffic.Queue{{none, s.source}, {s.letters, none}} {
		if _, err := redrive.Run(t.Context(), pair[0], pair[1], redrive.Options{}); err == nil || !strings.Contains(err.Error(), "/none") {
			t.Errorf("got %v", err)
		}
	}
}

package e2e

import (
	"testing"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/writer"
)

func faultsOnLetters() queue.Faults {
	return queue.Faults{{Action: "SendMessageBatch", Kind: queue.Status500}}
}

func (s *system) sendRaw(t *testing.T, bodies ...string) {
	t.Helper()
	messages := make([]queue.Message, len(bodies))
	for i, b := range bodies {
		messages[i].Body = b
	}
	if _, err := s.queue.Send(source, messages...); err != nil {
		t.Fatal(err)
	}
}

// Restarts end a service as SIGTERM does and start it again on its address.

func (s *system) restartWriter(t *testing.T, i int) {
	t.Helper()
	s.writers[i].end(t)
	w, err := writer.New(s.writerConfig(t, s.writers[i].addr), writer.Deps{Logger: s.log(t, "writer")})
	if err != nil {
		t.Fatal(err)
	}
	s.writers[i] = run(w)
}

func (s *system) restartMasker(t *testing.T, i int) {
	t.Helper()
	s.maskers[i].end(t)
	cfg := masker.Config{KeyFile: s.key, Listen: s.maskers[i].addr}
	for _, w := range s.writers {
		cfg.WriterAddress = append(cfg.WriterAddress, w.addr)
	}
	defaults(t, &cfg)
	m, err := masker.New(cfg, masker.Deps{Logger: s.log(t, "masker")})
	if err != nil {
		t.Fatal(err)
	}
	s.maskers[i] = run(m)
}

func (s *system) restartFetcher(t *testing.T) {
	t.Helper()
	s.fetchers[0].end(t)
	s.fetchers = s.fetchers[:0]
	s.addFetcher(t, nil)
}

func TestStop_EachStageInTurnUnderLoadLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	const n = 8000
	s := start(t, options{})
	s.send(t, 0, n)
	for i, restart := range []func(){
		func() { s.restartFetcher(t) }, func() { s.restartMasker(t, 0) }, func() { s.restartWriter(t, 0) },
	} {
		testkit.Eventually(t, patience, func() bool { return s.rows(t) >= (i+1)*n/6 }, "rows")
		restart()
	}
	s.awaitEmpty(t)
	s.expectRows(t, n)
	if letters := s.letters(t); len(letters) != 0 {
		t.Errorf("%d dead letters", len(letters))
	}
	if twice := s.fetchers[0].is.Totals()["repeated"]; twice != 0 {
		t.Errorf("%d messages were received while they were in flight", twice)
	}
}

func TestStop_AFetcherThatNeedNotListenEndsWhenTheQueueIsDrained(t *testing.T) {
	t.Parallel()
	s := start(t, options{fetcher: func(c *fetcher.Config) { c.KeepListening = false }})
	s.send(t, 0, 300)
	<-s.fetchers[0].done
	if s.fetchers[0].err != nil {
		t.Errorf("ended with %v", s.fetchers[0].err)
	}
	s.expectRows(t, 300)
}

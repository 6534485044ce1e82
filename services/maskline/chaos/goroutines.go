package chaos

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// goroutines compares the old processes with new ones that have done one burst: SIGQUIT makes a Go program list its
// goroutines as it ends.
func (s *System) goroutines(ctx context.Context) error {
	old, err := s.listGoroutines(ctx)
	if err != nil {
		return err
	}
	if err := s.breathe(ctx, pick(s.run, 30*time.Second, 5*time.Second)); err != nil {
		return err
	}
	young, err := s.listGoroutines(ctx)
	if err != nil {
		return err
	}
	for i, p := range s.all() {
		s.run.note("%s: %d goroutines after the soak, %d in a new process%s", p.stage, old[i].sum(), young[i].sum(), old[i].beyond(young[i]))
		atMost(s.run, "goroutines that the "+p.stage+" had more than a new one", old[i].sum()-young[i].sum(), 2)
	}
	return nil
}

// goroutines counts those of a process by the function that has started them.
type goroutines map[string]int

func (g goroutines) sum() (n int) {
	for _, times := range g {
		n += times
	}
	return n
}

// beyond says which there are more of than in another process.
func (g goroutines) beyond(other goroutines) string {
	var text strings.Builder
	for _, starter := range slices.Sorted(maps.Keys(g)) {
		if more := g[starter] - other[starter]; more > 0 {
			fmt.Fprintf(&text, "; %d more of %s", more, starter)
		}
	}
	return text.String()
}

// goroutinesOf reads a listing. The main goroutine and the runtime's first have no starter.
func goroutinesOf(listing string) goroutines {
	g := goroutines{}
	for _, one := range strings.Split(listing, "\ngoroutine ")[1:] {
		_, starter, found := strings.Cut(one, "\ncreated by ")
		if found {
			starter = strings.Fields(starter)[0]
		}
		g[starter]++
	}
	return g
}

// listGoroutines ends all processes in one moment, so that none sees another go, and counts what each listed.
func (s *System) listGoroutines(ctx context.Context) (all []goroutines, err error) {
	if !sleep(ctx, 2*time.Second) { // our own questions leave no connection behind
		return nil, ctx.Err()
	}
	ended, listed := map[*Process]int{}, map[*Process]int{}
	for _, p := range s.all() {
		ended[p], listed[p] = len(p.ended()), len(p.said())
	}
	for _, p := range s.all() {
		s.run.fault(Fault{What: "SIGQUIT, to list goroutines", Stage: p.stage, PID: p.signal(syscall.SIGQUIT)})
	}
	for _, p := range s.all() {
		if err := until(ctx, stopPatience, p.stage+" ends after SIGQUIT", func() bool { return len(p.ended()) > ended[p] }); err != nil {
			return nil, err
		}
		said := p.said()
		g := goroutinesOf(said[min(listed[p], len(said)):])
		if len(g) == 0 {
			return nil, fmt.Errorf("%s: listed no goroutine", p.stage)
		}
		all = append(all, g)
	}
	for _, p := range s.all() {
		if err := p.ready(ctx); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// said is the log so far.
func (p *Process) said() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return ""
	}
	return string(text)
}

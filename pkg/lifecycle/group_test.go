package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// service notes its end in journal after taking a while to stop.
func service(name string, journal *[]string, takes time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(takes) // Virtual time: these tests run in a synctest bubble.
		*journal = append(*journal, name)
		return ctx.Err()
	}
}

func TestGroup_StopsTheLastAddedFirstAndOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var journal []string
		var g Group
		g.Add("writer", service("writer", &journal, 0))
		g.Add("masker", service("masker", &journal, time.Second))
		g.Add("fetcher", service("fetcher", &journal, 5*time.Second))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if want := []string{"fetcher", "masker", "writer"}; !slices.Equal(journal, want) {
			t.Fatalf("stopped %v, want %v", journal, want)
		}
	})
}

func TestGroup_FailureOfOneStopsAllInOrderAndIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var journal []string
		var g Group
		cause := errors.New("login: refused")
		g.Add("writer", service("writer", &journal, 0))
		g.Add("masker", func(context.Context) error { return cause })
		g.Add("fetcher", service("fetcher", &journal, time.Second))
		err := g.Run(t.Context())
		if !errors.Is(err, cause) || err.Error() != "masker: login: refused" {
			t.Fatalf("error %v", err)
		}
		if want := []string{"fetcher", "writer"}; !slices.Equal(journal, want) {
			t.Fatalf("stopped %v, want %v", journal, want)
		}
	})
}

func TestGroup_OneThatIsDoneEndsTheWholeWithoutError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var journal []string
		var g Group
		g.Add("writer", service("writer", &journal, 0))
		g.Add("fetcher", func(context.Context) error { return nil })
		if err := g.Run(t.Context()); err != nil || !slices.Equal(journal, []string{"writer"}) {
			t.Fatalf("error %v, stopped %v", err, journal)
		}
	})
}

func TestGroup_ErrorsOfTheStopAreJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Group
		for _, name := range []string{"writer", "fetcher"} {
			g.Add(name, func(ctx context.Context) error {
				<-ctx.Done()
				return errors.New("grace is over")
			})
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := g.Run(ctx)
		if err == nil || strings.Join(strings.Split(err.Error(), "\n"), "|") != "fetcher: grace is over|writer: grace is over" {
			t.Fatalf("error %v", err)
		}
	})
}

func TestGroup_EmptyOneIsDoneAtOnce(t *testing.T) {
	t.Parallel()
	var g Group
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

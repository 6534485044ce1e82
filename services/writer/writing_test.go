package writer

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

func writingOf(rows int) *Writing {
	g := NewGathering()
	g.Add(frameOf(&Shape{}, 1, rows))
	return NewWriting(g.Next(rows))
}

func code(code string) error { return &pgconn.PgError{Code: code} }

func TestWriting_OnlyARowThatStandsAloneIsRefused(t *testing.T) {
	t.Parallel()
	w := writingOf(4)
	for _, want := range []int{4, 2} {
		if rows, _ := w.Next(); len(rows) != want {
			t.Fatalf("%d rows, want %d", len(rows), want)
		}
		if step := w.Failed(code("22P02"), false, false); step.Refused != nil || step.Pause {
			t.Fatalf("%+v", step)
		}
	}
	rows, _ := w.Next()
	step := w.Failed(code("22P02"), false, false)
	if step.Refused != &rows[0] || step.Reason != "database_value" || !rows[0].settled {
		t.Errorf("%+v", step)
	}
	for _, want := range []int{1, 2, 0} {
		rows, more := w.Next()
		if len(rows) != want || more != (want > 0) {
			t.Fatalf("%d rows, want %d", len(rows), want)
		}
		if more {
			w.Written()
		}
	}
}

func TestWriting_ARowIsAloneWhenItsNeighborsHaveVerdicts(t *testing.T) {
	t.Parallel()
	w := writingOf(3)
	rows, _ := w.Next()
	rows[0].settled, rows[2].settled = true, true // rejected before they were sent
	if step := w.Failed(code("23505"), false, false); step.Refused != &rows[1] {
		t.Errorf("%+v", step)
	}
	if _, more := w.Next(); more {
		t.Error("rows are left")
	}
}

func TestWriting_TroubleCostsNoRowItsPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err               error
		setup             bool
		pause, freshStart bool
	}{
		"lost answer":         {errors.New("unexpected EOF"), false, true, true},
		"missing table":       {code("42P01"), false, true, true},
		"deadlock":            {code("40P01"), false, true, false},
		"restart":             {code("57P01"), false, true, true},
		"stale plan":          {code("0A000"), false, false, false},
		"bad value, in setup": {code("22P02"), true, true, true},
	} {
		w := writingOf(2)
		step := w.Failed(c.err, c.setup, false)
		if step.Refused != nil || step.Pause != c.pause || step.Reconnect != c.freshStart {
			t.Errorf("%s: %+v", name, step)
		}
		if rows, _ := w.Next(); len(rows) != 2 {
			t.Errorf("%s: %d rows to write", name, len(rows))
		}
	}
}

func TestWriting_RowsThatRanOutOfTimeAreHalved(t *testing.T) {
	t.Parallel()
	w := writingOf(2)
	if step := w.Failed(code("57014"), false, true); step.Pause {
		t.Errorf("%+v", step)
	}
	if step := w.Failed(code("57014"), false, true); !step.Pause { // one row cannot be halved
		t.Errorf("%+v", step)
	}
	if rows, _ := w.Next(); len(rows) != 1 {
		t.Errorf("%d rows to write", len(rows))
	}
}

func TestVerdicts_OfAnIDThatIsThereTwiceOneIsCommitted(t *testing.T) {
	t.Parallel()
	f := frameOf(&Shape{}, 1, 3)
	f.ids = make([]byte, 3*idSize)
	f.ids[2*idSize] = 1
	rows := []Row{{frame: f, index: 0}, {frame: f, index: 1}, {frame: f, index: 2}}
	got := Verdicts(rows, map[[idSize]byte]struct{}{{}: {}})
	if got[0] != relayv1.Verdict_VERDICT_COMMITTED || got[1] != relayv1.Verdict_VERDICT_DUPLICATE || got[2] != relayv1.Verdict_VERDICT_DUPLICATE {
		t.Errorf("%v", got)
	}
}

package writer

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

func frameOf(s *Shape, id uint64, rows int) *Frame {
	return &Frame{shape: s, batchID: id, rows: rows, open: rows, bytes: int64(rows) * 10, verdicts: make([]byte, rows)}
}

func describeGroup(g *Group) string {
	if g == nil {
		return "none"
	}
	out := g.shape.key
	for _, r := range g.rows {
		out += fmt.Sprintf(" %d.%d", r.frame.batchID, r.index)
	}
	return out
}

func TestGathering_TakesTheOldestShapeAndCutsLargeFrames(t *testing.T) {
	t.Parallel()
	a, b := &Shape{key: "a"}, &Shape{key: "b"}
	g := NewGathering()
	g.Add(frameOf(a, 1, 2))
	g.Add(frameOf(b, 2, 5))
	g.Add(frameOf(a, 3, 2))
	for _, want := range []string{"a 1.0 1.1 3.0", "b 2.0 2.1 2.2", "b 2.3 2.4", "a 3.1", "none"} {
		if got := describeGroup(g.Next(3)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if len(g.held) == 0 || g.records != 9 {
		t.Errorf("%d records held, want 9: nothing has a verdict", g.records)
	}
}

func TestGathering_BoundsAGroupInBytes(t *testing.T) {
	t.Parallel()
	g := NewGathering()
	for i := range 4 {
		f := frameOf(&Shape{key: "a"}, uint64(i+1), 10)
		f.bytes = groupBytes / 2
		g.Add(f)
	}
	for n := 0; ; n++ {
		group := g.Next(1000)
		if group == nil {
			if n != 2 {
				t.Errorf("%d groups, want 2", n)
			}
			return
		}
		if len(group.rows) > 21 {
			t.Errorf("%d rows of %d bytes each", len(group.rows), groupBytes/20)
		}
	}
}

// Whatever the order of verdicts, each row is handed out once and each frame finishes once, with its own verdicts.
func TestGathering_EveryRowIsHandedOutOnceAndEveryFrameFinishesOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		g, shapes := NewGathering(), []*Shape{{key: "a"}, {key: "b"}, {key: "c"}}
		seen, finished, rows := map[string]bool{}, map[uint64]bool{}, 0
		var open []*Group
		check := func(frames []*Frame) {
			for _, f := range frames {
				if finished[f.batchID] {
					t.Fatalf("seed %d: frame %d finished twice", seed, f.batchID)
				}
				finished[f.batchID] = true
				for i, v := range f.verdicts {
					if want := byte(relayv1.Verdict_VERDICT_COMMITTED); i%7 != 3 && v != want ||
						i%7 == 3 && v != byte(relayv1.Verdict_VERDICT_REJECTED) {
						t.Fatalf("seed %d: frame %d row %d: verdict %d", seed, f.batchID, i, v)
					}
				}
			}
		}
		for step := 0; step < 60 || len(open) > 0 || len(g.queues) > 0; step++ {
			switch {
			case step < 60 && random.IntN(2) == 0:
				f := frameOf(shapes[random.IntN(3)], uint64(step+1), 1+random.IntN(20))
				rows += f.rows
				g.Add(f)
			case random.IntN(2) == 0:
				next := g.Next(1 + random.IntN(15))
				if next == nil {
					continue
				}
				for _, r := range next.rows {
					key := strconv.Itoa(int(r.frame.batchID)) + "." + strconv.Itoa(r.index)
					if seen[key] || r.frame.shape != next.shape {
						t.Fatalf("seed %d: row %s", seed, key)
					}
					seen[key] = true
				}
				open = append(open, next)
			case len(open) > 0:
				i := random.IntN(len(open))
				for _, r := range open[i].rows {
					if r.index%7 == 3 {
						check(g.Reject(r, &relayv1.Rejection{}))
					} else {
						check(g.Done([]Row{r}, []relayv1.Verdict{relayv1.Verdict_VERDICT_COMMITTED}))
					}
				}
				open = append(open[:i], open[i+1:]...)
			}
		}
		if len(seen) != rows || len(g.held) != 0 || g.records != 0 || g.bytes != 0 {
			t.Fatalf("seed %d: %d of %d rows, %d records and %d bytes held", seed, len(seen), rows, g.records, g.bytes)
		}
	}
}

func TestBisection_FindsEveryBadRowAndWritesEveryGoodOne(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 2))
		n := 1 + random.IntN(400)
		bad := map[int]bool{}
		for range random.IntN(6) {
			bad[random.IntN(n)] = true
		}
		state, writes := make([]string, n), 0
		b := bisect(n)
		for p, more := b.next(); more; p, more = b.next() {
			writes++
			fails := false
			for i := p.lo; i < p.hi; i++ {
				fails = fails || bad[i]
			}
			if fails && b.split() {
				continue
			}
			for i := p.lo; i < p.hi; i++ {
				state[i] += map[bool]string{true: "bad", false: "good"}[fails]
			}
			b.done()
		}
		for i, s := range state {
			if want := map[bool]string{true: "bad", false: "good"}[bad[i]]; s != want {
				t.Fatalf("seed %d: row %d of %d: %q, want %q", seed, i, n, s, want)
			}
		}
		if most := 1 + len(bad)*2*10; writes > most {
			t.Errorf("seed %d: %d writes for %d bad of %d", seed, writes, len(bad), n)
		}
	}
}

func TestBisection_ARightHintSavesWritesAndAWrongOneCostsNoRow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 3))
		n, lies := 1+random.IntN(400), seed%2 == 1
		bad := map[int]bool{}
		for range random.IntN(40) {
			bad[random.IntN(n)] = true
		}
		state, writes := make([]string, n), 0
		b := bisect(n)
		for p, more := b.next(); more; p, more = b.next() {
			writes++
			hint, fails := -1, false
			for i := p.hi - 1; i >= p.lo; i-- {
				if bad[i] {
					hint, fails = i-p.lo, true
				}
			}
			if lies {
				hint = random.IntN(n+2) - 1
			}
			if fails && (b.isolate(hint) || b.split()) {
				continue
			}
			for i := p.lo; i < p.hi; i++ {
				state[i] += map[bool]string{true: "bad", false: "good"}[fails]
			}
			b.done()
		}
		for i, s := range state {
			if want := map[bool]string{true: "bad", false: "good"}[bad[i]]; s != want {
				t.Fatalf("seed %d: row %d of %d: %q, want %q", seed, i, n, s, want)
			}
		}
		if most := 1 + 3*len(bad); !lies && writes > most {
			t.Errorf("seed %d: %d writes for %d bad of %d", seed, writes, len(bad), n)
		}
	}
}

func TestSettlement_SaysAllCommittedOnlyIfAllAre(t *testing.T) {
	t.Parallel()
	f := frameOf(&Shape{}, 7, 2)
	f.verdicts = []byte{1, 1}
	if s := f.Settlement(); s.GetAllCommitted() == nil || s.GetRecordCount() != 2 || s.GetBatchId() != 7 {
		t.Errorf("%v", s)
	}
	f.verdicts = []byte{1, 0} // a record without a verdict
	if s := f.Settlement(); s.GetAllCommitted() != nil || string(s.GetVerdicts()) != "\x01\x00" {
		t.Errorf("%v", s)
	}
	f.verdicts = []byte{1, 2}
	if s := f.Settlement(); s.GetAllCommitted() != nil || string(s.GetVerdicts()) != "\x01\x02" {
		t.Errorf("%v", s)
	}
}

func TestOutside_KnowsTheLimitsOfEveryWidth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		bits uint
		want bool
	}{
		{"0", 16, false}, {"-0", 16, false}, {"+7", 16, false}, {"32767", 16, false}, {"32768", 16, true},
		{"-32768", 16, false}, {"-32769", 16, true}, {"2147483647", 32, false}, {"2147483648", 32, true},
		{"-2147483648", 32, false}, {"9223372036854775807", 64, false}, {"9223372036854775808", 64, true},
		{"-9223372036854775808", 64, false}, {"-9223372036854775809", 64, true}, {"18446744073709551616", 64, true},
		{"100000000000000000000000000000", 64, true}, {"000000000000000000000000000001", 16, false},
		{"", 16, false}, {"-", 16, false}, {"x", 16, false}, {"99999x", 16, false}, {"1e9", 16, false},
	} {
		most := int64(1)<<(c.bits-1) - 1
		if got := outside([]byte(c.text), -most-1, most); got != c.want {
			t.Errorf("%q in %d bits: %v", c.text, c.bits, got)
		}
	}
}

func TestFrame_AgeIsReadFromTheOldestEventID(t *testing.T) {
	t.Parallel()
	s, err := NewShape(schemaOf("t", "name:text"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Decode(s, batchOf(1, rec(5, "a"), rec(0, "b"), rec(9, "c")))
	if err != nil || !f.sentAt.Equal(time.UnixMilli(1718206942785)) {
		t.Errorf("%v %v", f.sentAt, err)
	}
}

// No batch, however broken, makes decode panic or yields values beyond its arena.
func FuzzDecode(f *testing.F) {
	f.Add(uint32(2), []byte("abc"), uint32(1), uint32(2), []byte{}, 32)
	f.Add(uint32(2), []byte("abc"), uint32(0), uint32(3), []byte{1}, 32)
	f.Add(uint32(1<<31), []byte{}, uint32(1<<31), uint32(1<<31), []byte{255}, 0)
	s, err := NewShape(schemaOf("t", "name:text"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, count uint32, data []byte, one, two uint32, nulls []byte, ids int) {
		frame, err := Decode(s, &writerv1.MaskedBatch{
			BatchId: 1, RecordCount: count, EventIds: make([]byte, min(max(ids, 0), 1<<16)),
			Columns: []*writerv1.ColumnData{{Data: data, Lengths: []uint32{one, two}, Nulls: nulls}},
		})
		if err != nil {
			return
		}
		total := 0
		for i := range frame.rows {
			total += len(frame.columns[0].value(i))
			if frame.columns[0].null(i) && len(frame.columns[0].value(i)) > 0 {
				t.Error("a NULL with a value")
			}
		}
		if total != len(data) {
			t.Errorf("%d bytes in values, %d in the arena", total, len(data))
		}
	})
}

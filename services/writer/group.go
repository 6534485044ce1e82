package writer

import (
	"slices"

	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// Row is one row of a frame.
type Row struct {
	frame *Frame
	index int
	// settled rows have their verdict and are left out when their group is tried again.
	settled bool
}

// ID is the row's event id.
func (r Row) ID() [idSize]byte { return [idSize]byte(r.frame.id(r.index)) }

// Group is what one transaction is asked to write: rows of one shape.
type Group struct {
	shape  *Shape
	rows   []Row
	frames []*Frame
}

// Gathering decides which rows are written together. It is pure: frames go in, groups and finished frames come out.
// A group holds what has gathered while all connections were busy, so transactions grow with the load by themselves.
type Gathering struct {
	queues  []*queue
	held    map[*Frame]struct{}
	arrived uint64
	records int
	bytes   int64
}

// queue holds the frames of one shape in the order of their arrival.
type queue struct {
	shape  *Shape
	frames []queued
	// taken is how many rows of the first frame are in groups already.
	taken int
}

type queued struct {
	frame  *Frame
	number uint64
}

// NewGathering returns an empty gathering.
func NewGathering() *Gathering { return &Gathering{held: map[*Frame]struct{}{}} }

// Add takes a frame in.
func (g *Gathering) Add(f *Frame) {
	g.arrived++
	g.held[f] = struct{}{}
	g.records += f.rows
	g.bytes += f.bytes
	for _, q := range g.queues {
		if q.shape.key == f.shape.key {
			q.frames = append(q.frames, queued{f, g.arrived})
			return
		}
	}
	g.queues = append(g.queues, &queue{shape: f.shape, frames: []queued{{f, g.arrived}}})
}

// groupBytes bounds a group, since each connection holds a copy of its group's values while it writes them.
const groupBytes = 8 << 20

// Next takes up to most rows, and about groupBytes, of the shape that has waited longest; nil if nothing waits. A frame
// larger than that is spread over several groups.
func (g *Gathering) Next(most int) *Group {
	var oldest *queue
	for _, q := range g.queues {
		if oldest == nil || q.frames[0].number < oldest.frames[0].number {
			oldest = q
		}
	}
	if oldest == nil {
		return nil
	}
	out, room := &Group{shape: oldest.shape}, int64(groupBytes)
	for len(out.rows) < most && room > 0 && len(oldest.frames) > 0 {
		f := oldest.frames[0].frame
		// The rows of a frame are taken to be of one size: close enough, for a frame itself is bounded.
		each := max(f.bytes/int64(f.rows), 1)
		end := min(f.rows, oldest.taken+most-len(out.rows), oldest.taken+int(room/each)+1)
		room -= each * int64(end-oldest.taken)
		out.rows = slices.Grow(out.rows, end-oldest.taken)
		for i := oldest.taken; i < end; i++ {
			out.rows = append(out.rows, Row{frame: f, index: i})
		}
		out.frames = append(out.frames, f)
		oldest.taken = end
		if end == f.rows {
			oldest.frames[0] = queued{}
			oldest.frames, oldest.taken = oldest.frames[1:], 0
		}
	}
	if len(oldest.frames) == 0 {
		g.drop(oldest)
	}
	return out
}

func (g *Gathering) drop(gone *queue) {
	kept := g.queues[:0]
	for _, q := range g.queues {
		if q != gone {
			kept = append(kept, q)
		}
	}
	clear(g.queues[len(kept):])
	g.queues = kept
}

// Done gives rows their verdicts and returns the frames that have all of theirs now. Each row is done once.
func (g *Gathering) Done(rows []Row, verdicts []relayv1.Verdict) (finished []*Frame) {
	for i, r := range rows {
		r.frame.verdicts[r.index] = byte(verdicts[i])
		finished = g.close(r.frame, finished)
	}
	return finished
}

// Reject gives one row its verdict with the reason, and returns its frame if that was the last row of it.
func (g *Gathering) Reject(r Row, why *relayv1.Rejection) (finished []*Frame) {
	why.Index = uint32(r.index)
	r.frame.verdicts[r.index] = byte(relayv1.Verdict_VERDICT_REJECTED)
	r.frame.rejections = append(r.frame.rejections, why)
	return g.close(r.frame, nil)
}

func (g *Gathering) close(f *Frame, finished []*Frame) []*Frame {
	f.open--
	if f.open > 0 {
		return finished
	}
	delete(g.held, f)
	g.records -= f.rows
	g.bytes -= f.bytes
	return append(finished, f)
}

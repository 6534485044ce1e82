package writer

import (
	"encoding/binary"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/maskline/maskline/pkg/relay"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
)

// idSize is the size of an event id.
const idSize = 16

// Frame is one batch of a stream, kept until every row of it has a verdict. Its values are views into the message that
// arrived: nothing is copied before the parameters of a statement are built.
type Frame struct {
	shape   *Shape
	batchID uint64
	rows    int
	ids     []byte
	columns []column
	bytes   int64
	// sentAt is when the oldest message of the frame was sent, from its event id.
	sentAt time.Time

	// What follows belongs to the gathering.
	verdicts   []byte
	rejections []*relayv1.Rejection
	open       int

	// span is the frame's life in the writer. settle takes the settlement, once.
	span   trace.Span
	settle func(*relayv1.Settlement)
}

// column holds the values of one column: value i is data[offsets[i]:offsets[i+1]].
type column struct {
	data    []byte
	offsets []uint32
	nulls   []byte
}

// null tells whether row i has no value.
func (c *column) null(i int) bool {
	return len(c.nulls) > 0 && c.nulls[i>>3]&(1<<(i&7)) != 0
}

// value is row i's value; empty if it is NULL.
func (c *column) value(i int) []byte { return c.data[c.offsets[i]:c.offsets[i+1]] }

// id is row i's event id.
func (f *Frame) id(i int) []byte { return f.ids[i*idSize : (i+1)*idSize] }

// Decode checks that a batch is whole and fits its stream's schema. What does not is a fault of the peer's program, so
// it ends the stream: to take half of such a batch would shift values into other people's rows.
func Decode(s *Shape, b *writerv1.MaskedBatch) (*Frame, error) {
	n := int(b.GetRecordCount())
	switch {
	case b.GetBatchId() == 0:
		return nil, malformed("batch_id: 0")
	case n == 0:
		return nil, malformed("record_count: 0")
	case len(b.GetEventIds()) != n*idSize:
		return nil, malformed("event_ids: not 16 bytes for each record")
	case len(b.GetColumns()) != len(s.columns):
		return nil, malformed("columns: not as many as in the schema")
	}
	f := &Frame{
		shape: s, batchID: b.GetBatchId(), rows: n, ids: b.GetEventIds(), open: n,
		columns: make([]column, len(s.columns)), bytes: relay.LoadOf(n, b).Bytes, verdicts: make([]byte, n),
	}
	offsets := make([]uint32, len(s.columns)*(n+1))
	for i, data := range b.GetColumns() {
		c := &f.columns[i]
		*c = column{data: data.GetData(), nulls: data.GetNulls(), offsets: offsets[i*(n+1) : (i+1)*(n+1)]}
		if !c.fill(data.GetLengths(), n) {
			return nil, malformed("column " + s.columns[i].name + ": lengths, nulls and data do not fit together")
		}
	}
	f.sentAt = oldest(f)
	return f, nil
}

// fill turns lengths into offsets.
func (c *column) fill(lengths []uint32, n int) bool {
	if len(lengths) != n || len(c.nulls) != 0 && len(c.nulls) != (n+7)/8 {
		return false
	}
	end := uint64(0)
	for i, length := range lengths {
		if length != 0 && c.null(i) {
			return false
		}
		end += uint64(length)
		if end > uint64(len(c.data)) {
			return false
		}
		c.offsets[i+1] = uint32(end)
	}
	return end == uint64(len(c.data))
}

// oldest reads the earliest sending time of a frame: an event id begins with 48 bits of milliseconds.
func oldest(f *Frame) time.Time {
	least := uint64(1<<63 - 1)
	for i := range f.rows {
		least = min(least, binary.BigEndian.Uint64(f.id(i))>>16)
	}
	return time.UnixMilli(int64(least))
}

// Load is what the frame takes of its stream's credit.
func (f *Frame) Load() relay.Load { return relay.Load{Records: f.rows, Bytes: f.bytes} }

// Settlement tells the frame's verdicts. All rows must have one.
func (f *Frame) Settlement() *relayv1.Settlement {
	s := &relayv1.Settlement{BatchId: f.batchID, RecordCount: uint32(f.rows), Rejections: f.rejections}
	for _, v := range f.verdicts {
		if v != byte(relayv1.Verdict_VERDICT_COMMITTED) {
			s.Outcome = &relayv1.Settlement_Verdicts{Verdicts: f.verdicts}
			return s
		}
	}
	s.Outcome = &relayv1.Settlement_AllCommitted{AllCommitted: &relayv1.AllCommitted{}}
	return s
}

func malformed(text string) error { return status.Error(codes.InvalidArgument, "batch: "+text) }

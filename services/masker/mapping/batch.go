package mapping

import writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"

// Batch gathers accepted rows column by column, as they travel. Make it with [Program.NewBatch]. It is not safe for
// concurrent use.
type Batch struct {
	columns  []arena
	eventIDs []byte
	count    int
	size     int
}

// arena is one column: values end to end.
type arena struct {
	data    []byte
	lengths []uint32
	nulls   []byte // Bit i is row i; shorter than the batch where no later row is NULL.
}

// lengthCost and rowCost are what a value and a row add to a batch beyond their bytes, on the wire, at most for values
// below 2 MiB.
const (
	lengthCost = 3
	rowCost    = 16
)

func newBatch(columns int) *Batch { return &Batch{columns: make([]arena, columns)} }

// Count returns the number of rows.
func (b *Batch) Count() int { return b.count }

// Size returns about how many bytes the batch has on the wire, erring upwards.
func (b *Batch) Size() int { return b.size }

// Reset empties the batch and keeps its memory. Not after Proto: the message has the memory then.
func (b *Batch) Reset() {
	for i := range b.columns {
		column := &b.columns[i]
		column.data, column.lengths, column.nulls = column.data[:0], column.lengths[:0], column.nulls[:0]
	}
	b.eventIDs = b.eventIDs[:0]
	b.count, b.size = 0, 0
}

// Proto hands the rows over: the message takes the batch's memory, nothing is copied, and the batch is empty and ready
// for new rows with memory of its own. (A message given to gRPC must not change afterwards.) batch_id and the trace
// context are the caller's to set.
func (b *Batch) Proto() *writerv1.MaskedBatch {
	message := &writerv1.MaskedBatch{
		RecordCount: uint32(b.count),
		EventIds:    b.eventIDs,
		Columns:     make([]*writerv1.ColumnData, len(b.columns)),
	}
	columns := make([]writerv1.ColumnData, len(b.columns))
	for i := range b.columns {
		from := &b.columns[i]
		if len(from.nulls) > 0 {
			from.nulls = grow(from.nulls, (b.count+7)/8)
		}
		columns[i].Data, columns[i].Lengths, columns[i].Nulls = from.data, from.lengths, from.nulls
		message.Columns[i] = &columns[i]
		// The next batch is likely as large as this one; after one huge row it is not.
		*from = arena{data: make([]byte, 0, min(len(from.data), maxKept)), lengths: make([]uint32, 0, len(from.lengths))}
	}
	b.eventIDs = make([]byte, 0, len(b.eventIDs))
	b.count, b.size = 0, 0
	return message
}

// append adds one row. ends[i] is where value i ends in row; nulls[i] says that it is NULL.
func (b *Batch) append(eventID [16]byte, row []byte, ends []int, nulls []bool) {
	start := 0
	for i, end := range ends {
		column := &b.columns[i]
		column.data = append(column.data, row[start:end]...)
		column.lengths = append(column.lengths, uint32(end-start))
		if nulls[i] {
			column.nulls = grow(column.nulls, b.count/8+1)
			column.nulls[b.count/8] |= 1 << (b.count % 8)
		}
		start = end
	}
	b.eventIDs = append(b.eventIDs, eventID[:]...)
	b.count++
	b.size += len(row) + len(ends)*lengthCost + rowCost
}

// value returns one value of one row; text is nil for NULL.
func (b *Batch) value(row, column int) (text []byte, null bool) {
	c := &b.columns[column]
	if row/8 < len(c.nulls) && c.nulls[row/8]&(1<<(row%8)) != 0 {
		return nil, true
	}
	start := 0
	for _, length := range c.lengths[:row] {
		start += int(length)
	}
	return c.data[start : start+int(c.lengths[row])], false
}

func grow(bits []byte, length int) []byte {
	for len(bits) < length {
		bits = append(bits, 0)
	}
	return bits
}

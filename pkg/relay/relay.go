// Package relay moves batches down a gRPC stream and their settlements back up. The serving side grants credit and
// beats; the sending side keeps one stream to every address behind a name and gives each batch to the stream with the
// least outstanding bytes.
//
// It promises that every batch handed to a Client comes back exactly once, as settled or as returned, and that a Server
// never holds more than its limit in bytes. It never looks into a batch, never retries one by itself, and never blocks
// a settlement behind a batch: each stream has one goroutine that sends and one that receives.
package relay

import (
	"time"

	"google.golang.org/protobuf/proto"
)

// Timing of the stream protocol; both sides must agree on them.
const (
	// HeartbeatEvery is how often a server speaks on a stream that has nothing else to say.
	HeartbeatEvery = 5 * time.Second
	// DeadAfter is the silence after which a client takes a stream for dead.
	DeadAfter = 15 * time.Second
)

// MaxFrameRecords and MaxFrameBytes bound one batch. A single record larger than MaxFrameBytes travels alone.
const (
	MaxFrameRecords = 500
	MaxFrameBytes   = 1 << 20
)

// Load is what a batch takes of a stream's credit.
type Load struct {
	Records int
	Bytes   int64
}

// LoadOf is the load of a batch message with so many records. Both sides count the encoded size, so they agree.
func LoadOf(records int, batch proto.Message) Load {
	return Load{Records: records, Bytes: int64(proto.Size(batch))}
}

func (l Load) add(m Load) Load { return Load{l.Records + m.Records, l.Bytes + m.Bytes} }
func (l Load) sub(m Load) Load { return Load{l.Records - m.Records, l.Bytes - m.Bytes} }

// fits says whether m may be taken out of l.
func (l Load) fits(m Load) bool { return m.Records <= l.Records && m.Bytes <= l.Bytes }

package fetcher

import (
	"context"
	"time"
)

// Queue is all that the fetcher asks of SQS. Receive and delete are most of the whole pipeline's CPU, so the client
// behind it is meant to be replaceable. Safe for concurrent use.
type Queue interface {
	// Describe reads the attributes of the queue and finds its dead-letter queue.
	Describe(ctx context.Context) (Description, error)
	// Counts reads the approximate depth.
	Counts(ctx context.Context) (Counts, error)
	// Receive waits up to wait for up to limit messages and hides them for the visibility timeout.
	Receive(ctx context.Context, limit int, wait, visibility time.Duration) ([]Message, error)
	// Delete removes up to ten messages. The failures are those that the queue named; err means that none may be
	// assumed deleted.
	Delete(ctx context.Context, receipts []Receipt) ([]Failure, error)
	// Extend hides up to ten messages for another visibility timeout from now; 0 gives them back at once.
	Extend(ctx context.Context, receipts []Receipt, visibility time.Duration) ([]Failure, error)
	// DeadLetter sends up to ten messages to the dead-letter queue at url.
	DeadLetter(ctx context.Context, url string, letters []Letter) ([]Failure, error)
}

// Message is one message as received.
type Message struct {
	ID           string
	Receipt      string
	Body         []byte
	SentMS       int64
	ReceiveCount int
	GroupID      string
	TraceHeader  string
	Attributes   []Attribute
}

// Attribute is one message attribute of the producer.
type Attribute struct {
	Name string
	// Type is the SQS DataType: String, Number, Binary, with an optional label.
	Type   string
	String string
	Binary []byte
}

// Receipt names a received message to the queue.
type Receipt struct {
	ID     string
	Handle string
}

// Failure is one entry of a batch call that the queue did not carry out.
type Failure struct {
	// Index is the entry's position in the call.
	Index int
	// Code is the queue's error code.
	Code string
}

// final says that the same call with the same receipt handle would fail again. SQS answers InvalidParameterValue for a
// message that is gone, and for an extension beyond twelve hours after the receive.
func (f Failure) final() bool {
	return f.Code == "ReceiptHandleIsInvalid" || f.Code == "MessageNotInflight" || f.Code == "InvalidParameterValue"
}

// Letter is one message for the dead-letter queue.
type Letter struct {
	Body       []byte
	Attributes []Attribute
	GroupID    string
}

// size is what SQS counts against its limit: body and attributes.
func (l Letter) size() int {
	n := len(l.Body)
	for _, a := range l.Attributes {
		n += a.size()
	}
	return n
}

func (a Attribute) size() int { return len(a.Name) + len(a.Type) + len(a.String) + len(a.Binary) }

// Description is what the fetcher must know of its queue.
type Description struct {
	Name              string
	FIFO              bool
	Visibility        time.Duration
	MaxMessageBytes   int64
	MaxReceiveCount   int // 0 without a redrive policy
	DeadLetterURL     string
	DeadLetterMaxSize int64
	SelfDeadLetter    bool // the dead-letter queue is the queue itself
}

// Counts is the approximate depth of a queue.
type Counts struct {
	Visible, NotVisible, Delayed int64
}

// Sum is how many messages the queue still holds.
func (c Counts) Sum() int64 { return c.Visible + c.NotVisible + c.Delayed }

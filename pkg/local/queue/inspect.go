package queue

import (
	"cmp"
	"slices"
	"time"
)

// State is where a stored message is.
type State int

// The states of a stored message.
const (
	// Visible messages wait to be received.
	Visible State = iota
	// InFlight messages have been received and are hidden.
	InFlight
	// Delayed messages have never been visible.
	Delayed
)

// Message is one message as the queue holds it.
type Message struct {
	// ID is the MessageId. Empty in Send: a random UUID.
	ID string
	// Body is the producer's text.
	Body string
	// Attributes are the producer's.
	Attributes map[string]Attribute
	// GroupID is the MessageGroupId, on a standard queue the tenant of a fair queue.
	GroupID string
	// TraceHeader is AWSTraceHeader.
	TraceHeader string
	// Sent is the SentTimestamp. Zero in Send: now.
	Sent time.Time
	// ReceiveCount is how often it has been received. Send ignores it.
	ReceiveCount int
	// DeadLetterSource is the ARN of the queue that SQS's own redrive took it from. Send ignores it.
	DeadLetterSource string
	// State is where it is. Send ignores it.
	State State
}

// CreateQueue makes a queue, or does nothing if there is one with the same attributes. A dead-letter queue must exist
// before the redrive policy that names it.
func (s *Server) CreateQueue(name string, attributes map[string]string) error {
	return s.create(name, attributes)
}

// ARN is a queue's ARN, for redrive policies.
func (s *Server) ARN(name string) string { return s.arn(name) }

// Send stores messages without a request, by the same checks, and returns their ids in order. At the first that is
// refused it stops; those before it stay.
func (s *Server) Send(name string, messages ...Message) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.named(name)
	if err != nil {
		return nil, err
	}
	if err := q.takesMessages(); err != nil {
		return nil, err
	}
	now := s.options.Now()
	ids := make([]string, 0, len(messages))
	for i := range messages {
		given := &messages[i]
		m, err := compose(&sendEntry{
			MessageBody: given.Body, MessageAttributes: given.Attributes, MessageGroupID: given.GroupID,
		}, now, q.settings.maxMessageBytes)
		if err != nil {
			return ids, err
		}
		m.trace = given.TraceHeader
		if given.ID != "" {
			m.id = given.ID
		}
		if !given.Sent.IsZero() {
			m.sent = given.Sent
		}
		q.add(m, now, q.settings.delay)
		ids = append(ids, m.id)
	}
	return ids, nil
}

// Purge forgets all messages of a queue, those in flight too.
func (s *Server) Purge(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q, err := s.named(name); err == nil {
		q.clear()
	}
}

// Counts is how many messages a queue holds in each state, exactly. All zero for an unknown queue.
func (s *Server) Counts(name string) (visible, notVisible, delayed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.named(name)
	if err != nil {
		return 0, 0, 0
	}
	q.advance(s.options.Now())
	return q.counts()
}

// Messages is a snapshot of a queue in the order of arrival. It receives nothing. Empty for an unknown queue. The
// attributes are the stored ones: do not write to them.
func (s *Server) Messages(name string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.named(name)
	if err != nil {
		return nil
	}
	q.advance(s.options.Now())
	stored := make([]*message, 0, len(q.stored))
	for _, m := range q.stored {
		stored = append(stored, m)
	}
	slices.SortFunc(stored, func(a, b *message) int { return cmp.Compare(a.key, b.key) })
	messages := make([]Message, len(stored))
	for i, m := range stored {
		messages[i] = Message{
			ID: m.id, Body: m.body, Attributes: m.attributes, GroupID: m.group, TraceHeader: m.trace, Sent: m.sent,
			ReceiveCount: m.receives, DeadLetterSource: m.deadLetterSource, State: m.state(),
		}
	}
	return messages
}

func (m *message) state() State {
	switch {
	case m.index < 0:
		return Visible
	case m.isDelayed:
		return Delayed
	}
	return InFlight
}

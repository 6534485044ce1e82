package queue

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// demand is one receive, checked, with the queue's own values where the request has none.
type demand struct {
	limit            int
	visibility, wait time.Duration
	system           []string
	attributes       []string
}

// receiveMessage answers as soon as there is a message, or when the wait or the connection is over. As with SQS, messages
// whose answer goes to a closed connection stay hidden for the whole visibility timeout.
func (s *Server) receiveMessage(c *call, r *receiveRequest) (any, error) {
	var over <-chan time.Time
	for {
		s.mu.Lock()
		q, err := s.shelfOf(r.QueueURL)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		d, err := q.demand(r)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		now := s.options.Now()
		messages, err := s.takeFor(q, d, now)
		if err != nil || len(messages) > 0 || d.wait == 0 {
			s.mu.Unlock()
			return receiveResponse{messages}, err
		}
		changed := q.wait()
		var due <-chan time.Time
		if len(q.timed) > 0 {
			due = time.After(max(q.timed[0].deadline.Sub(now), time.Millisecond))
		}
		s.mu.Unlock()
		if over == nil {
			over = time.After(d.wait)
		}
		if !look(c.ctx, changed, due, over) {
			return receiveResponse{}, nil
		}
	}
}

// look waits for a reason to look at the queue again, and says false if there is none left.
func look(ctx context.Context, changed <-chan struct{}, due, over <-chan time.Time) bool {
	select {
	case <-changed:
	case <-due:
	case <-over:
		return false
	case <-ctx.Done():
		return false
	}
	return ctx.Err() == nil // never take messages for a client that is known to be gone
}

// demand checks a request against SQS's limits.
func (q *shelf) demand(r *receiveRequest) (demand, error) {
	d := demand{limit: 1, visibility: q.settings.visibility, wait: q.settings.wait, attributes: r.MessageAttributeNames}
	d.system = append(d.system, r.MessageSystemAttributeNames...)
	d.system = append(d.system, r.AttributeNames...)
	if n := r.MaxNumberOfMessages; n != nil {
		if *n < 1 || *n > maxBatchEntries {
			return d, outOfRange("MaxNumberOfMessages", 1, maxBatchEntries)
		}
		d.limit = *n
	}
	if n := r.WaitTimeSeconds; n != nil {
		if *n < 0 || *n > 20 {
			return d, outOfRange("WaitTimeSeconds", 0, 20)
		}
		d.wait = time.Duration(*n) * time.Second
	}
	if n := r.VisibilityTimeout; n != nil {
		if *n < 0 || *n > 43_200 {
			return d, outOfRange("VisibilityTimeout", 0, 43_200)
		}
		d.visibility = time.Duration(*n) * time.Second
	}
	return d, nil
}

// takeFor delivers what there is, moves the dead, and plays a scripted duplicate. The caller holds mu.
func (s *Server) takeFor(q *shelf, d demand, now time.Time) ([]receivedMessage, error) {
	q.advance(now)
	_, hidden, _ := q.counts()
	room := s.options.MaxInFlight - hidden
	if room <= 0 {
		if d.wait == 0 {
			return nil, overLimit()
		}
		return nil, nil
	}
	limit, pick := min(d.limit, room), func(int) int { return 0 }
	if s.options.Scatter {
		limit, pick = 1+s.random.IntN(limit), s.random.IntN
	}
	var taken []*message
	if again := s.duplicate(q, hidden); again != nil {
		taken = append(taken, again)
	}
	deadLetters, maxReceives := s.queues[q.settings.deadLetters], q.settings.maxReceives
	if deadLetters == nil {
		maxReceives = 0 // deleted since, or never set: nowhere to move to
	}
	deliver, dead := q.take(now, limit-len(taken), maxReceives, pick)
	for _, m := range dead {
		q.remove(m)
		m.bury(s.arn(q.name))
		deadLetters.add(m, now, 0)
	}
	taken = append(taken, deliver...)
	messages := make([]receivedMessage, 0, len(taken))
	for _, m := range taken {
		q.hide(m, now, d.visibility)
		messages = append(messages, s.delivered(q, m, d))
	}
	return messages, nil
}

// duplicate is a hidden message that the script wants delivered again, or nil.
func (s *Server) duplicate(q *shelf, hidden int) *message {
	if hidden == 0 || !s.faults.takeDuplicate() {
		return nil
	}
	at := s.random.IntN(len(q.timed))
	for q.timed[at].isDelayed {
		at = (at + 1) % len(q.timed)
	}
	return q.timed[at]
}

// bury makes m what it is in a dead-letter queue: as SQS does, with the same id, body, attributes and sent time. The count
// of receives begins again; AWS does not document whether it does.
func (m *message) bury(source string) {
	m.receives, m.received, m.firstReceived = 0, time.Time{}, time.Time{}
	m.deadLetterSource = source
}

// delivered is m as a receiver that asked for d sees it.
func (s *Server) delivered(q *shelf, m *message, d demand) receivedMessage {
	r := receivedMessage{MessageID: m.id, ReceiptHandle: s.handle(q, m), MD5OfBody: m.bodyMD5, Body: m.body}
	r.Attributes = systemAttributes(m, d.system)
	r.MessageAttributes = chosen(m.attributes, d.attributes)
	if len(r.MessageAttributes) == len(m.attributes) {
		r.MD5OfMessageAttributes = m.attributesMD5
	} else {
		r.MD5OfMessageAttributes = digestAttributes(r.MessageAttributes)
	}
	return r
}

func systemAttributes(m *message, names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	all := make(map[string]string, 8)
	wanted := func(name string) bool {
		for _, n := range names {
			if n == name || n == "All" {
				return true
			}
		}
		return false
	}
	put := func(name, value string) {
		if value != "" && wanted(name) {
			all[name] = value
		}
	}
	put("SenderId", accountID)
	put("SentTimestamp", milliseconds(m.sent))
	put("ApproximateReceiveCount", strconv.Itoa(m.receives))
	put("ApproximateFirstReceiveTimestamp", milliseconds(m.firstReceived))
	put("MessageGroupId", m.group)
	put("AWSTraceHeader", m.trace)
	put("DeadLetterQueueSourceArn", m.deadLetterSource)
	return all
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// chosen is the attributes that names ask for: by name, by "prefix.*", or all of them by "All" or ".*".
func chosen(attributes map[string]Attribute, names []string) map[string]Attribute {
	if len(attributes) == 0 || len(names) == 0 {
		return nil
	}
	some := map[string]Attribute{}
	for _, wanted := range names {
		if wanted == "All" || wanted == ".*" {
			return attributes
		}
		prefix, wild := strings.CutSuffix(wanted, ".*")
		for name, a := range attributes {
			if name == wanted || wild && strings.HasPrefix(name, prefix) {
				some[name] = a
			}
		}
	}
	return some
}

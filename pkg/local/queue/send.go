package queue

import (
	"strings"
	"time"
)

func (s *Server) sendMessage(c *call, r *sendRequest) (any, error) {
	if !faithful(c.body) {
		return nil, invalidMessageContents()
	}
	r.ID = "" // an entry's; a single answer has none
	terms, err := s.terms(r.QueueURL)
	if err != nil {
		return nil, err
	}
	p, err := s.compose(&r.sendEntry, terms)
	if err != nil {
		return nil, err
	}
	return p.answer, s.store(r.QueueURL, p)
}

func (s *Server) sendMessageBatch(c *call, r *sendBatchRequest) (any, error) {
	if !faithful(c.body) {
		return nil, invalidMessageContents()
	}
	id := func(i int) string { return r.Entries[i].ID }
	if err := checkBatch(len(r.Entries), id); err != nil {
		return nil, err
	}
	total := 0
	for i := range r.Entries {
		total += r.Entries[i].size()
	}
	if total > maxBatchBytes {
		return nil, refuse("BatchRequestTooLong", legacy+"BatchRequestTooLong",
			"Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxBatchBytes, total)
	}
	terms, err := s.terms(r.QueueURL)
	if err != nil {
		return nil, err
	}
	var parcels []parcel
	ignored := func(i int) sendResponse { return sendResponse{ID: id(i)} } // the script ignores receipts only
	answer := eachEntry(len(r.Entries), c.verdict, id, ignored, func(i int) (sendResponse, error) {
		p, err := s.compose(&r.Entries[i], terms)
		if err == nil {
			parcels = append(parcels, p)
		}
		return p.answer, err
	})
	return answer, s.store(r.QueueURL, parcels...)
}

// parcel is a checked message on its way into a queue.
type parcel struct {
	message *message
	delay   time.Duration
	answer  sendResponse
}

// terms is what a sender must know of a queue. Messages are checked and digested after this call and outside the lock.
func (s *Server) terms(queueURL string) (settings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.shelfOf(queueURL)
	if err != nil {
		return settings{}, err
	}
	return q.settings, q.takesMessages()
}

func (s *Server) compose(e *sendEntry, terms settings) (parcel, error) {
	p := parcel{delay: terms.delay}
	if e.DelaySeconds != nil {
		if *e.DelaySeconds < 0 || *e.DelaySeconds > 900 {
			return p, outOfRange("DelaySeconds", 0, 900)
		}
		p.delay = time.Duration(*e.DelaySeconds) * time.Second
	}
	var err error
	if p.message, err = compose(e, s.options.Now(), terms.maxMessageBytes); err != nil {
		return p, err
	}
	p.answer = sendResponse{
		ID: e.ID, MessageID: p.message.id, MD5OfMessageBody: p.message.bodyMD5, MD5OfMessageAttributes: p.message.attributesMD5,
		MD5OfMessageSystemAttributes: digestAttributes(e.MessageSystemAttributes),
	}
	return p, nil
}

// store puts parcels into their queue at one moment.
func (s *Server) store(queueURL string, parcels ...parcel) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.shelfOf(queueURL)
	if err != nil {
		return err
	}
	for _, p := range parcels {
		q.add(p.message, p.message.arrived, p.delay)
	}
	return nil
}

// takesMessages refuses FIFO queues: they exist here only for a client to be shown refusing one.
func (q *shelf) takesMessages() error {
	if strings.HasSuffix(q.name, ".fifo") {
		return unsupportedOperation("The embedded queue does not carry messages of FIFO queues.")
	}
	return nil
}

package queue

import "time"

func (s *Server) deleteMessage(c *call, r *receiptRequest) (any, error) {
	return s.receipt(c, r, s.delete)
}

func (s *Server) deleteMessageBatch(c *call, r *receiptBatchRequest) (any, error) {
	return s.receipts(c, r, s.delete)
}

func (s *Server) changeVisibility(c *call, r *receiptRequest) (any, error) {
	return s.receipt(c, r, s.reschedule)
}

func (s *Server) changeVisibilityBatch(c *call, r *receiptBatchRequest) (any, error) {
	return s.receipts(c, r, s.reschedule)
}

// receipt carries out one call on one handle.
func (s *Server) receipt(c *call, r *receiptRequest, do func(*shelf, *receiptEntry) error) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.shelfOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	if c.verdict.ignored(0) {
		return empty{}, nil
	}
	return empty{}, do(q, &r.receiptEntry)
}

// receipts does the same for a batch, whose entries fail one by one within a successful answer.
func (s *Server) receipts(c *call, r *receiptBatchRequest, do func(*shelf, *receiptEntry) error) (any, error) {
	id := func(i int) string { return r.Entries[i].ID }
	if err := checkBatch(len(r.Entries), id); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.shelfOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	result := func(i int) receiptResult { return receiptResult{id(i)} }
	return eachEntry(len(r.Entries), c.verdict, id, result, func(i int) (receiptResult, error) {
		return result(i), do(q, &r.Entries[i])
	}), nil
}

// delete removes a message by the handle of its newest receive, even when it is visible again. An older handle is answered
// with success and deletes nothing: SQS may do that, and a client that lives with it lives with the kinder cases.
func (s *Server) delete(q *shelf, e *receiptEntry) error {
	if e.ReceiptHandle == "" {
		return missingParameter("ReceiptHandle")
	}
	m, state := s.resolve(q, e.ReceiptHandle)
	switch state {
	case unopened:
		return receiptHandleIsInvalid()
	case current:
		q.remove(m)
	case stale, gone: // nothing to do, and no way to tell
	}
	return nil
}

// reschedule hides a message for a new timeout from now. An older handle is answered with success and changes nothing, as
// for delete.
func (s *Server) reschedule(q *shelf, e *receiptEntry) error {
	switch {
	case e.ReceiptHandle == "":
		return missingParameter("ReceiptHandle")
	case e.VisibilityTimeout == nil:
		return missingParameter("VisibilityTimeout") // also of a batch entry, though AWS's reference calls it optional
	case *e.VisibilityTimeout < 0 || *e.VisibilityTimeout > 43_200:
		return outOfRange("VisibilityTimeout", 0, 43_200)
	}
	now := s.options.Now()
	q.advance(now)
	m, state := s.resolve(q, e.ReceiptHandle)
	switch state {
	case unopened:
		return receiptHandleIsInvalid()
	case gone:
		return invalidParameter("Value for parameter ReceiptHandle is invalid. " +
			"Reason: Message does not exist or is not available for visibility timeout change.")
	case stale:
		return nil
	case current:
	}
	if m.index < 0 {
		return messageNotInflight()
	}
	visibility := time.Duration(*e.VisibilityTimeout) * time.Second
	if now.Add(visibility).Sub(m.received) > 12*time.Hour {
		return invalidParameter("Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	m.released = visibility == 0
	q.show(m, now, visibility)
	return nil
}

package queue

// Tally counts what a queue has delivered since it was made, of messages that are gone too.
type Tally struct {
	// Deliveries counts every message of every receive.
	Deliveries int
	// Again counts the deliveries of messages that had been delivered before.
	Again int
	// AfterRelease counts those of Again whose receiver had made them visible at once, by a timeout of zero.
	AfterRelease int
	// MostReceives is the highest receive count of any message.
	MostReceives int
}

// delivered counts one delivery of m, after its receive count went up.
func (t *Tally) delivered(m *message) {
	t.Deliveries++
	t.MostReceives = max(t.MostReceives, m.receives)
	if m.receives > 1 {
		t.Again++
		if m.released {
			t.AfterRelease++
		}
	}
	m.released = false
}

// Tally is a queue's tally. All zero for an unknown queue.
func (s *Server) Tally(name string) Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.named(name)
	if err != nil {
		return Tally{}
	}
	return q.tally
}

package queue

import (
	"maps"
	"slices"
	"strings"
)

func (s *Server) createQueue(c *call, r *nameRequest) (any, error) {
	if err := s.create(r.QueueName, r.Attributes); err != nil {
		return nil, err
	}
	return urlResponse{c.url(r.QueueName)}, nil
}

// url is a queue's URL on the address that the client reached this server by, for that one works for it.
func (c *call) url(name string) string { return "http://" + c.host + "/" + accountID + "/" + name }

// create makes a queue unless it is there with the same attributes.
func (s *Server) create(name string, attributes map[string]string) error {
	if name == "" {
		return missingParameter("QueueName")
	}
	if !queueName(name) {
		return invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkAttributes(attributes); err != nil {
		return err
	}
	if fifo := attributes["FifoQueue"] == "true"; fifo != strings.HasSuffix(name, ".fifo") {
		return invalidParameter("The name of a FIFO queue, and only of one, ends with .fifo.")
	}
	now := s.options.Now()
	if q, ok := s.queues[name]; ok {
		for _, attribute := range slices.Sorted(maps.Keys(attributes)) {
			if s.attributesOf(q, now)[attribute] != attributes[attribute] {
				return queueNameExists(attribute)
			}
		}
		return nil
	}
	q := newShelf(name, now)
	q.set(attributes, now)
	s.queues[name] = q
	return nil
}

func (s *Server) getQueueURL(c *call, r *nameRequest) (any, error) {
	if r.QueueName == "" {
		return nil, missingParameter("QueueName")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.named(r.QueueName); err != nil {
		return nil, err
	}
	return urlResponse{c.url(r.QueueName)}, nil
}

func (s *Server) listQueues(c *call, r *listRequest) (any, error) {
	limit := 1000
	if r.MaxResults != nil {
		if limit = *r.MaxResults; limit < 1 || limit > 1000 {
			return nil, outOfRange("MaxResults", 1, 1000)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer listResponse
	last := ""
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		if !strings.HasPrefix(name, r.QueueNamePrefix) || name <= r.NextToken {
			continue
		}
		if len(answer.QueueURLs) == limit {
			answer.NextToken = last
			break
		}
		answer.QueueURLs = append(answer.QueueURLs, c.url(name))
		last = name
	}
	return answer, nil
}

func (s *Server) deleteQueue(_ *call, r *urlRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.shelfOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	delete(s.queues, q.name)
	q.wake() // long polls look the queue up again and find it gone
	return empty{}, nil
}

// purgeQueue empties a queue at once and as often as asked; SQS takes up to a minute and refuses a second purge meanwhile.
func (s *Server) purgeQueue(_ *call, r *urlRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.shelfOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	q.clear()
	return empty{}, nil
}

func queueName(name string) bool {
	base := strings.TrimSuffix(name, ".fifo")
	if base == "" || len(name) > 80 {
		return false
	}
	return !strings.ContainsFunc(base, func(r rune) bool { return !wordRune(r) })
}

// wordRune is what names of queues and ids of batch entries are made of.
func wordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

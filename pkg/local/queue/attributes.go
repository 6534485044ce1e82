package queue

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"
)

// settings are the attributes that change what a queue does, read once when they are set.
type settings struct {
	visibility, delay, wait, retention time.Duration
	maxMessageBytes                    int
	maxReceives                        int    // 0: no redrive policy
	deadLetters                        string // name of the queue
}

// redrivePolicy is the JSON of the attribute. AWS takes maxReceiveCount as a number and as a string.
type redrivePolicy struct {
	Target      string `json:"deadLetterTargetArn"`
	MaxReceives any    `json:"maxReceiveCount"`
}

func defaultAttributes() map[string]string {
	return map[string]string{
		"VisibilityTimeout":             "30",
		"MaximumMessageSize":            "1048576",
		"MessageRetentionPeriod":        "345600",
		"DelaySeconds":                  "0",
		"ReceiveMessageWaitTimeSeconds": "0",
		"SqsManagedSseEnabled":          "true",
	}
}

// set takes attributes that checkAttributes has passed. An empty policy removes it.
func (q *shelf) set(attributes map[string]string, now time.Time) {
	maps.Copy(q.attributes, attributes)
	maps.DeleteFunc(q.attributes, func(_, value string) bool { return value == "" })
	seconds := func(name string) time.Duration {
		n, _ := strconv.Atoi(q.attributes[name])
		return time.Duration(n) * time.Second
	}
	q.settings = settings{
		visibility: seconds("VisibilityTimeout"),
		delay:      seconds("DelaySeconds"),
		wait:       seconds("ReceiveMessageWaitTimeSeconds"),
		retention:  seconds("MessageRetentionPeriod"),
	}
	q.settings.maxMessageBytes, _ = strconv.Atoi(q.attributes["MaximumMessageSize"])
	if policy := q.attributes["RedrivePolicy"]; policy != "" {
		q.settings.deadLetters, q.settings.maxReceives, _ = parseRedrivePolicy(policy)
	}
	q.modified = now
}

// checkAttributes says what SQS would say of attributes that a client wants to set. The caller holds mu.
func (s *Server) checkAttributes(attributes map[string]string) error {
	for name, value := range attributes {
		var low, high int
		switch name {
		case "VisibilityTimeout":
			high = 43_200
		case "DelaySeconds":
			high = 900
		case "ReceiveMessageWaitTimeSeconds":
			high = 20
		case "MessageRetentionPeriod":
			low, high = 60, 1_209_600
		case "MaximumMessageSize":
			low, high = 1024, 1<<20
		case "RedrivePolicy":
			if err := s.checkRedrivePolicy(value); err != nil {
				return err
			}
			continue
		case "FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled":
			if value != "true" && value != "false" {
				return invalidAttributeValue(name)
			}
			continue
		case "Policy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "DeduplicationScope", "FifoThroughputLimit":
			continue // kept and shown, without effect
		default:
			return invalidAttributeName()
		}
		if n, err := strconv.Atoi(value); err != nil || n < low || n > high {
			return invalidAttributeValue(name)
		}
	}
	return nil
}

func (s *Server) checkRedrivePolicy(policy string) error {
	if policy == "" {
		return nil
	}
	name, count, ok := parseRedrivePolicy(policy)
	if !ok || count < 1 || count > 1000 {
		return invalidParameter("Value for parameter RedrivePolicy is invalid. Reason: it must be JSON with a " +
			"deadLetterTargetArn and a maxReceiveCount from 1 to 1000.")
	}
	if _, exists := s.queues[name]; !exists {
		return invalidParameter("Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")
	}
	return nil
}

func parseRedrivePolicy(policy string) (deadLetters string, maxReceives int, ok bool) {
	var p redrivePolicy
	if err := json.Unmarshal([]byte(policy), &p); err != nil || !strings.HasPrefix(p.Target, "arn:") {
		return "", 0, false
	}
	switch count := p.MaxReceives.(type) {
	case float64:
		maxReceives = int(count)
	case string:
		maxReceives, _ = strconv.Atoi(count)
	}
	return p.Target[strings.LastIndexByte(p.Target, ':')+1:], maxReceives, true
}

func (s *Server) setQueueAttributes(_ *call, r *attributesRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.shelfOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	if err := s.checkAttributes(r.Attributes); err != nil {
		return nil, err
	}
	if _, given := r.Attributes["FifoQueue"]; given {
		return nil, invalidAttributeName() // a queue is born FIFO or is not
	}
	q.set(r.Attributes, s.options.Now())
	return empty{}, nil
}

func (s *Server) getQueueAttributes(_ *call, r *attributesRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.shelfOf(r.QueueURL)
	if err != nil {
		return nil, err
	}
	all := s.attributesOf(q, s.options.Now())
	answer := map[string]string{}
	for _, name := range r.AttributeNames {
		if name == "All" {
			return attributesResponse{all}, nil
		}
		if !attributeName(name) {
			return nil, invalidAttributeName()
		}
		if value, ok := all[name]; ok {
			answer[name] = value
		}
	}
	return attributesResponse{answer}, nil
}

// attributesOf is everything that GetQueueAttributes can tell. The caller holds mu.
func (s *Server) attributesOf(q *shelf, now time.Time) map[string]string {
	q.advance(now)
	visible, hidden, delayed := q.counts()
	all := maps.Clone(q.attributes)
	all["QueueArn"] = s.arn(q.name)
	all["ApproximateNumberOfMessages"] = strconv.Itoa(visible)
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(hidden)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(delayed)
	all["CreatedTimestamp"] = strconv.FormatInt(q.created.Unix(), 10)
	all["LastModifiedTimestamp"] = strconv.FormatInt(q.modified.Unix(), 10)
	return all
}

func attributeName(name string) bool {
	switch name {
	case "QueueArn", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
		"CreatedTimestamp", "LastModifiedTimestamp", "VisibilityTimeout", "DelaySeconds", "ReceiveMessageWaitTimeSeconds",
		"MessageRetentionPeriod", "MaximumMessageSize", "RedrivePolicy", "RedriveAllowPolicy", "Policy", "FifoQueue",
		"ContentBasedDeduplication", "SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds",
		"DeduplicationScope", "FifoThroughputLimit":
		return true
	}
	return false
}

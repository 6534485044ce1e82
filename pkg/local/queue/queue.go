// Package queue is an understudy of AWS SQS: an in-process server of its JSON protocol for the calls that Maskline uses,
// with a script of faults that the real one shows too seldom to test against. It promises standard-queue semantics at
// their strictest: a new receipt handle for every receive, an older handle answered with success and no effect, exact
// counts; and memory in proportion to the messages it holds, which nothing but their number and size bounds.
// It never persists a message, never logs one, checks no signature, and has no order or deduplication of FIFO queues.
//
// The conformance suite in services/fetcher states what is relied on and runs against any endpoint, this one or AWS.
package queue

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// accountID stands where AWS has its twelve digits.
const accountID = "000000000000"

// Options tune a Server. The zero value is what the demo and most tests want.
type Options struct {
	// Now is the clock that deadlines are read from. Long polls and scripted delays run on package time, whatever Now
	// says; inside a synctest bubble both are the bubble's. Default time.Now.
	Now func() time.Time
	// Region is the one in ARNs. Default us-east-1.
	Region string
	// Scatter makes receives return one to the asked number of messages, out of order, as SQS does. The default is full
	// batches, oldest first: the least work for a given load.
	Scatter bool
	// Seed makes Scatter and the faults' probabilities repeatable. Default 0.
	Seed uint64
	// MaxInFlight is how many messages of one queue may be invisible at a time. Beyond it a short poll answers OverLimit
	// and a long poll waits. Default 120000, the quota of a standard queue.
	MaxInFlight int
	// Faults is the script to begin with. Default none.
	Faults Faults
}

// Server holds queues and answers for them. It is an http.Handler; Listen serves it on an address of its own.
// Safe for concurrent use.
type Server struct {
	options Options
	secret  [32]byte // makes receipt handles unguessable, so that a handle from elsewhere is seen to be one
	faults  *script

	// One lock for all queues: a move to a dead-letter queue touches two, and counts must add up at any moment. What
	// runs under it takes microseconds; JSON, checksums of bodies and waiting stay outside.
	mu     sync.Mutex
	queues map[string]*shelf
	random *mathrand.Rand

	listening listening
}

var _ http.Handler = (*Server)(nil)

// New returns a server without queues.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Region == "" {
		options.Region = "us-east-1"
	}
	if options.MaxInFlight == 0 {
		options.MaxInFlight = 120_000
	}
	s := &Server{
		options: options,
		faults:  newScript(options.Faults, options.Seed),
		queues:  map[string]*shelf{},
		random:  mathrand.New(mathrand.NewPCG(options.Seed, 1)),
	}
	_, _ = rand.Read(s.secret[:]) // documented never to fail
	return s
}

// arn names a queue as redrive policies do.
func (s *Server) arn(name string) string {
	return "arn:aws:sqs:" + s.options.Region + ":" + accountID + ":" + name
}

// shelfOf finds a queue by its URL. The caller holds mu.
func (s *Server) shelfOf(queueURL string) (*shelf, error) {
	if queueURL == "" {
		return nil, missingParameter("QueueUrl")
	}
	i := strings.LastIndexByte(queueURL, '/')
	if i < 0 {
		return nil, invalidAddress()
	}
	return s.named(queueURL[i+1:])
}

// named finds a queue by its name. The caller holds mu.
func (s *Server) named(name string) (*shelf, error) {
	q, ok := s.queues[name]
	if !ok {
		return nil, queueDoesNotExist()
	}
	return q, nil
}

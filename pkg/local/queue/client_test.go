package queue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/maskline/maskline/pkg/local/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fields is a request or an answer; message is a received one.
type (
	fields  = map[string]any
	message struct {
		MessageID              string                     `json:"MessageId"`
		ReceiptHandle          string                     `json:"ReceiptHandle"`
		Body                   string                     `json:"Body"`
		MD5OfMessageAttributes string                     `json:"MD5OfMessageAttributes"`
		Attributes             map[string]string          `json:"Attributes"`
		MessageAttributes      map[string]queue.Attribute `json:"MessageAttributes"`
	}
)

// reply is what came back; cut says that the connection was, instead.
type reply struct {
	status int
	header http.Header
	body   []byte
	cut    bool
	answer
}

type answer struct {
	Type       string            `json:"__type"`
	Messages   []message         `json:"Messages"`
	Successful []entry           `json:"Successful"`
	Failed     []entry           `json:"Failed"`
	Attributes map[string]string `json:"Attributes"`
}

type entry struct {
	ID            string `json:"Id"`
	Code          string `json:"Code,omitempty"`
	SenderFault   bool   `json:"SenderFault,omitempty"`
	ReceiptHandle string `json:"ReceiptHandle,omitempty"`
}

// post calls the handler without a network, so that synctest's clock governs all of it.
func post(ctx context.Context, s *queue.Server, action string, request any) (r reply) {
	body, ok := request.(string)
	if !ok {
		encoded, err := json.Marshal(request)
		if err != nil {
			panic(err) // impossible: strings, numbers and their like
		}
		body = string(encoded)
	}
	q := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader([]byte(body)))
	q.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	w := httptest.NewRecorder()
	defer func() {
		if caught := recover(); caught != nil {
			if err, ok := caught.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(caught)
			}
			r = reply{cut: true}
		}
	}()
	s.ServeHTTP(w, q)
	r.status, r.header, r.body = w.Code, w.Header(), w.Body.Bytes()
	if err := json.Unmarshal(r.body, &r.answer); err != nil {
		panic(err)
	}
	return r
}

// bundle is a server with one queue and short words for using it.
type bundle struct {
	*queue.Server
	t *testing.T
}

func setup(t *testing.T, options queue.Options, attributes map[string]string) bundle {
	t.Helper()
	b := bundle{queue.New(options), t}
	if err := b.CreateQueue("orders", attributes); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b bundle) send(bodies ...string) []string {
	b.t.Helper()
	var ids []string
	for _, body := range bodies {
		sent, err := b.Send("orders", queue.Message{Body: body})
		if err != nil {
			b.t.Fatal(err)
		}
		ids = append(ids, sent...)
	}
	return ids
}

func (b bundle) post(action string, request fields) reply {
	b.t.Helper()
	if request["QueueUrl"] == nil {
		request["QueueUrl"] = b.URL("orders")
	}
	return post(b.t.Context(), b.Server, action, request)
}

// ok posts and insists on success.
func (b bundle) ok(action string, request fields) reply {
	b.t.Helper()
	r := b.post(action, request)
	if r.cut || r.status != http.StatusOK {
		b.t.Fatalf("%s: status %d, %s", action, r.status, r.Type)
	}
	return r
}

func (b bundle) receive(extra fields) []message {
	b.t.Helper()
	request := fields{"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": []string{"All"}}
	maps.Copy(request, extra)
	return b.ok("ReceiveMessage", request).Messages
}

func (b bundle) one(extra fields) message {
	b.t.Helper()
	got := b.receive(extra)
	if len(got) != 1 {
		b.t.Fatalf("received %d messages, want 1", len(got))
	}
	return got[0]
}

func (b bundle) counts(visible, hidden, delayed int) {
	b.t.Helper()
	v, h, d := b.Counts("orders")
	if v != visible || h != hidden || d != delayed {
		b.t.Fatalf("counts are %d visible, %d hidden, %d delayed; want %d, %d, %d", v, h, d, visible, hidden, delayed)
	}
}

// refused insists on an error of the protocol.
func (b bundle) refused(r reply, status int, code, query string) {
	b.t.Helper()
	if r.status != status || r.Type != "com.amazonaws.sqs#"+code || r.header.Get("X-Amzn-Query-Error") != query {
		b.t.Errorf("refused with %d %q %q; want %d %s %s", r.status, r.Type, r.header.Get("X-Amzn-Query-Error"), status, code, query)
	}
}

func bodies(messages []message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Body)
	}
	return all
}

func numbered(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = "m" + strconv.Itoa(i)
	}
	return all
}

// clock is a time that a test moves by hand.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) read() time.Time { return c.now }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

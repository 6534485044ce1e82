package queue_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/local/queue"
)

// BenchmarkReceiveDelete is the work of a consumer over HTTP with full batches of 200-byte messages, in messages per
// second of server and client together.
func BenchmarkReceiveDelete(b *testing.B) {
	s := queue.New(queue.Options{})
	endpoint, err := s.Listen("")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.CreateQueue("orders", nil); err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	call := func(action string, request, answer any) {
		body, err := json.Marshal(request)
		if err != nil {
			b.Fatal(err)
		}
		r, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, endpoint, bytes.NewReader(body))
		r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
		w, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		text, _ := io.ReadAll(w.Body)
		_ = w.Body.Close()
		if err := json.Unmarshal(text, answer); err != nil || w.StatusCode != http.StatusOK {
			b.Fatal(action, w.StatusCode, err)
		}
	}
	batch := make([]queue.Message, 10)
	for i := range batch {
		batch[i].Body = `{"user_id":"` + strings.Repeat("x", 180) + `"}`
	}
	entries := make([]entry, 10)
	b.ReportAllocs()
	messages := 0
	for b.Loop() {
		if _, err := s.Send("orders", batch...); err != nil {
			b.Fatal(err)
		}
		var got answer
		call("ReceiveMessage", fields{
			"QueueUrl": s.URL("orders"), "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": []string{"SentTimestamp", "ApproximateReceiveCount"},
		}, &got)
		for i, m := range got.Messages {
			entries[i] = entry{ID: numbered(10)[i], ReceiptHandle: m.ReceiptHandle}
		}
		call("DeleteMessageBatch", fields{"QueueUrl": s.URL("orders"), "Entries": entries}, &struct{}{})
		messages += len(got.Messages)
	}
	b.ReportMetric(float64(messages)/b.Elapsed().Seconds(), "msgs/s")
	if visible, hidden, _ := s.Counts("orders"); visible+hidden != 0 {
		b.Fatalf("%d messages are left", visible+hidden)
	}
}

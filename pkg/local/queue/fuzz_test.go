package queue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/local/queue"
)

// FuzzServe holds that no request panics, and that every one is answered by JSON that an SDK can read.
func FuzzServe(f *testing.F) {
	actions := []string{
		"CreateQueue", "GetQueueUrl", "ListQueues", "DeleteQueue", "PurgeQueue", "GetQueueAttributes", "SetQueueAttributes",
		"SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility",
		"ChangeMessageVisibilityBatch", "TagQueue", "Nonsense",
	}
	for _, action := range actions {
		f.Add("AmazonSQS."+action, `{"QueueUrl":"http://q/0/orders","QueueName":"orders","MaxNumberOfMessages":10,"ReceiptHandle":"AQEBAAAA",`+
			`"MessageBody":"\ud83d\ude00","Attributes":{"VisibilityTimeout":"1"},"AttributeNames":["All"],"VisibilityTimeout":0,`+
			`"MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"AA=="}},`+
			`"Entries":[{"Id":"0","MessageBody":"x","ReceiptHandle":"h","VisibilityTimeout":1}]}`)
		f.Add("AmazonSQS."+action, `{}`)
		f.Add("AmazonSQS."+action, `[`)
	}
	f.Add("", "")
	gone, cancel := context.WithCancel(f.Context()) // so that no long poll waits
	cancel()
	f.Fuzz(func(t *testing.T, target, body string) {
		s := queue.New(queue.Options{})
		if err := s.CreateQueue("orders", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Send("orders", queue.Message{Body: "x"}); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(gone, http.MethodPost, "/", bytes.NewReader([]byte(body)))
		r.Header.Set("X-Amz-Target", target)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("status %d and no JSON", w.Code)
		}
		kind, failed := answer["__type"].(string)
		if failed != (w.Code != http.StatusOK) || failed && (!strings.HasPrefix(kind, "com.amazonaws.sqs#") ||
			!strings.Contains(w.Header().Get("X-Amzn-Query-Error"), ";")) {
			t.Fatalf("status %d, type %q", w.Code, kind)
		}
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("status %d", w.Code)
		}
	})
}

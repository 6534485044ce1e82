package queue_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
)

// The attribute digest is the one that AWS answered for this message, as recorded by moto's and LocalStack's suites.
func TestSend_DigestsAreThoseOfSQS(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	r := b.ok("SendMessage", fields{
		"MessageBody":       "hello",
		"MessageAttributes": fields{"timestamp": fields{"DataType": "Number", "StringValue": "1493147359900"}},
	})
	for _, want := range []string{
		`"MD5OfMessageBody":"5d41402abc4b2a76b9719d911017c592"`,
		`"MD5OfMessageAttributes":"235c5c510d26fb653d073faed50ae77c"`,
	} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("answer lacks %s", want)
		}
	}
}

func TestSend_RefusesWhatSQSRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, map[string]string{"MaximumMessageSize": "1024"})
	text := func(value string) fields { return fields{"DataType": "String", "StringValue": value} }
	eleven := fields{}
	for i := range 11 {
		eleven["a"+strconv.Itoa(i)] = text("x")
	}
	attributes := func(a fields) fields { return fields{"MessageBody": "x", "MessageAttributes": a} }
	for name, c := range map[string]struct {
		request fields
		code    string
	}{
		"no body":                 {fields{}, "MissingParameter"},
		"body too long":           {fields{"MessageBody": strings.Repeat("x", 1025)}, "InvalidParameterValue"},
		"attributes count":        {fields{"MessageBody": strings.Repeat("x", 1016), "MessageAttributes": fields{"n": text("vv")}}, "InvalidParameterValue"},
		"NUL":                     {fields{"MessageBody": "a\x00b"}, "InvalidMessageContents"},
		"control character":       {fields{"MessageBody": "a\x0bb"}, "InvalidMessageContents"},
		"not a character":         {fields{"MessageBody": "a\ufffeb"}, "InvalidMessageContents"},
		"delay":                   {fields{"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue"},
		"deduplication":           {fields{"MessageBody": "x", "MessageDeduplicationId": "d"}, "InvalidParameterValue"},
		"system attribute":        {fields{"MessageBody": "x", "MessageSystemAttributes": fields{"Other": text("x")}}, "InvalidParameterValue"},
		"eleven attributes":       {attributes(eleven), "InvalidParameterValue"},
		"reserved attribute name": {attributes(fields{"AWS.x": text("x")}), "InvalidParameterValue"},
		"empty attribute":         {attributes(fields{"x": text("")}), "InvalidParameterValue"},
		"unknown type":            {attributes(fields{"x": fields{"DataType": "Date", "StringValue": "x"}}), "InvalidParameterValue"},
		"two values":              {attributes(fields{"x": fields{"DataType": "String", "StringValue": "x", "BinaryValue": "AA=="}}), "InvalidParameterValue"},
		"no number":               {attributes(fields{"x": fields{"DataType": "Number", "StringValue": "secret"}}), "InvalidParameterValue"},
		"control in attribute":    {attributes(fields{"x": text("a\x00b")}), "InvalidMessageContents"},
	} {
		r := b.post("SendMessage", c.request)
		t.Log(name)
		b.refused(r, http.StatusBadRequest, c.code, c.code+";Sender")
		if strings.Contains(string(r.body), "secret") {
			t.Errorf("%s: the answer quotes the value", name)
		}
	}
	b.counts(0, 0, 0)
	b.ok("SendMessage", fields{"MessageBody": strings.Repeat("x", 1015), "MessageAttributes": fields{"n": text("vv")}}) // 1 + 6 + 2
}

func TestSend_TextThatDecodingWouldAlterIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	send := func(body string) reply {
		return post(t.Context(), b.Server, "SendMessage", `{"QueueUrl":"`+b.URL("orders")+`","MessageBody":"`+body+`"}`)
	}
	for _, body := range []string{"\xff", `\ud800`, `\udc00`, `\ud800\u0041`, `\ud800x\udc00`, `\udc00\ud800`, `\ud800\\`, `\\\ud800`} {
		b.refused(send(body), http.StatusBadRequest, "InvalidMessageContents", "InvalidMessageContents;Sender")
	}
	for _, body := range []string{`\ud83d\ude00`, `\\ud800`, `\"\u0041\n`, `é\u00e9`, `\ud83d\ude00\ud83d\ude00`} {
		if r := send(body); r.status != http.StatusOK {
			t.Errorf("%s: %s", body, r.Type)
		}
	}
	want := []string{"😀", `\ud800`, "\"A\n", "éé", "😀😀"}
	for i, m := range b.receive(nil) {
		if m.Body != want[i] {
			t.Errorf("sent %q, received %q", want[i], m.Body)
		}
	}
}

func TestSendBatch_EntriesFailOneByOneAndTheWholeHasALimit(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	r := b.ok("SendMessageBatch", fields{"Entries": []fields{
		{"Id": "a", "MessageBody": "one"}, {"Id": "b", "MessageBody": "\x01"}, {"Id": "c", "MessageBody": "two"},
	}})
	if len(r.Successful) != 2 || len(r.Failed) != 1 || r.Failed[0].ID != "b" || r.Failed[0].Code != "InvalidMessageContents" {
		t.Errorf("answer %+v %+v", r.Successful, r.Failed)
	}
	half := strings.Repeat("x", 1<<19)
	b.ok("SendMessageBatch", fields{"Entries": []fields{{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half}}})
	b.refused(b.post("SendMessageBatch", fields{"Entries": []fields{{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half + "x"}}}),
		http.StatusBadRequest, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong;Sender")
	b.counts(4, 0, 0)
}

func TestSend_DelayedMessagesAreCountedApartAndThenVisible(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := setup(t, queue.Options{Now: c.read}, map[string]string{"DelaySeconds": "5"})
	b.send("queue's delay")
	b.ok("SendMessage", fields{"MessageBody": "own delay", "DelaySeconds": 10})
	b.ok("SendMessage", fields{"MessageBody": "none", "DelaySeconds": 0})
	b.counts(1, 0, 2)
	c.pass(5 * time.Second)
	b.counts(2, 0, 1)
	c.pass(5 * time.Second)
	b.counts(3, 0, 0)
}

func TestSend_DirectlyKeepsGivenIDAndSentTime(t *testing.T) {
	t.Parallel()
	b := setup(t, queue.Options{}, nil)
	old := time.UnixMilli(1718206942785)
	given := queue.Message{ID: "1a8c0722-fd55-49c0-9d63-b88d066c902d", Body: "x", GroupID: "g", TraceHeader: "t", Sent: old}
	if _, err := b.Send("orders", given); err != nil {
		t.Fatal(err)
	}
	m := b.one(nil)
	if m.MessageID != given.ID || m.Attributes["SentTimestamp"] != "1718206942785" || m.Attributes["MessageGroupId"] != "g" ||
		m.Attributes["AWSTraceHeader"] != "t" {
		t.Errorf("received %+v", m)
	}
	snapshot := b.Messages("orders")
	if len(snapshot) != 1 || snapshot[0].State != queue.InFlight || snapshot[0].ReceiveCount != 1 || !snapshot[0].Sent.Equal(old) {
		t.Errorf("snapshot %+v", snapshot)
	}
}

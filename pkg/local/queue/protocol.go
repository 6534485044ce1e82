package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxRequestBytes bounds what is read of one request: a batch of 1 MiB whose every character is escaped as \uXXXX.
const maxRequestBytes = 8 << 20

const contentType = "application/x-amz-json-1.0"

// call is one request on its way: what the handlers need to know besides its fields.
type call struct {
	ctx     context.Context //nolint:containedctx // lives exactly as long as the request
	host    string
	body    []byte
	verdict verdict
}

// action carries out one decoded request.
type action func(c *call) (any, error)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	run, err := s.action(name)
	if err != nil {
		answerRefusal(w, refusalOf(err))
		return
	}
	c := &call{ctx: r.Context(), host: r.Host, verdict: s.faults.decide(name)}
	if c.verdict.delay > 0 && !sleep(c.ctx, c.verdict.delay) {
		return
	}
	switch {
	case c.verdict.lostRequest:
		cut()
	case c.verdict.throttle:
		answerRefusal(w, requestThrottled())
		return
	case c.verdict.status500:
		answerRefusal(w, internalFailure())
		return
	}
	if c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes)); err != nil {
		answerRefusal(w, refuse("RequestEntityTooLarge", "RequestEntityTooLarge", "The request body could not be read whole.").
			withStatus(http.StatusRequestEntityTooLarge))
		return
	}
	answer, err := run(c)
	if c.verdict.lostResponse {
		cut()
	}
	if err != nil {
		answerRefusal(w, refusalOf(err))
		return
	}
	write(w, http.StatusOK, answer)
}

// action finds the handler of a name.
func (s *Server) action(name string) (action, error) {
	switch name {
	case "CreateQueue":
		return decoded(s.createQueue), nil
	case "GetQueueUrl":
		return decoded(s.getQueueURL), nil
	case "ListQueues":
		return decoded(s.listQueues), nil
	case "DeleteQueue":
		return decoded(s.deleteQueue), nil
	case "PurgeQueue":
		return decoded(s.purgeQueue), nil
	case "GetQueueAttributes":
		return decoded(s.getQueueAttributes), nil
	case "SetQueueAttributes":
		return decoded(s.setQueueAttributes), nil
	case "SendMessage":
		return decoded(s.sendMessage), nil
	case "SendMessageBatch":
		return decoded(s.sendMessageBatch), nil
	case "ReceiveMessage":
		return decoded(s.receiveMessage), nil
	case "DeleteMessage":
		return decoded(s.deleteMessage), nil
	case "DeleteMessageBatch":
		return decoded(s.deleteMessageBatch), nil
	case "ChangeMessageVisibility":
		return decoded(s.changeVisibility), nil
	case "ChangeMessageVisibilityBatch":
		return decoded(s.changeVisibilityBatch), nil
	case "AddPermission", "RemovePermission", "TagQueue", "UntagQueue", "ListQueueTags", "ListDeadLetterSourceQueues",
		"StartMessageMoveTask", "CancelMessageMoveTask", "ListMessageMoveTasks":
		return nil, unsupportedOperation("The embedded queue does not have %s.", name)
	default:
		return nil, refuse("UnknownOperationException", "InvalidAction", "The requested action is not known.")
	}
}

// decoded is an action over the request type that f takes. The decoder's error stays here: it quotes its input.
func decoded[Request any](f func(*call, *Request) (any, error)) action {
	return func(c *call) (any, error) {
		var request Request
		if err := json.Unmarshal(c.body, &request); err != nil {
			return nil, refuse("SerializationException", "MalformedInput", "The request body is not the JSON that this action takes.")
		}
		return f(c, &request)
	}
}

// faithful says that decoding body loses nothing: encoding/json puts U+FFFD in place of bytes that are no UTF-8 and of
// half a surrogate pair, and a body altered on the way must not be stored.
func faithful(body []byte) bool {
	if !utf8.Valid(body) {
		return false
	}
	high := false // the escape before this one was the first half of a pair
	for i := bytes.IndexByte(body, '\\'); i >= 0 && i+1 < len(body); {
		var unit uint64
		if body[i+1] == 'u' && i+6 <= len(body) {
			unit, _ = strconv.ParseUint(string(body[i+2:i+6]), 16, 16)
		}
		low := unit&0xfc00 == 0xdc00
		if low != high {
			return false
		}
		high = unit&0xfc00 == 0xd800
		after := i + 2
		if unit != 0 {
			after = i + 6
		}
		next := bytes.IndexByte(body[after:], '\\')
		if high && next != 0 {
			return false
		}
		if next < 0 {
			break
		}
		i = after + next
	}
	return !high
}

func answerRefusal(w http.ResponseWriter, r *refusal) {
	w.Header().Set("X-Amzn-Query-Error", r.query+";"+r.fault)
	write(w, r.status, struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{"com.amazonaws.sqs#" + r.code, r.message})
}

func write(w http.ResponseWriter, status int, answer any) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		panic("queue: an answer that is no JSON") // impossible: strings, numbers and bytes only
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(buffer.Len()))
	h.Set("X-Amzn-Requestid", newID())
	w.WriteHeader(status)
	_, _ = w.Write(buffer.Bytes()) // nobody is left to tell: the client is gone
}

// cut ends the connection without an answer. This panic is net/http's documented way, and it logs nothing.
func cut() { panic(http.ErrAbortHandler) }

package queue

import (
	"container/list"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Attribute is one attribute of a message: StringValue for the types String and Number, BinaryValue for Binary.
type Attribute struct {
	DataType    string `json:"DataType"`
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

// maxAttributes is how many attributes a message may have.
const maxAttributes = 10

// message is one stored message. What the producer gave never changes; the rest belongs to the shelf.
type message struct {
	id, body         string
	bodyMD5          string
	attributes       map[string]Attribute
	attributesMD5    string
	group, trace     string
	sent             time.Time
	arrived          time.Time // what retention counts from; kept by a move, as sent is
	deadLetterSource string    // ARN of the queue that it was moved from

	receives                int
	received, firstReceived time.Time
	released                bool // made visible at once by its last receiver

	key       uint64        // of the shelf
	place     *list.Element // in the line, or nil
	index     int           // in the heap, or -1
	deadline  time.Time     // meaningful in the heap
	isDelayed bool
}

// compose checks a message as SQS does and digests it.
func compose(e *sendEntry, now time.Time, maxBytes int) (*message, error) {
	if e.MessageBody == "" {
		return nil, missingParameter("MessageBody")
	}
	if e.MessageDeduplicationID != "" {
		return nil, invalidParameter("The request includes parameter MessageDeduplicationId that is not valid for this queue type")
	}
	if len(e.MessageGroupID) > 128 {
		return nil, invalidParameter("Value for parameter MessageGroupId is invalid. Reason: at most 128 characters.")
	}
	if err := checkMessageAttributes(e.MessageAttributes); err != nil {
		return nil, err
	}
	for name, a := range e.MessageSystemAttributes {
		if name != "AWSTraceHeader" || a.DataType != "String" || a.StringValue == "" {
			return nil, invalidParameter("The only message system attribute is AWSTraceHeader, a String.")
		}
	}
	if e.size() > maxBytes {
		return nil, invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxBytes)
	}
	if !allowed(e.MessageBody) {
		return nil, invalidMessageContents()
	}
	return &message{
		id: newID(), body: e.MessageBody, bodyMD5: digest(e.MessageBody),
		attributes: e.MessageAttributes, attributesMD5: digestAttributes(e.MessageAttributes),
		group: e.MessageGroupID, trace: e.MessageSystemAttributes["AWSTraceHeader"].StringValue,
		sent: now, arrived: now,
	}, nil
}

// size is what SQS counts: the body, and name, type and value of every attribute. System attributes are free.
func (e *sendEntry) size() int {
	n := len(e.MessageBody)
	for name, a := range e.MessageAttributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}

func checkMessageAttributes(attributes map[string]Attribute) error {
	if len(attributes) > maxAttributes {
		return invalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(attributes), maxAttributes)
	}
	for name, a := range attributes {
		if !messageAttributeName(name) {
			return invalidParameter("A message attribute name is invalid.")
		}
		kind, _, _ := strings.Cut(a.DataType, ".")
		switch {
		case len(a.DataType) > 256, kind != "String" && kind != "Number" && kind != "Binary":
			return invalidParameter("The type of a message attribute is invalid: use String, Number or Binary, with an optional label.")
		case kind == "Binary" && (len(a.BinaryValue) == 0 || a.StringValue != ""),
			kind != "Binary" && (a.StringValue == "" || len(a.BinaryValue) > 0):
			return invalidParameter("A message attribute must contain a non-empty value of its type and no other.")
		case !allowed(a.StringValue):
			return invalidMessageContents()
		case kind == "Number":
			if _, err := strconv.ParseFloat(a.StringValue, 64); err != nil {
				return invalidParameter("Can't cast the value of a message attribute to a number.")
			}
		}
	}
	return nil
}

func messageAttributeName(name string) bool {
	lower := strings.ToLower(name)
	return name != "" && len(name) <= 256 &&
		!strings.HasPrefix(lower, "aws.") && !strings.HasPrefix(lower, "amazon.") &&
		!strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "..") &&
		!strings.ContainsFunc(name, func(r rune) bool { return r != '.' && !wordRune(r) })
}

// allowed says that text has only characters that XML 1.0 has, which is what SQS takes.
func allowed(text string) bool {
	for _, r := range text {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return false
		}
	}
	return true
}

// newID is a random UUID, version 4.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // documented never to fail
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

package mapping

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// metaName is a piece of the message's metadata.
type metaName uint8

const (
	metaMessageID metaName = iota
	metaEventID
	metaSentAt
	metaSentDate
	metaGroupID
	metaReceiveCount
	metaQueue
	metaAttribute
	metaTraceID
	metaKeyID
	metaMapping
	metaCount
)

// attributePrefix stands before the name of a message attribute.
const attributePrefix = "attribute."

// meta is a piece of metadata that a column is made of.
type meta struct {
	name      metaName
	attribute string
}

// metaRule is what the grammar says about a piece of metadata.
type metaRule struct {
	name string
	// kinds are those that can read it, the natural one first.
	kinds []kind
}

func (n metaName) rule() metaRule {
	return [metaCount]metaRule{
		metaMessageID:    {"message_id", []kind{kindText, kindUUID}},
		metaEventID:      {"event_id", []kind{kindUUID, kindText}},
		metaSentAt:       {"sent_at", []kind{kindTimestamp, kindText}},
		metaSentDate:     {"sent_date", []kind{kindDate, kindText}},
		metaGroupID:      {"group_id", []kind{kindText, kindUUID}},
		metaReceiveCount: {"receive_count", []kind{kindInteger, kindNumeric}},
		metaQueue:        {"queue", []kind{kindText}},
		metaAttribute:    {attributePrefix + "NAME", []kind{kindText, kindUUID, kindIP, kindDate, kindTimestamp, kindVersion}},
		metaTraceID:      {"trace_id", []kind{kindText}},
		metaKeyID:        {"key_id", []kind{kindText}},
		metaMapping:      {"mapping", []kind{kindText}},
	}[n]
}

func (n metaName) readableAs(k kind) bool { return slices.Contains(n.rule().kinds, k) }

func metaNames() []string {
	names := make([]string, 0, metaCount)
	for n := range metaCount {
		names = append(names, n.rule().name)
	}
	return names
}

func metaNamed(text string) (meta, bool) {
	if attribute, found := strings.CutPrefix(text, attributePrefix); found {
		// SQS allows 256 characters in an attribute's name.
		ok := attribute != "" && utf8.RuneCountInString(attribute) <= 256 && strings.IndexByte(attribute, 0) < 0
		return meta{name: metaAttribute, attribute: attribute}, ok
	}
	for n := range metaCount {
		if n != metaAttribute && n.rule().name == text {
			return meta{name: n}, true
		}
	}
	return meta{}, false
}

func (m *meta) String() string {
	if m.name == metaAttribute {
		return attributePrefix + m.attribute
	}
	return m.name.rule().name
}

// read gives the metadata as a value: empty text is null, as an absent id is. Dates come from the sent time: a date
// from the clock would differ between a delivery and its redelivery.
func (m *meta) read(p *Program, r *Record, scratch []byte) (value, []byte, Reason) {
	scratch = scratch[:0]
	k := value{kind: '"'}
	var reason Reason
	switch m.name {
	case metaMessageID:
		scratch = append(scratch, r.MessageID...)
	case metaEventID:
		scratch = appendUUID(scratch, r.EventID)
	case metaSentAt:
		scratch, reason = appendMoment(scratch, time.UnixMilli(r.SentAtMS).UTC())
	case metaSentDate:
		scratch, reason = appendDay(scratch, time.UnixMilli(r.SentAtMS).UTC())
	case metaGroupID:
		scratch = append(scratch, r.GroupID...)
	case metaReceiveCount:
		k.kind = '0'
		scratch = strconv.AppendUint(scratch, uint64(r.ReceiveCount), 10)
	case metaQueue:
		scratch = append(scratch, r.Queue...)
	case metaAttribute:
		if r.Attribute != nil {
			text, _ := r.Attribute(m.attribute)
			scratch = append(scratch, text...)
		}
	case metaTraceID:
		scratch = append(scratch, r.TraceID...)
	case metaKeyID:
		scratch = append(scratch, p.keyID...)
	case metaMapping:
		scratch = hex.AppendEncode(scratch, p.mapping.hash[:])
	}
	switch k.text = scratch; {
	case reason != "":
		return value{}, scratch, reason
	case len(scratch) == 0:
		return value{kind: 'n'}, scratch, ""
	case !utf8.Valid(scratch):
		return value{}, scratch, InvalidUTF8
	case slices.Contains(scratch, 0):
		return value{}, scratch, NulCharacter
	}
	return k, scratch, ""
}

func appendUUID(to []byte, id [16]byte) []byte {
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		start := [...]int{0, 4, 6, 8, 10}[i]
		if i > 0 {
			to = append(to, '-')
		}
		to = hex.AppendEncode(to, id[start:end])
	}
	return to
}

package fetcher

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// OriginAttribute is the message attribute that carries a message's identity over copies: `1;<id>;<sent ms>`. A copy in
// the dead-letter queue has it, so that moving it back makes no second row.
const OriginAttribute = "maskline-origin"

// RejectAttribute is the message attribute that tells, on a copy in the dead-letter queue, why it is there.
const RejectAttribute = "maskline-reject"

// Origin is what a message's identity is made of. It is the same in every redelivery and every copy.
type Origin struct {
	// ID is the MessageId that the message had first.
	ID string
	// SentMS is when it was first sent, in milliseconds of Unix time, 0 to 2^48-1.
	SentMS int64
}

const maxSentMS = 1<<48 - 1

// errBadOrigin carries no part of the attribute: whoever may send may set it.
var errBadOrigin = errors.New("malformed " + OriginAttribute + " attribute")

// ParseOrigin reads the attribute.
func ParseOrigin(attribute string) (Origin, error) {
	version, rest, ok := strings.Cut(attribute, ";")
	if !ok || version != "1" {
		return Origin{}, errBadOrigin
	}
	cut := strings.LastIndexByte(rest, ';')
	if cut < 1 || cut > 128 {
		return Origin{}, errBadOrigin
	}
	digits := rest[cut+1:]
	sent, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || sent < 0 || sent > maxSentMS || strconv.FormatInt(sent, 10) != digits {
		return Origin{}, errBadOrigin
	}
	return Origin{ID: rest[:cut], SentMS: sent}, nil
}

// Attribute is the text of the attribute; ParseOrigin reads it back.
func (o Origin) Attribute() string {
	return "1;" + o.ID + ";" + strconv.FormatInt(o.SentMS, 10)
}

// EventID is the UUIDv8 of the event: 48 bits of sent time, so that the unique index grows at its right edge, then ten
// bytes of a hash of the id. The same origin always gives the same id, on every replica.
func (o Origin) EventID() [16]byte {
	h := sha256.New()
	h.Write([]byte("maskline/event-id/v1\x00"))
	h.Write([]byte(o.ID))
	sum := h.Sum(nil)
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(o.SentMS)<<16)
	copy(id[6:], sum[:10])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

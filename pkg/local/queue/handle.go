package queue

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// A receipt handle names a queue, a message in it and one receive of that message, sealed with the server's secret. So
// none need be remembered: memory does not grow with receives. Like those of AWS it is longer than the id of a batch
// entry may be and has characters that such an id may not have.
const handlePrefix = "AQEB"

// handle is for the newest receive of m.
func (s *Server) handle(q *shelf, m *message) string {
	raw := binary.BigEndian.AppendUint64(nil, m.key)
	raw = binary.BigEndian.AppendUint64(raw, uint64(m.receives))
	seal := s.seal(q, raw)
	return handlePrefix + base64.StdEncoding.EncodeToString(append(raw, seal[:]...))
}

func (s *Server) seal(q *shelf, raw []byte) [sha256.Size]byte {
	sealed := append(make([]byte, 0, 128), s.secret[:]...)
	sealed = append(sealed, q.id...)
	return sha256.Sum256(append(sealed, raw...))
}

// received is what a handle stands for now.
type received int

const (
	current  received = iota // the newest receive
	stale                    // an older receive; the message has been received since
	gone                     // the message is deleted, purged, moved or past its retention
	unopened                 // no handle of this queue
)

// resolve finds the message of a handle.
func (s *Server) resolve(q *shelf, handle string) (*message, received) {
	text, ok := strings.CutPrefix(handle, handlePrefix)
	if !ok {
		return nil, unopened
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 16+sha256.Size || s.seal(q, raw[:16]) != [sha256.Size]byte(raw[16:]) {
		return nil, unopened
	}
	m, ok := q.stored[binary.BigEndian.Uint64(raw)]
	switch {
	case !ok:
		return nil, gone
	case uint64(m.receives) != binary.BigEndian.Uint64(raw[8:]):
		return m, stale
	}
	return m, current
}

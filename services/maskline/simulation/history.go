package simulation

import (
	"fmt"
	"time"
)

// history is what happened, a line for each event, and a hash of all of it: two runs of a seed have the same.
type history struct {
	text []byte
	hash uint64
}

const (
	hashStart = 14695981039346656037 // FNV-1a
	hashPrime = 1099511628211
)

func (h *history) line(now time.Duration, who, format string, args ...any) {
	from := len(h.text)
	h.text = fmt.Appendf(h.text, "%9.3fs  %-10s ", now.Seconds(), who)
	h.text = fmt.Appendf(h.text, format, args...)
	h.text = append(h.text, '\n')
	for _, c := range h.text[from:] {
		h.hash = (h.hash ^ uint64(c)) * hashPrime
	}
}

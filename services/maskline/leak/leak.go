// Package leak searches outputs for raw values: logs, spans, dumps of a table. It promises to find a value in the forms
// in which it could leave, plain, stripped of hyphens, in hex, base64 and URL encoding, wherever it lies in a stream. It
// never prints the value that it found, only where.
package leak

import (
	"fmt"
	"io"
)

// Hit is one place where a raw value stands.
type Hit struct {
	// Value is the position, in the list that was searched for, of the value that was found.
	Value int
	// Form is how it was written: "plain", "hex", …
	Form string
	// Offset is where it begins, in bytes from the beginning.
	Offset int64
}

// String tells the place and not the value.
func (h Hit) String() string {
	return fmt.Sprintf("value %d of the list in %s form, at byte %d", h.Value+1, h.Form, h.Offset)
}

// Least is how many bytes a value must have.
const Least = 6

const (
	window = 256 << 10
	// hashed is how many bytes of a needle the table is indexed by. Needles are at least as long.
	hashed = 4
	// tableBits makes the table 64 Ki entries: a few hundred thousand needles stay quick.
	tableBits = 16
)

// Needles is what to search for, ready to be used by many searches at a time.
type Needles struct {
	needles []needle
	longest int
	// table holds the needles by a hash of their first bytes: a stream is read once, however many there are.
	table [][]int32
}

type needle struct {
	text  string
	value int
	form  string
}

// For prepares a search for values, or for parts that every value holds. A value must have Least bytes or more, for its
// encoded forms would be found by chance; shorter ones are an error that names their position.
func For(values ...string) (*Needles, error) {
	n := &Needles{table: make([][]int32, 1<<tableBits)}
	seen := map[string]struct{}{}
	for i, value := range values {
		if len(value) < Least {
			return nil, fmt.Errorf("value %d: shorter than %d bytes, so that its encodings would be found by chance", i+1, Least)
		}
		for _, f := range forms(value) {
			if _, known := seen[f.text]; known || len(f.text) < Least {
				continue
			}
			seen[f.text] = struct{}{}
			f.value = i
			slot := hash(f.text)
			n.table[slot] = append(n.table[slot], int32(len(n.needles)))
			n.needles = append(n.needles, f)
			n.longest = max(n.longest, len(f.text))
		}
	}
	return n, nil
}

func hash(text string) uint32 {
	four := uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
	return four * 2654435761 >> (32 - tableBits) // Knuth's multiplicative hash
}

// Search reads a stream to its end and returns the first places where needles stand, no more than most.
func Search(r io.Reader, n *Needles, most int) (hits []Hit, err error) {
	buffer := make([]byte, 0, window+n.longest)
	for base := int64(0); len(hits) < most; {
		read, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+read]
		ended := err == io.EOF
		if err != nil && !ended {
			return hits, err
		}
		if len(buffer) < cap(buffer) && !ended {
			continue
		}
		// What begins in the last stretch may go on in what is still to be read.
		settled := len(buffer)
		if !ended {
			settled = max(0, len(buffer)-n.longest+1)
		}
		hits = n.scan(string(buffer), settled, base, most, hits)
		if ended {
			return hits, nil
		}
		base += int64(settled)
		buffer = buffer[:copy(buffer, buffer[settled:])]
	}
	return hits, nil
}

// scan finds the needles that begin before settled.
func (n *Needles) scan(text string, settled int, base int64, most int, hits []Hit) []Hit {
	for at := 0; at < settled && at+hashed <= len(text) && len(hits) < most; at++ {
		for _, i := range n.table[hash(text[at:])] {
			f := n.needles[i]
			if len(text)-at >= len(f.text) && text[at:at+len(f.text)] == f.text {
				hits = append(hits, Hit{Value: f.value, Form: f.form, Offset: base + int64(at)})
				break
			}
		}
	}
	return hits
}

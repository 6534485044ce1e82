package ledger

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Expected is what must become of one message that was sent. It holds masked values and ids, and no raw value of a
// masked field.
type Expected struct {
	// ID is the MessageId that the queue gave, or the id of the origin attribute that the producer set.
	ID string `json:"id"`
	// Row is the text of each column as Postgres prints it, nil for NULL, without create_date and event_id. A nil map: no
	// row.
	Row map[string]*string `json:"row,omitempty"`
	// Reason and Column are those of the rejection, where there is no row.
	Reason string `json:"reason,omitempty"`
	Column string `json:"column,omitempty"`
	// Skipped says that the mapping leaves the message out: neither a row nor a dead letter.
	Skipped bool `json:"skipped,omitempty"`
}

// check says what the entry does not say.
func (e Expected) check() error {
	outcomes := 0
	for _, given := range []bool{e.Row != nil, e.Reason != "", e.Skipped} {
		if given {
			outcomes++
		}
	}
	switch {
	case e.ID == "":
		return errors.New("no id")
	case outcomes != 1:
		return errors.New("needs one of row, reason and skipped")
	}
	return nil
}

// Writer writes a ledger, one line of JSON for each message, so that what was sent before a crash is in it. It is not
// safe for concurrent use.
type Writer struct {
	to      *bufio.Writer
	encoder *json.Encoder
}

// NewWriter returns a writer; Flush at the end, and as often as the ledger shall be safe.
func NewWriter(to io.Writer) *Writer {
	w := &Writer{to: bufio.NewWriter(to)}
	w.encoder = json.NewEncoder(w.to)
	w.encoder.SetEscapeHTML(false)
	return w
}

// Write writes one line.
func (w *Writer) Write(e Expected) error {
	if err := e.check(); err != nil {
		return fmt.Errorf("ledger entry: %w", err)
	}
	return w.encoder.Encode(e)
}

// Flush hands what was written to the file.
func (w *Writer) Flush() error { return w.to.Flush() }

// WriteFile writes a ledger file, readable by its owner only.
func WriteFile(path string, entries []Expected) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w := NewWriter(file)
	for _, e := range entries {
		if err = w.Write(e); err != nil {
			break
		}
	}
	return errors.Join(err, w.Flush(), file.Close())
}

// ReadFile reads a ledger file.
func ReadFile(path string) (entries []Expected, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	err = Read(file, func(e Expected) error { entries = append(entries, e); return nil })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries, nil
}

// maxLine is far above any row that Maskline writes in JSON.
const maxLine = 16 << 20

// Read visits the entries of a ledger. Its errors name the line and quote nothing of it.
func Read(from io.Reader, visit func(Expected) error) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	number := 1
	for ; lines.Scan(); number++ {
		var e Expected
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("line %d: no entry of a ledger", number)
		}
		if err := e.check(); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if err := visit(e); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", number, err)
	}
	return nil
}

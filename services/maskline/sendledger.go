package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/maskline/maskline/services/masker/keys"
	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/oracle"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// sendBook is the ledger that send writes; nil writes none.
type sendBook struct {
	file   *os.File
	to     *ledger.Writer
	oracle *oracle.Oracle
}

// openLedger makes the file. One that is there is never overwritten: it may be all that is known of messages sent before.
func (s *sendSettings) openLedger() (*sendBook, error) {
	if s.Ledger == "" {
		return nil, nil
	}
	var key []byte
	if s.Mapping != "login-original" {
		if s.KeyFile == "" {
			return nil, usage("--ledger: MASKLINE_KEY_FILE is needed, for the masks depend on the key")
		}
		// The masker's reader looks at the file's mode and at every rule; what is computed with the key shares no code with it.
		if _, err := keys.Load(s.KeyFile); err != nil {
			return nil, usage("%w", err)
		}
		var err error
		if key, err = os.ReadFile(s.KeyFile); err != nil {
			return nil, usage("--key-file: %w", err)
		}
	}
	o, err := oracle.New(s.Mapping, key)
	if err != nil {
		return nil, usage("--ledger: %w", err)
	}
	file, err := os.OpenFile(s.Ledger, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, usage("--ledger: %w", err)
	}
	return &sendBook{file: file, to: ledger.NewWriter(file), oracle: o}, nil
}

func (b *sendBook) write(id string, m traffic.Message) error {
	if b == nil {
		return nil
	}
	if err := b.to.Write(ledger.Expect(b.oracle, id, m)); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// close is also what makes the ledger whole on disk.
func (b *sendBook) close() error {
	if b == nil {
		return nil
	}
	if err := errors.Join(b.to.Flush(), b.file.Sync(), b.file.Close()); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

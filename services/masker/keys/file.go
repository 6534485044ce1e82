package keys

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const (
	// allowedMode is every permission bit that a key file may have: read by its owner and by its group.
	allowedMode fs.FileMode = 0o440
	// createMode is what Create gives.
	createMode fs.FileMode = 0o400
	// maxFileSize is far above any real keyset. It keeps a wrong path (a log, a device) out of memory.
	maxFileSize = 64 << 10
)

// Load reads the key file at path. The file must be a regular one with no permission beyond 0440, else Load refuses
// and says what to run. The descriptor that was checked is the one that is read.
func Load(path string) (*Keyset, error) {
	// Looked at before it is opened: opening a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %s: not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer func() { _ = file.Close() }()
	if info, err = file.Stat(); err != nil {
		return nil, fileError(path, err)
	}
	if extra := info.Mode().Perm() &^ allowedMode; extra != 0 {
		return nil, fmt.Errorf("key file %s: mode %04o is wider than 0440; run: chmod 0400 %s", path, info.Mode().Perm(), path)
	}
	source, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, fileError(path, err)
	}
	if len(source) > maxFileSize {
		return nil, fmt.Errorf("key file %s: larger than %d bytes", path, maxFileSize)
	}
	set, err := Parse(source)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return set, nil
}

// Create writes a key file with one new primary key to path, mode 0400, and returns the keyset. It never overwrites:
// a lost key makes every mask made with it unmatchable for good.
func Create(path, id string) (*Keyset, error) {
	if !ValidID(id) {
		return nil, errors.New("key id: must be 1 to 16 of a-z and 0-9")
	}
	var secret [SecretSize]byte
	_, _ = rand.Read(secret[:]) // Never fails: it ends the process instead (crypto/rand).
	text := fmt.Sprintf("{\"version\":1,\"keys\":[{\"id\":%q,\"state\":%q,\"secret\":%q}]}\n",
		id, Primary, base64.StdEncoding.EncodeToString(secret[:]))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, createMode)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("key file %s: exists already; it is not overwritten", path)
	}
	if err != nil {
		return nil, fileError(path, err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(path) // Half a key file helps nobody and blocks the next try.
		return nil, fileError(path, err)
	}
	return Parse([]byte(text))
}

// fileError names the path once: the text of a PathError names it again.
func fileError(path string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("key file %s: %w", path, err)
}

package traffic

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// maxFile keeps a wrong path, or a small file that unpacks to a huge one, out of memory.
const maxFile = 1 << 30

// ReadFile reads the messages of a file as Read does, and refuses those that SQS would not carry.
func ReadFile(path string) ([]Message, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, cause(err))
	}
	defer func() { _ = file.Close() }()
	messages, err := Read(filepath.Base(path), file)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		if err := m.Check(); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

// Read reads messages, which may be packed by gzip: the elements of one JSON array, or one message a line, or one JSON
// value over several lines. They are taken as they stand, byte for byte, lines that are no JSON included; empty lines
// are passed over. Errors name the place and no byte of the content.
func Read(name string, from io.Reader) ([]Message, error) {
	content, err := unpack(from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	messages, err := split(name, bytes.TrimPrefix(content, []byte("\ufeff")))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(messages) == 0 {
		return nil, fmt.Errorf("%s: no message in it", name)
	}
	return messages, nil
}

func unpack(from io.Reader) ([]byte, error) {
	content, err := readAll(from)
	if err != nil || !bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		return content, err
	}
	packed, err := gzip.NewReader(bytes.NewReader(content))
	if err == nil {
		content, err = readAll(packed)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return content, nil
}

func readAll(r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("larger than %d bytes unpacked", maxFile)
	}
	return content, nil
}

// cause leaves out the path, which the caller names.
func cause(err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		return inner.Err
	}
	return err
}

// split decides what a file is. One value that spans the whole file is that value, an array stands for its elements; all
// else is lines, but not if the first line begins an array that never ends well: then it was meant as one.
func split(name string, content []byte) ([]Message, error) {
	trimmed := bytes.TrimSpace(content)
	if len(trimmed) == 0 {
		return nil, nil
	}
	if trimmed[0] != '[' {
		if json.Valid(trimmed) {
			return []Message{{Body: string(trimmed), Place: name}}, nil
		}
		return lines(name, content), nil
	}
	messages, end, err := elements(name, trimmed)
	if err == nil && end == len(trimmed) {
		return messages, nil
	}
	first, _, _ := bytes.Cut(trimmed, []byte("\n"))
	if json.Valid(first) {
		return lines(name, content), nil
	}
	if err == nil {
		return nil, fmt.Errorf("a JSON array ends at byte %d and more follows; give one array, or one message a line", end)
	}
	return nil, fmt.Errorf("begins as a JSON array, of which element %d is broken, at about byte %d; give one array, or one message a line",
		len(messages)+1, end)
}

// elements reads one array and says where it ended, or how far it got.
func elements(name string, content []byte) (messages []Message, end int, err error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	if _, err := decoder.Token(); err != nil {
		return nil, 0, err
	}
	for decoder.More() {
		var element json.RawMessage
		if err := decoder.Decode(&element); err != nil {
			return messages, int(decoder.InputOffset()), err
		}
		place := name + ": element " + strconv.Itoa(len(messages)+1)
		messages = append(messages, Message{Body: string(element), Place: place})
	}
	_, err = decoder.Token()
	return messages, int(decoder.InputOffset()), err
}

func lines(name string, content []byte) (messages []Message) {
	number := 0
	for line := range bytes.Lines(content) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if len(bytes.TrimSpace(line)) > 0 {
			messages = append(messages, Message{Body: string(line), Place: name + ": line " + strconv.Itoa(number)})
		}
	}
	return messages
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/maskline/maskline/services/maskline/leak"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// mostLeaks is how many places are named in each file.
const mostLeaks = 20

// searchFor are the needles: the raw values of a file of messages, or the canaries of generated logins. A ledger cannot
// name them, for it holds no raw value.
func searchFor(raw string) (*leak.Needles, error) {
	if raw == "" {
		return leak.For(traffic.Canaries()...)
	}
	messages, err := traffic.ReadFile(raw)
	if err != nil {
		return nil, usage("--raw: %w", err)
	}
	values := rawValues(messages)
	if len(values) == 0 {
		return nil, usage("--raw: no ip or device_id of %d bytes or more in it", leak.Least)
	}
	return leak.For(values...)
}

// rawValues are the values that the built-in mappings mask, without those that are too short to be told from chance.
func rawValues(messages []traffic.Message) (values []string) {
	for _, m := range messages {
		var fields map[string]json.RawMessage
		if json.Unmarshal([]byte(m.Body), &fields) != nil {
			continue
		}
		for _, name := range []string{"ip", "device_id"} {
			var value string
			if json.Unmarshal(fields[name], &value) == nil && len(value) >= leak.Least {
				values = append(values, value)
			}
		}
	}
	return values
}

// searchFiles names the places of raw values, and counts the bytes that it has looked at.
func searchFiles(paths []string, needles *leak.Needles) (found []string, searched int64, err error) {
	found = []string{}
	for _, path := range paths {
		hits, n, err := searchFile(path, needles)
		if err != nil {
			return found, searched, usage("--search: %w", err)
		}
		searched += n
		for _, hit := range hits {
			found = append(found, fmt.Sprintf("%s: %s", path, hit))
		}
	}
	return found, searched, nil
}

func searchFile(path string, needles *leak.Needles) (hits []leak.Hit, searched int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }()
	counted := &counter{from: file}
	hits, err = leak.Search(counted, needles, mostLeaks)
	return hits, counted.read, err
}

type counter struct {
	from io.Reader
	read int64
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.read += int64(n)
	return n, err
}

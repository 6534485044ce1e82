package queue

import (
	"crypto/md5" //nolint:gosec // the protocol's checksum against damage on the way, not a defence
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

func digest(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// digestAttributes is MD5OfMessageAttributes: by name, each of name, type and value after its length, and a byte between
// type and value that says how the value travels: 1 for a string or number, 2 for binary. Empty for no attributes.
// Source: the SQS developer guide, "Calculating the MD5 message digest for message attributes".
func digestAttributes(attributes map[string]Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var b []byte
	put := func(text string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		put(name)
		put(a.DataType)
		if strings.HasPrefix(a.DataType, "Binary") {
			b = append(b, 2)
			put(string(a.BinaryValue))
		} else {
			b = append(b, 1)
			put(a.StringValue)
		}
	}
	sum := md5.Sum(b) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

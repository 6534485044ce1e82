package failpoint

import (
	"encoding/hex"
	"iter"
	"strings"
)

// List writes ids as a detail: hex, comma separated.
func List(ids iter.Seq[[]byte]) string {
	var b strings.Builder
	for id := range ids {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(hex.EncodeToString(id))
	}
	return b.String()
}

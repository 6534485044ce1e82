package fetcher

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maskline/maskline/pkg/failpoint"
)

// This file is what failpoints tell: ids and counts. A build without them holds none of it.

func messageIDs(messages []Message) string {
	ids := make([]string, len(messages))
	for i := range messages {
		ids[i] = messages[i].ID
	}
	return strings.Join(ids, ",")
}

func eventIDs(entries []*Entry) string {
	return failpoint.List(func(yield func([]byte) bool) {
		for _, e := range entries {
			if !yield(e.EventID[:]) {
				return
			}
		}
	})
}

// copied are the message ids of those whose copy the dead-letter queue has taken.
func copied(entries []*Entry, failed []Failure) string {
	var ids []string
	for i, e := range entries {
		if !slices.ContainsFunc(failed, func(x Failure) bool { return x.Index == i }) {
			ids = append(ids, e.Message.ID)
		}
	}
	return strings.Join(ids, ",")
}

func (s *Settled) text(batch uint64) string {
	return fmt.Sprintf("batch %d: %d committed, %d duplicate, %d skipped, %d rejected, %d parked, %d retried",
		batch, s.Committed, s.Duplicate, s.Skipped, len(s.Rejected), s.Parked, s.Retried)
}

package queue

import (
	"net/http"
	"strings"
)

const (
	maxBatchEntries = 10
	// maxBatchBytes bounds a send batch as a whole. It is the service's limit, not the queue's MaximumMessageSize.
	maxBatchBytes = 1 << 20
)

// checkBatch refuses what SQS refuses as a whole.
func checkBatch(n int, id func(i int) string) error {
	switch {
	case n == 0:
		return refuse("EmptyBatchRequest", legacy+"EmptyBatchRequest", "There should be at least one entry in the request.")
	case n > maxBatchEntries:
		return refuse("TooManyEntriesInBatchRequest", legacy+"TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are %d. You have sent %d.", maxBatchEntries, n)
	}
	seen := make(map[string]bool, n)
	for i := range n {
		name := id(i)
		if name == "" || len(name) > 80 || strings.ContainsFunc(name, func(r rune) bool { return !wordRune(r) }) {
			return refuse("InvalidBatchEntryId", legacy+"InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[name] {
			return refuse("BatchEntryIdsNotDistinct", legacy+"BatchEntryIdsNotDistinct", "Two entries of the batch have the same id.")
		}
		seen[name] = true
	}
	return nil
}

// eachEntry carries out the entries one by one, but for those that the script fails or ignores. The caller holds mu.
func eachEntry[R any](n int, v verdict, id func(i int) string, ignored func(i int) R, do func(i int) (R, error)) batchResponse[R] {
	var answer batchResponse[R]
	for i := range n {
		if v.failed(i) {
			answer.Failed = append(answer.Failed, failedOf(id(i), internalFailure()))
			continue
		}
		if v.ignored(i) {
			answer.Successful = append(answer.Successful, ignored(i))
			continue
		}
		result, err := do(i)
		if err != nil {
			answer.Failed = append(answer.Failed, failedOf(id(i), refusalOf(err)))
			continue
		}
		answer.Successful = append(answer.Successful, result)
	}
	return answer
}

func failedOf(id string, r *refusal) failedEntry {
	return failedEntry{ID: id, Code: r.code, Message: r.message, SenderFault: r.status < http.StatusInternalServerError}
}

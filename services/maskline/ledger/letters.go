package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// letterReaders is how many receives are under way at a time.
const letterReaders = 4

// Letter is what a message in a dead-letter queue tells about itself. It holds no body.
type Letter struct {
	// ID is that of the origin attribute, or the MessageId of a message that the queue's redrive policy has moved.
	ID string
	// Reject says why it is there. Its Reason is empty where the letter does not tell.
	Reject Reject
}

// Reject names places, never values.
type Reject fetcher.Reject

// LetterOf reads a message's attributes.
func LetterOf(m types.Message) Letter {
	l := Letter{ID: aws.ToString(m.MessageId)}
	if origin, err := fetcher.ParseOrigin(aws.ToString(m.MessageAttributes[fetcher.OriginAttribute].StringValue)); err == nil {
		l.ID = origin.ID
	}
	a := m.MessageAttributes[fetcher.RejectAttribute]
	if err := json.Unmarshal([]byte(aws.ToString(a.StringValue)), &l.Reject); err != nil {
		l.Reject = Reject{}
	}
	return l
}

// words is the reason and the column.
func (r Reject) words() string {
	switch {
	case r.Reason == "":
		return "moved by the queue's redrive policy"
	case r.Column != "":
		return r.Reason + " in " + r.Column
	}
	return r.Reason
}

// String is the reason in words.
func (r Reject) String() string { return r.words() }

// eachLetter visits every letter of a pass, one at a time.
func eachLetter(ctx context.Context, pass *traffic.Pass, visit func(Letter)) error {
	var mu sync.Mutex
	var all error
	var readers sync.WaitGroup
	for range letterReaders {
		readers.Go(func() {
			for {
				messages, err := pass.Next(ctx)
				mu.Lock()
				for _, m := range messages {
					visit(LetterOf(m))
				}
				all = errors.Join(all, err)
				mu.Unlock()
				if err != nil || len(messages) == 0 {
					return
				}
			}
		})
	}
	readers.Wait()
	return all
}

// ReadLetters returns the distinct ids of the messages in a dead-letter queue, each with the reason of its rejection. All
// are given back in the end.
func ReadLetters(ctx context.Context, client *sqs.Client, url string) (ids map[string]string, err error) {
	pass := (&traffic.Queue{Client: client, URL: url}).Look(fetcher.OriginAttribute, fetcher.RejectAttribute)
	defer func() { err = errors.Join(err, pass.Close(ctx)) }()
	ids = map[string]string{}
	return ids, eachLetter(ctx, pass, func(l Letter) { ids[l.ID] = l.Reject.words() })
}

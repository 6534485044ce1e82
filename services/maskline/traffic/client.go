package traffic

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/maskline/maskline/services/fetcher"
)

// Queue is a queue to send to.
type Queue struct {
	// Client speaks to it.
	Client *sqs.Client
	// URL is its address.
	URL string
}

// idleConnections is plenty for a client that makes one call at a time.
const idleConnections = 4

// Open finds a queue by name or URL, by the same rules as the fetcher.
func Open(ctx context.Context, queue string) (*Queue, error) {
	client, err := fetcher.Clients(ctx, queue, idleConnections)
	if err != nil {
		return nil, err
	}
	q := &Queue{Client: client(), URL: queue}
	if !strings.Contains(queue, "://") {
		out, err := q.Client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &queue})
		if err != nil {
			return nil, fmt.Errorf("queue %s: %w", queue, err)
		}
		q.URL = aws.ToString(out.QueueUrl)
	}
	return q, nil
}

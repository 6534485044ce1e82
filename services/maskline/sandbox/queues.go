package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/masker/keys"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// Names of the queues.
const (
	queueName       = "events"
	deadLettersName = "events-dead-letters"
	// maxReceives is the redrive policy's: high, since its count knows nothing of why a message came back.
	maxReceives = 100
)

// Queue is a queue and a client that can only reach this one server.
type Queue = traffic.Queue

// startQueue serves the two queues. A busy address is left to its owner, and any free port is taken.
func (s *Sandbox) startQueue(ctx context.Context, listen string) error {
	s.server = queue.New(queue.Options{})
	_, err := s.server.Listen(listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, err = s.server.Listen("")
	}
	if err != nil {
		return err
	}
	client := sqs.New(sqs.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(s.server.Endpoint()),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	}, fetcher.PlainBodies)
	if s.DeadLetters, err = create(ctx, client, deadLettersName, nil); err != nil {
		return err
	}
	s.Queue, err = create(ctx, client, queueName, map[string]string{"RedrivePolicy": fmt.Sprintf(
		`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:%s","maxReceiveCount":%d}`, deadLettersName, maxReceives)})
	return err
}

func create(ctx context.Context, client *sqs.Client, name string, attributes map[string]string) (*Queue, error) {
	out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	return &Queue{Client: client, URL: aws.ToString(out.QueueUrl)}, nil
}

// ensureKey makes a key file that is not there yet.
func ensureKey(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := keys.Create(path, "k1")
	return err
}

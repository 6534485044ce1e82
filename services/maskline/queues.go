package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// queuePatience is how long a command that must end waits for a queue server that is starting.
const queuePatience = 60 * time.Second

func queueCreateCommand() command {
	return command{
		name:  "queue create",
		brief: "make a local queue with its dead-letter queue",
		summary: "Makes MASKLINE_QUEUE, a URL, and its dead-letter queue, and joins them by a redrive policy, through the SQS API of " +
			"the server in that URL. What is there already is kept. It waits up to 60 s for a server that is starting. " +
			"Made for local servers; queues on AWS are made by whatever else makes your infrastructure.",
		run: queueCreate,
	}
}

type queueSettings struct {
	Queue             string        `env:"MASKLINE_QUEUE" required:"true" help:"URL of the queue to make."`
	DeadLetterQueue   string        `env:"MASKLINE_DEAD_LETTER_QUEUE" help:"Name of its dead-letter queue. Default: the queue's, with -dead-letters."`
	VisibilityTimeout time.Duration `flag:"visibility-timeout" default:"30s" min:"1s" max:"12h" help:"How long a received message stays hidden."`
	MaxReceiveCount   int           `flag:"max-receive-count" default:"100" min:"1" max:"1000" help:"Receives after which the server itself moves a message to the dead-letter queue. Low numbers move good messages in times of trouble."`
	Yes               bool          `flag:"yes" help:"Make queues also on a server that is not this machine."`
}

func queueCreate(ctx context.Context, cmd command, c call) error {
	var s queueSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	name := s.Queue[strings.LastIndexByte(s.Queue, '/')+1:]
	if !strings.Contains(s.Queue, "://") || name == "" {
		return usage("maskline queue create: MASKLINE_QUEUE: a URL is needed, for example http://127.0.0.1:9324/000000000000/logins")
	}
	local, where := fetcher.Endpoint(s.Queue)
	if !local && !s.Yes {
		return usage("maskline queue create: %s is not on this machine; add --yes to make queues there", where)
	}
	if s.DeadLetterQueue == "" {
		s.DeadLetterQueue = name + "-dead-letters"
	}
	queue, err := traffic.Open(ctx, s.Queue)
	if err != nil {
		return named(cmd, err)
	}
	ctx, cancel := context.WithTimeout(ctx, queuePatience)
	defer cancel()
	_, dead, err := ensureQueue(ctx, queue.Client, s.DeadLetterQueue)
	if err != nil {
		return named(cmd, err)
	}
	url, _, err := ensureQueue(ctx, queue.Client, name)
	if err != nil {
		return named(cmd, err)
	}
	_, err = queue.Client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{
		"VisibilityTimeout": fmt.Sprint(int(s.VisibilityTimeout.Seconds())),
		"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, dead, s.MaxReceiveCount),
	}})
	if err == nil {
		_, err = fmt.Fprintf(c.stdout, "%s is there; after %d receives, or when rejected, messages go to %s\n", s.Queue, s.MaxReceiveCount, s.DeadLetterQueue)
	}
	return named(cmd, err)
}

// ensureQueue finds a queue or makes it, and waits for a server that is not there yet.
func ensureQueue(ctx context.Context, client *sqs.Client, name string) (url, arn string, err error) {
	for {
		url, arn, err = tryQueue(ctx, client, name)
		if err == nil || ctx.Err() != nil {
			return url, arn, err
		}
		select {
		case <-ctx.Done():
			return "", "", fmt.Errorf("queue %s: no answer within %s: %w", name, queuePatience, err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func tryQueue(ctx context.Context, client *sqs.Client, name string) (url, arn string, err error) {
	// Servers disagree about the name of the error for a queue that is not there, so any error leads to a try.
	if found, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name}); err == nil {
		url = aws.ToString(found.QueueUrl)
	} else if made, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name}); err == nil {
		url = aws.ToString(made.QueueUrl)
	} else {
		return "", "", err
	}
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return "", "", err
	}
	return url, out.Attributes[string(types.QueueAttributeNameQueueArn)], nil
}

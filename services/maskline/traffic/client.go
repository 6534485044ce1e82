package traffic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Queue is a queue to send to.
type Queue struct {
	// Client speaks to it.
	Client *sqs.Client
	// URL is its address.
	URL string
}

// Open finds a queue by name or URL, by the same rules as the fetcher: the standard AWS_* settings hold, a queue URL
// outside AWS is its own endpoint, and an endpoint on this machine needs neither region nor credentials.
func Open(ctx context.Context, queue string) (*Queue, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	host, named := endpoint(queue)
	q := &Queue{URL: queue}
	if isLoopback(host) && os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_PROFILE") == "" {
		cfg.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
	}
	if cfg.Region == "" {
		cfg.Region = region(queue, host)
	}
	if cfg.Region == "" {
		return nil, errors.New("AWS_REGION: required, for the queue is not given by a URL that names it")
	}
	q.Client = sqs.NewFromConfig(cfg, PlainBodies, func(o *sqs.Options) {
		if !named && host != "" {
			o.BaseEndpoint = &host
		}
	})
	if !strings.Contains(queue, "://") {
		out, err := q.Client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &queue})
		if err != nil {
			return nil, fmt.Errorf("queue %s: %w", queue, err)
		}
		q.URL = aws.ToString(out.QueueUrl)
	}
	return q, nil
}

// Endpoint says where calls for a queue go, and whether that is this machine.
func Endpoint(queue string) (local bool, where string) {
	host, _ := endpoint(queue)
	if host == "" {
		return false, "AWS"
	}
	return isLoopback(host), host
}

// endpoint is where calls for a queue go, empty for AWS; named says that the environment says so, which the SDK reads
// by itself.
func endpoint(queue string) (address string, named bool) {
	for _, name := range []string{"AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"} {
		if address = os.Getenv(name); address != "" {
			return address, true
		}
	}
	u, err := url.Parse(queue)
	if err != nil || u.Host == "" || strings.Contains(u.Hostname(), ".amazonaws.") {
		return "", false
	}
	return u.Scheme + "://" + u.Host, false
}

func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// region is that of a queue URL of AWS. An endpoint elsewhere gets one that only has to be there.
func region(queue, host string) string {
	if host != "" {
		return "us-east-1"
	}
	u, err := url.Parse(queue)
	if err != nil {
		return ""
	}
	rest, ok := strings.CutPrefix(u.Hostname(), "sqs.")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, ".")
	return name
}

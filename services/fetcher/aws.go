package fetcher

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Clients returns a maker of SQS clients for a queue, a name or a URL, that share connections but not retry quotas. The
// standard AWS_* settings hold; a queue URL outside AWS is its own endpoint unless AWS_ENDPOINT_URL_SQS is set, and an
// endpoint on this machine needs neither region nor credentials. idle is how many connections are kept open.
func Clients(ctx context.Context, queue string, idle int) (func() *sqs.Client, error) {
	transport := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost, t.MaxIdleConns = idle, 0
	})
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(transport), config.WithLogger(logging.Nop{})) // errors say it all
	if err != nil {
		return nil, err
	}
	endpoint, named := endpointOf(queue)
	if isLoopback(endpoint) && os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_PROFILE") == "" {
		cfg.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
	}
	if cfg.Region == "" {
		cfg.Region = regionOf(queue, endpoint)
	}
	if cfg.Region == "" {
		return nil, errors.New("AWS_REGION: required, for the queue is not given by a URL that names it")
	}
	return func() *sqs.Client {
		return sqs.NewFromConfig(cfg, PlainBodies, func(o *sqs.Options) {
			if endpoint != "" && !named {
				o.BaseEndpoint = &endpoint
			}
			o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
				r.Backoff = retry.BackoffDelayerFunc(retryDelay)
				r.RateLimiter = ratelimit.None // who calls pauses by itself; a quota shared by all pollers makes all of them pause
			})
		})
	}, nil
}

// retryDelay is the pause before a request is tried again: half to all of 5 ms, twice as much each time, at most a second.
// The SDK's own begins at a second, and has no jitter where that is the most: one answer in five being a 5xx, pollers
// would do little but pause, in step.
func retryDelay(attempt int, _ error) (time.Duration, error) {
	const first, most = 5 * time.Millisecond, time.Second
	wait := most
	if attempt < 9 { // else beyond most, and in the end beyond the bits
		wait = min(first<<max(attempt-1, 0), most)
	}
	return wait/2 + rand.N(wait/2), nil
}

// Endpoint says where calls for a queue go, and whether that is this machine.
func Endpoint(queue string) (local bool, where string) {
	endpoint, _ := endpointOf(queue)
	if endpoint == "" {
		return false, "AWS"
	}
	return isLoopback(endpoint), endpoint
}

// endpointOf is where calls for a queue go, empty for AWS; named says that the environment says so, which the SDK reads
// by itself.
func endpointOf(queue string) (endpoint string, named bool) {
	for _, name := range []string{"AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL"} {
		if endpoint = os.Getenv(name); endpoint != "" {
			return endpoint, true
		}
	}
	u, err := url.Parse(queue)
	if err != nil || u.Host == "" || strings.Contains(u.Hostname(), ".amazonaws.") {
		return "", false
	}
	return u.Scheme + "://" + u.Host, false
}

// regionOf is that of a queue URL of AWS. An endpoint elsewhere gets one that only has to be there.
func regionOf(queue, endpoint string) string {
	if endpoint != "" {
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
	region, _, _ := strings.Cut(rest, ".")
	return region
}

func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// PlainBodies is an option for SQS clients that keeps an answer from being lost to a race. The SDK closes a request's
// body as soon as the answer begins; a closed body that has WriteTo then fails with EOF where net/http looks whether
// there is more to send, net/http cuts the connection in the middle of the answer, and the SDK sends the request again:
// what was received is hidden for the visibility timeout, and what was sent is sent twice. A body that can only be read
// is not affected (smithy-go 1.28.8, Go 1.26.8; an answer must come fast, as from this machine).
func PlainBodies(o *sqs.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Build.Add(middleware.BuildMiddlewareFunc("PlainBodies", plainBody), middleware.After)
	})
}

func plainBody(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
	if request, ok := in.Request.(*smithyhttp.Request); ok {
		if body, ok := request.GetStream().(io.ReadSeeker); ok {
			plain, err := request.SetStream(struct{ io.ReadSeeker }{body})
			if err != nil {
				return middleware.BuildOutput{}, middleware.Metadata{}, err
			}
			in.Request = plain
		}
	}
	return next.HandleBuild(ctx, in)
}

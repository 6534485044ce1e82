package fetcher_test

import (
	"crypto/md5" //nolint:gosec // the protocol's checksum
	"crypto/rand"
	"encoding/hex"
	"flag"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/maskline/maskline/pkg/local/queue"
)

//nolint:gochecknoglobals // a test flag has nowhere else to live
var sqsEndpoint = flag.String("sqs.endpoint", "", "SQS endpoint to prove instead of the embedded queue's; "+
	"credentials and region come from AWS_* unless it is on loopback")

// patience is how long something may take that AWS does not time; approximate counts are the slowest.
const patience = 90 * time.Second

// askedFor is the system attributes that every receive of the suite asks for.
var askedFor = []types.MessageSystemAttributeName{ //nolint:gochecknoglobals // a constant, had Go constant slices
	types.MessageSystemAttributeNameSentTimestamp,
	types.MessageSystemAttributeNameApproximateReceiveCount,
	types.MessageSystemAttributeNameMessageGroupId,
	types.MessageSystemAttributeNameAWSTraceHeader,
}

// testQueue is a queue of one test's own.
type testQueue struct {
	t         *testing.T
	client    *sqs.Client
	name, url string
}

func newQueue(t *testing.T, attributes map[string]string) testQueue {
	t.Helper()
	name := "maskline-conformance-" + rand.Text()
	if attributes["FifoQueue"] == "true" {
		name += ".fifo"
	}
	client := clientOf(t)
	out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's context is over by now.
		if _, err := client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}); err != nil {
			t.Errorf("queue %s is left behind: %v", name, err)
		}
	})
	return testQueue{t, client, name, aws.ToString(out.QueueUrl)}
}

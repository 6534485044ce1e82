package fetcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"go.opentelemetry.io/otel/attribute"

	"github.com/maskline/maskline/pkg/telemetry"
)

// countingQueue tells a number of messages that grows with every look.
type countingQueue struct {
	Queue

	looks int64
}

func (q *countingQueue) Counts(context.Context) (Counts, error) {
	q.looks++
	return Counts{Visible: q.looks}, nil
}

func TestWatchDepth_ReadsTheQueueTwiceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := &countingQueue{}
		f := &Fetcher{queue: queue}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			f.watchDepth(ctx)
		}()
		synctest.Wait()
		if f.metrics.depth.Load() != nil {
			t.Error("a depth that nobody has read")
		}
		time.Sleep(time.Minute + time.Second) // Virtual.
		if d := f.metrics.depth.Load(); d == nil || d.Visible != 2 {
			t.Errorf("depth %v after a minute, want the second reading", d)
		}
		cancel()
		<-ended
	})
}

func TestErrorAttributes_AreAWordOfAClosedList(t *testing.T) {
	t.Parallel()
	const secret = "911-27-6543"
	if got := errorAttributes(nil, nil); got != nil {
		t.Errorf("%v, though nothing went wrong", got)
	}
	for want, err := range map[string]error{
		"denied":  &smithy.GenericAPIError{Code: "AccessDenied", Message: secret},
		"missing": explain(&types.QueueDoesNotExist{}),
		"refused": &smithy.GenericAPIError{Code: "InternalError" + secret},
		"timeout": fmt.Errorf("call: %w", context.DeadlineExceeded),
		"network": &net.OpError{Op: "dial", Err: errors.New(secret)},
		"other":   errors.New(secret),
		"partial": nil,
	} {
		got := errorAttributes([]Failure{{Code: secret}}, err)
		if len(got) != 1 || got[0] != attribute.String(telemetry.AttrErrorType, want) {
			t.Errorf("%v, want %s", got, want)
		}
	}
}

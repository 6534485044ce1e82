package fetcher

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestFailures_EveryEntryThatTheQueueNamesIsAFailure(t *testing.T) {
	t.Parallel()
	got := failures([]types.BatchResultErrorEntry{
		{Id: aws.String("2"), Code: aws.String("InternalError")},
		{Id: aws.String("0"), Code: aws.String("AWS.SimpleQueueService.ReceiptHandleIsInvalid"), SenderFault: true},
	})
	want := []Failure{{Index: 2, Code: "InternalError"}, {Index: 0, Code: "ReceiptHandleIsInvalid"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got[0].final() || !got[1].final() {
		t.Error("an invalid handle stays invalid, an internal error does not")
	}
}

package traffic

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// PlainBodies is an option for SQS clients that keeps an answer from being lost to a race. The SDK closes a request's body
// as soon as the answer begins; a closed body that has WriteTo then fails with EOF where net/http looks whether there
// is more to send, net/http cuts the connection in the middle of the answer, and the SDK sends the request again: what
// was received is hidden for the visibility timeout, and what was sent is sent twice. A body that can only be read is
// not affected (smithy-go 1.28.8, Go 1.26.8; an answer must come fast, as from this machine).
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

package queue_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/maskline/maskline/pkg/local/queue"
)

// A client needs nothing but the endpoint: the AWS SDK takes it from AWS_ENDPOINT_URL_SQS. Here it is plain HTTP, to show
// the protocol; the test looks at the queue directly.
func Example() {
	server := queue.New(queue.Options{})
	endpoint, err := server.Listen("")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()
	if err := server.CreateQueue("orders", map[string]string{"VisibilityTimeout": "60"}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := server.Send("orders", queue.Message{Body: "one"}, queue.Message{Body: "two"}); err != nil {
		fmt.Println(err)
		return
	}

	request, _ := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(
		`{"QueueUrl":"`+server.URL("orders")+`","MaxNumberOfMessages":10}`))
	request.Header.Set("X-Amz-Target", "AmazonSQS.ReceiveMessage")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	received, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()

	visible, inFlight, _ := server.Counts("orders")
	fmt.Println(strings.Count(string(received), "ReceiptHandle"), "received;", visible, "visible,", inFlight, "in flight")
	// Output: 2 received; 0 visible, 2 in flight
}

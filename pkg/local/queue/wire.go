package queue

// The requests and answers of the JSON protocol. A pointer to a number means that its absence is not its zero: a wait of
// zero is a short poll, no wait is the queue's own.

type nameRequest struct {
	QueueName  string            `json:"QueueName"`
	Attributes map[string]string `json:"Attributes"`
}

type listRequest struct {
	QueueNamePrefix string `json:"QueueNamePrefix"`
	MaxResults      *int   `json:"MaxResults"`
	NextToken       string `json:"NextToken"`
}

type listResponse struct {
	QueueURLs []string `json:"QueueUrls,omitempty"`
	NextToken string   `json:"NextToken,omitempty"`
}

type urlRequest struct {
	QueueURL string `json:"QueueUrl"`
}

type urlResponse struct {
	QueueURL string `json:"QueueUrl"`
}

type attributesRequest struct {
	QueueURL       string            `json:"QueueUrl"`
	AttributeNames []string          `json:"AttributeNames"`
	Attributes     map[string]string `json:"Attributes"`
}

type attributesResponse struct {
	Attributes map[string]string `json:"Attributes,omitempty"`
}

type sendRequest struct {
	QueueURL string `json:"QueueUrl"`
	sendEntry
}

type sendEntry struct {
	ID                      string               `json:"Id"`
	MessageBody             string               `json:"MessageBody"`
	DelaySeconds            *int                 `json:"DelaySeconds"`
	MessageAttributes       map[string]Attribute `json:"MessageAttributes"`
	MessageSystemAttributes map[string]Attribute `json:"MessageSystemAttributes"`
	MessageGroupID          string               `json:"MessageGroupId"`
	MessageDeduplicationID  string               `json:"MessageDeduplicationId"`
}

type sendResponse struct {
	ID                           string `json:"Id,omitempty"`
	MessageID                    string `json:"MessageId"`
	MD5OfMessageBody             string `json:"MD5OfMessageBody"`
	MD5OfMessageAttributes       string `json:"MD5OfMessageAttributes,omitempty"`
	MD5OfMessageSystemAttributes string `json:"MD5OfMessageSystemAttributes,omitempty"`
}

type sendBatchRequest struct {
	QueueURL string      `json:"QueueUrl"`
	Entries  []sendEntry `json:"Entries"`
}

type receiveRequest struct {
	QueueURL                    string   `json:"QueueUrl"`
	MaxNumberOfMessages         *int     `json:"MaxNumberOfMessages"`
	VisibilityTimeout           *int     `json:"VisibilityTimeout"`
	WaitTimeSeconds             *int     `json:"WaitTimeSeconds"`
	AttributeNames              []string `json:"AttributeNames"`
	MessageSystemAttributeNames []string `json:"MessageSystemAttributeNames"`
	MessageAttributeNames       []string `json:"MessageAttributeNames"`
}

type receiveResponse struct {
	Messages []receivedMessage `json:"Messages,omitempty"`
}

type receivedMessage struct {
	MessageID              string               `json:"MessageId"`
	ReceiptHandle          string               `json:"ReceiptHandle"`
	MD5OfBody              string               `json:"MD5OfBody"`
	Body                   string               `json:"Body"`
	Attributes             map[string]string    `json:"Attributes,omitempty"`
	MD5OfMessageAttributes string               `json:"MD5OfMessageAttributes,omitempty"`
	MessageAttributes      map[string]Attribute `json:"MessageAttributes,omitempty"`
}

type receiptRequest struct {
	QueueURL string `json:"QueueUrl"`
	receiptEntry
}

// receiptEntry serves deletes too, which have no timeout.
type receiptEntry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string `json:"ReceiptHandle"`
	VisibilityTimeout *int   `json:"VisibilityTimeout"`
}

type receiptBatchRequest struct {
	QueueURL string         `json:"QueueUrl"`
	Entries  []receiptEntry `json:"Entries"`
}

type receiptResult struct {
	ID string `json:"Id"`
}

type batchResponse[R any] struct {
	Successful []R           `json:"Successful,omitempty"`
	Failed     []failedEntry `json:"Failed,omitempty"`
}

type failedEntry struct {
	ID          string `json:"Id"`
	Code        string `json:"Code"`
	Message     string `json:"Message"`
	SenderFault bool   `json:"SenderFault"`
}

type empty struct{}

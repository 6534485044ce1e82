package queue

import (
	"errors"
	"fmt"
	"net/http"
)

// refusal is an error as SQS sends it. Its text never quotes what the client sent but names and numbers: a body or an
// attribute value in an error would reach somebody's log.
type refusal struct {
	code    string // of the JSON protocol
	query   string // of the older query protocol, which SDKs still show as the error code
	message string
	status  int
	fault   string // whose: "Sender" or "Receiver"
}

// Error implements error.
func (r *refusal) Error() string { return r.code + ": " + r.message }

// legacy is the prefix of the query protocol's names.
const legacy = "AWS.SimpleQueueService."

func refuse(code, query, format string, args ...any) *refusal {
	return &refusal{code: code, query: query, message: fmt.Sprintf(format, args...), status: http.StatusBadRequest, fault: "Sender"}
}

func (r *refusal) withStatus(status int) *refusal {
	r.status = status
	return r
}

// refusalOf is err as the wire knows it; anything else is the server's own fault and says nothing of its cause.
func refusalOf(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return internalFailure()
}

func queueDoesNotExist() *refusal {
	return refuse("QueueDoesNotExist", legacy+"NonExistentQueue", "The specified queue does not exist.")
}

func queueNameExists(attribute string) *refusal {
	return refuse("QueueNameExists", "QueueAlreadyExists",
		"A queue already exists with the same name and a different value for attribute %s", attribute)
}

func invalidAddress() *refusal {
	return refuse("InvalidAddress", "InvalidAddress", "The address is not valid for this endpoint.").withStatus(http.StatusNotFound)
}

func missingParameter(name string) *refusal {
	return refuse("MissingParameter", "MissingParameter", "The request must contain the parameter %s.", name)
}

func invalidParameter(format string, args ...any) *refusal {
	return refuse("InvalidParameterValue", "InvalidParameterValue", format, args...)
}

func outOfRange(name string, low, high int) *refusal {
	return invalidParameter("Value for parameter %s is invalid. Reason: Must be between %d and %d, if provided.", name, low, high)
}

func invalidAttributeName() *refusal {
	return refuse("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute.")
}

func invalidAttributeValue(name string) *refusal {
	return refuse("InvalidAttributeValue", "InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

func invalidMessageContents() *refusal {
	return refuse("InvalidMessageContents", "InvalidMessageContents", "Invalid characters found. Valid unicode characters are "+
		"#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
}

func receiptHandleIsInvalid() *refusal {
	return refuse("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.").
		withStatus(http.StatusNotFound)
}

func messageNotInflight() *refusal {
	return refuse("MessageNotInflight", legacy+"MessageNotInflight", "The message referred to is not in flight.")
}

func overLimit() *refusal {
	return refuse("OverLimit", "OverLimit", "Too many messages of this queue are in flight.").withStatus(http.StatusForbidden)
}

func requestThrottled() *refusal {
	return refuse("RequestThrottled", "RequestThrottled", "The request was denied due to request throttling.").
		withStatus(http.StatusForbidden)
}

func unsupportedOperation(format string, args ...any) *refusal {
	return refuse("UnsupportedOperation", legacy+"UnsupportedOperation", format, args...)
}

func internalFailure() *refusal {
	r := refuse("InternalFailure", "InternalFailure", "The server could not carry out the request.")
	r.status, r.fault = http.StatusInternalServerError, "Receiver"
	return r
}

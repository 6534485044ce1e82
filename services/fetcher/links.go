package fetcher

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/telemetry"
)

// maxLinks is how many links a span gets; SDKs drop more than 128 anyway.
const maxLinks = 128

// producerLinks are the producers' own spans, from the messages' traceparent attributes. They are given at the start of
// the receive span, so that a head sampler sees them.
func producerLinks(messages []Message) []trace.Link {
	var links []trace.Link
	for _, m := range messages {
		for _, a := range m.Attributes {
			if a.Name != "traceparent" || len(links) == maxLinks {
				continue
			}
			if sc := trace.SpanContextFromContext(telemetry.Extract(context.Background(), a.String, "")); sc.IsValid() {
				links = append(links, trace.Link{SpanContext: sc})
			}
		}
	}
	return links
}

// receiveLinks are the receives, beside the first, that brought the messages of a frame.
func receiveLinks(frame []*Entry) []trace.Link {
	return linksBeside(frame, func(e *Entry) trace.SpanContext { return e.Received })
}

// forwardLinks are the frames, beside the first, whose messages one delete call removes.
func forwardLinks(entries []*Entry) []trace.Link {
	return linksBeside(entries, func(e *Entry) trace.SpanContext { return e.Forwarded })
}

func linksBeside(entries []*Entry, of func(*Entry) trace.SpanContext) []trace.Link {
	var links []trace.Link
	last := of(entries[0])
	for _, e := range entries {
		if sc := of(e); sc.IsValid() && sc.SpanID() != last.SpanID() && len(links) < maxLinks {
			links, last = append(links, trace.Link{SpanContext: sc}), sc
		}
	}
	return links
}

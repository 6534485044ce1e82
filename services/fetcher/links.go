package fetcher

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/telemetry"
)

// maxLinks is how many links a span gets; SDKs drop more than 128 anyway.
const maxLinks = 128

// producerLinks are the producers' own spans. They are given at the start of the receive span, so that a head sampler
// sees them.
func producerLinks(messages []Message) []trace.Link {
	var links []trace.Link
	for _, m := range messages {
		if sc := producerSpan(m); sc.IsValid() && len(links) < maxLinks {
			links = append(links, trace.Link{SpanContext: sc})
		}
	}
	return links
}

// producerSpan reads the message's traceparent attribute, or the header that X-Ray's SDKs send.
func producerSpan(m Message) trace.SpanContext {
	for _, a := range m.Attributes {
		if a.Name == "traceparent" {
			return trace.SpanContextFromContext(telemetry.Extract(context.Background(), a.String, ""))
		}
	}
	return xraySpan(m.TraceHeader)
}

// xraySpan reads `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1`; what it cannot read is no span.
func xraySpan(header string) trace.SpanContext {
	var cfg trace.SpanContextConfig
	for field := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch key {
		case "Root":
			version, id, _ := strings.Cut(value, "-")
			if version == "1" {
				cfg.TraceID, _ = trace.TraceIDFromHex(strings.ReplaceAll(id, "-", ""))
			}
		case "Parent":
			cfg.SpanID, _ = trace.SpanIDFromHex(value)
		case "Sampled":
			if value == "1" {
				cfg.TraceFlags = trace.FlagsSampled
			}
		}
	}
	cfg.Remote = true
	return trace.NewSpanContext(cfg)
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

package fetcher

import "testing"

func TestProducerSpan_IsReadFromEitherHeader(t *testing.T) {
	t.Parallel()
	const id = "5759e988bd862e3fe1be46a994272793"
	for name, m := range map[string]Message{
		"traceparent": {Attributes: []Attribute{{Name: "traceparent", String: "00-" + id + "-53995c3f42cd8ad8-01"}}},
		"X-Ray":       {TraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"},
	} {
		sc := producerSpan(m)
		if !sc.IsValid() || sc.TraceID().String() != id || sc.SpanID().String() != "53995c3f42cd8ad8" || !sc.IsSampled() {
			t.Errorf("%s: %v", name, sc)
		}
	}
}

func TestProducerSpan_WhatCannotBeReadIsNoSpan(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "Root=", "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8", "Root=1-x;Parent=y", "Parent=53995c3f42cd8ad8"} {
		if sc := producerSpan(Message{TraceHeader: header}); sc.IsValid() {
			t.Errorf("%q: %v", header, sc)
		}
	}
}

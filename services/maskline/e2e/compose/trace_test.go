//go:build compose

package compose

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// jaegerTrace is what Jaeger's API tells of a trace.
type jaegerTrace struct {
	TraceID   string
	Processes map[string]struct{ ServiceName string }
	Spans     []struct {
		SpanID, OperationName, ProcessID string
		References                       []struct{ RefType, TraceID, SpanID string }
	}
}

// steps are the spans of a batch, and who makes each.
var steps = map[string]string{
	"receive": "fetcher", "forward": "fetcher", "mask": "masker", "write": "writer", "commit": "writer", "settle": "fetcher", "delete": "fetcher",
}

func oneTrace(t *testing.T, p *project) {
	var whole *jaegerTrace
	eventually(t, patience, "a trace with every step", func() bool {
		var answer struct{ Data []jaegerTrace }
		if !get(t, p.jaeger+"/api/traces?service=fetcher&operation=receive&limit=100", &answer) {
			return false
		}
		for i := range answer.Data {
			if names := answer.Data[i].names(); maps.Equal(names, steps) {
				whole = &answer.Data[i]
				return true
			}
		}
		return false
	})
	ids := map[string]bool{}
	for _, span := range whole.Spans {
		ids[span.SpanID] = true
	}
	var roots []string
	for _, span := range whole.Spans {
		parents := slices.DeleteFunc(slices.Clone(span.References), func(r struct{ RefType, TraceID, SpanID string }) bool { return r.RefType != "CHILD_OF" })
		if len(parents) == 0 {
			roots = append(roots, span.OperationName)
		}
		for _, parent := range parents {
			if parent.TraceID != whole.TraceID || !ids[parent.SpanID] {
				t.Errorf("the parent of %s is not in the trace", span.OperationName)
			}
		}
	}
	if !slices.Equal(roots, []string{"receive"}) {
		t.Errorf("roots %v of trace %s", roots, whole.TraceID)
	}
	t.Logf("trace %s: %d spans, %s", whole.TraceID, len(whole.Spans), strings.Join(slices.Sorted(maps.Keys(whole.names())), " "))
}

// names are the operations of a trace, and the service of each.
func (j *jaegerTrace) names() map[string]string {
	names := map[string]string{}
	for _, span := range j.Spans {
		names[span.OperationName] = j.Processes[span.ProcessID].ServiceName
	}
	return names
}

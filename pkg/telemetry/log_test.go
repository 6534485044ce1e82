package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestNewLogger_JSONLinesCarryTheSpanOfTheirContext(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := NewLogger(&out, "", "auto")
	if err != nil {
		t.Fatal(err)
	}
	ctx, sc := traced(t)
	log.With(KeyStage, StageFetcher).InfoContext(ctx, "ready")
	log.Info("no span")
	log.Debug("too low")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("lines %q", lines)
	}
	var first map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	if first[KeyTraceID] != sc.TraceID().String() || first[KeySpanID] != sc.SpanID().String() || first[KeyStage] != StageFetcher {
		t.Errorf("line %v", first)
	}
	if strings.Contains(lines[1], KeyTraceID) {
		t.Errorf("line %s", lines[1])
	}
}

func TestNewLogger_TextDebugAndGroups(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := NewLogger(&out, "DEBUG", "text")
	if err != nil {
		t.Fatal(err)
	}
	ctx, _ := traced(t)
	log.WithGroup("g").DebugContext(ctx, "x", "a", 1)
	if !strings.Contains(out.String(), "level=DEBUG") || !strings.Contains(out.String(), "trace_id=01") {
		t.Errorf("line %s", out.String())
	}
}

func TestNewLogger_RefusesWordsItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"loud", "text"}, {"info", "xml"}} {
		if _, err := NewLogger(&bytes.Buffer{}, c[0], c[1]); err == nil {
			t.Errorf("accepted %v", c)
		}
	}
}

func TestIsTerminal_AFileIsNone(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if isTerminal(file) || isTerminal(&bytes.Buffer{}) {
		t.Error("taken for a terminal")
	}
}

func TestThrottle_OnePerKeyAndWhile(t *testing.T) {
	t.Parallel()
	throttle := NewThrottle(10 * time.Second)
	start := time.Unix(1000, 0)
	for i, step := range []struct {
		key        string
		after      time.Duration
		ok         bool
		suppressed int
	}{
		{"a", 0, true, 0},
		{"a", 9 * time.Second, false, 0},
		{"b", 9 * time.Second, true, 0},
		{"a", 9999 * time.Millisecond, false, 0},
		{"a", 10 * time.Second, true, 2},
		{"a", 19 * time.Second, false, 0},
		{"a", 30 * time.Second, true, 1},
		{"a", 60 * time.Second, true, 0},
	} {
		if ok, n := throttle.Allow(step.key, start.Add(step.after)); ok != step.ok || n != step.suppressed {
			t.Errorf("step %d: %t, %d", i, ok, n)
		}
	}
	for i := range 3 * throttleKeys {
		throttle.Allow(fmt.Sprint(i), start)
	}
	if len(throttle.kinds) > throttleKeys {
		t.Errorf("%d keys", len(throttle.kinds))
	}
}

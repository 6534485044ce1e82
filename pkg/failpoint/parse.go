//go:build failpoint

package failpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rule is one entry of FAILPOINTS.
type rule struct {
	name  Name
	crash bool
	pause time.Duration
	at    uint64 // 0: every hit
}

func (r rule) due(hit uint64) bool { return r.at == 0 || r.at == hit }

// parse reads the value of FAILPOINTS. A name may have several rules.
func parse(text string) ([]rule, error) {
	var rules []rule
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		r, err := parseRule(entry)
		if err != nil {
			return nil, fmt.Errorf("FAILPOINTS: %q: %w", entry, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func parseRule(entry string) (rule, error) {
	name, rest, ok := strings.Cut(entry, "=")
	if !ok {
		return rule{}, fmt.Errorf("NAME=ACTION or NAME=ACTION@HIT is needed")
	}
	r := rule{name: Name(name), at: 1}
	if !slices.Contains(Names(), r.name) {
		return rule{}, fmt.Errorf("no such failpoint; there are %v", Names())
	}
	action, hit, counted := strings.Cut(rest, "@")
	if counted && hit == "every" {
		r.at = 0
	} else if counted {
		n, err := strconv.ParseUint(hit, 10, 64)
		if err != nil || n == 0 {
			return rule{}, fmt.Errorf("hit %q: a number from 1 on, or every", hit)
		}
		r.at = n
	}
	duration, pauses := strings.CutPrefix(action, "pause:")
	switch {
	case action == "crash":
		r.crash = true
		return r, nil
	case pauses:
		d, err := time.ParseDuration(duration)
		if err != nil || d <= 0 {
			return rule{}, fmt.Errorf("pause %q: a duration above 0, such as 200ms", duration)
		}
		r.pause = d
		return r, nil
	}
	return rule{}, fmt.Errorf("action %q: crash or pause:DURATION", action)
}

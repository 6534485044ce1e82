package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// Page is docs/results/reliability.md, made of results and of nothing else.
func Page(results []Result) string {
	var b strings.Builder
	b.WriteString("# Reliability\n\n" +
		"What the [reliability card](../../services/maskline/chaos/README.md) measured. This page is generated from the JSON files\n" +
		"beside it, which hold every fault with its time, its process and what that process held: run `make chaos` for your own.\n\n")
	for _, line := range origin(results) {
		b.WriteString(line + "\n")
	}
	b.WriteString("\n| # | scenario | what is done | faults | verdict |\n|---|---|---|---|---|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %d | [%s](#%s) | %s | %s | %s |\n", r.Number, r.Scenario, r.Scenario, r.Does, faultWords(r), r.Verdict)
	}
	for _, r := range results {
		section(&b, r)
	}
	return b.String()
}

// origin says when, where and how, in as few lines as are true.
func origin(results []Result) (lines []string) {
	for _, r := range results {
		day, _, _ := strings.Cut(r.Date, "T")
		edition := "full"
		if r.Short {
			edition = "short"
		}
		line := fmt.Sprintf("- %s, %s, commit %s, %s edition, seed %d", day, r.Machine, r.Commit, edition, r.Seed)
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// faultWords counts faults by what they were.
func faultWords(r Result) string {
	var order []string
	count := map[string]int{}
	for _, f := range r.Faults {
		kind, _, _ := strings.Cut(f.What, ":")
		kind, _, _ = strings.Cut(kind, " of ")
		if count[kind] == 0 {
			order = append(order, kind)
		}
		count[kind]++
	}
	words := make([]string, 0, len(order))
	for _, kind := range order {
		words = append(words, fmt.Sprintf("%d × %s", count[kind], kind))
	}
	return strings.Join(words, ", ")
}

func section(b *strings.Builder, r Result) {
	fmt.Fprintf(b, "\n## %s\n\n%s, %.0f s: `%s`\n\n", r.Scenario, r.Verdict, r.Seconds, r.Command)
	if len(r.Checks) > 0 {
		b.WriteString("| check | measured | limit | |\n|---|---|---|---|\n")
	}
	for _, c := range merged(r.Checks) {
		mark := "ok"
		if !c.Passed {
			mark = "**failed**"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", c.Name, number(c.Measured), c.Limit, mark)
	}
	if len(r.Notes) > 0 {
		b.WriteString("\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(b, "- %s\n", n)
	}
}

// merged makes one line of equal checks that were made several times: the worst, or the first if all passed alike.
func merged(checks []Check) (all []Check) {
	for _, c := range checks {
		i := slices.IndexFunc(all, func(x Check) bool { return x.Name == c.Name && x.Limit == c.Limit })
		switch {
		case i < 0:
			all = append(all, c)
		case worse(c, all[i]):
			all[i] = c
		}
	}
	return all
}

func worse(c, than Check) bool {
	switch {
	case c.Passed != than.Passed:
		return !c.Passed
	case strings.HasPrefix(c.Limit, "≥"):
		return c.Measured < than.Measured
	default:
		return c.Measured > than.Measured
	}
}

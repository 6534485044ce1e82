package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/telemetry"
)

// exported are the series that the stages export, by the names that Prometheus gives them.
func exported() map[string]bool {
	names := map[string]bool{}
	for _, m := range telemetry.Metrics() {
		for _, full := range m.FullNames() {
			name := m.PrometheusName(full)
			if m.Kind != telemetry.Histogram {
				names[name] = true
				continue
			}
			for _, series := range []string{"_bucket", "_sum", "_count"} {
				names[name+series] = true
			}
		}
	}
	return names
}

var queried = regexp.MustCompile(`\b(maskline|db_client|messaging_client|db_operation|messaging_operation|error|service|vcs|process)_[a-z_]+`)

func TestMetrics_WhatDashboardAlertsAndDocsAskForIsExported(t *testing.T) {
	t.Parallel()
	names := exported()
	for _, a := range telemetry.Attributes() {
		names[telemetry.PrometheusLabel(a.Name)] = true
	}
	const page = "docs/telemetry.md" // which names histograms as a whole, too
	for _, file := range []string{
		"deploy/grafana/dashboards/maskline.json", "deploy/prometheus/rules.yaml", "deploy/prometheus/rules_test.yaml", page,
	} {
		asked := slices.DeleteFunc(queried.FindAllString(contents(t, file), -1), func(name string) bool {
			return strings.HasSuffix(name, "_") // a pattern of names
		})
		if len(asked) < 20 {
			t.Errorf("%s asks for %d metrics only", file, len(asked))
		}
		for _, name := range slices.Compact(slices.Sorted(slices.Values(asked))) {
			if !names[name] && (file != page || !names[name+"_bucket"]) {
				t.Errorf("%s asks for %s, which nobody exports", file, name)
			}
		}
	}
}

var alert = regexp.MustCompile(`(?m)^ *- alert: (\w+)$`)

func TestAlerts_EachHasAPageOfTheRunbookAndATest(t *testing.T) {
	t.Parallel()
	runbook, tests, rules := contents(t, "deploy/runbook.md"), contents(t, "deploy/prometheus/rules_test.yaml"), contents(t, "deploy/prometheus/rules.yaml")
	alerts := alert.FindAllStringSubmatch(rules, -1)
	if len(alerts) < 10 {
		t.Fatalf("%d alerts found", len(alerts))
	}
	for _, a := range alerts {
		switch name := a[1]; {
		case !strings.Contains(runbook, "\n## "+name+"\n"):
			t.Errorf("%s has no page in the runbook", name)
		case !strings.Contains(rules, "runbook.md#"+strings.ToLower(name)+"\n"):
			t.Errorf("%s does not lead to its page", name)
		case !strings.Contains(tests, "alertname: "+name+"\n"):
			t.Errorf("%s has no test", name)
		}
	}
}

func contents(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

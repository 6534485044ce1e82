package telemetry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/maskline/maskline/pkg/testkit"
)

// TestPage_SaysWhatTheListSays also writes the page, with -update: `make generate`.
func TestPage_SaysWhatTheListSays(t *testing.T) {
	t.Parallel()
	testkit.Golden(t, "../../../docs/telemetry.md", []byte(page()))
}

const intro = `<!-- Generated from pkg/telemetry by "make generate": edit the list there. -->
# Telemetry

What a stage tells about itself: traces, metrics and logs. None of it holds a value of an event. Nothing is exported
unless a standard variable asks for it:

| variable | for example |
|---|---|
| ` + "`OTEL_EXPORTER_OTLP_ENDPOINT`" + ` | ` + "`http://collector:4317`" + `: traces and metrics, over gRPC with ` + "`OTEL_EXPORTER_OTLP_PROTOCOL=grpc`" + ` |
| ` + "`OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`" + ` | ` + "`otlp`, `console`, `none`; `prometheus`" + ` for metrics |
| ` + "`OTEL_EXPORTER_PROMETHEUS_HOST`, `OTEL_EXPORTER_PROMETHEUS_PORT`" + ` | where ` + "`/metrics`" + ` is served: ` + "`localhost`, `9464`" + ` |
| ` + "`OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`" + ` | ` + "`parentbased_traceidratio`, `0.01`" + ` |
| ` + "`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`" + ` | the defaults are the stage's name, version, host and a random instance |

A collector that cannot be reached costs one line of log a minute and no message.

## Traces

One trace for each batch, over all services. The streams between them live for hours and have no spans. A span has at most
128 links.

`

const beforeMetrics = `
## Metrics

The name in Prometheus is what its exporter makes of the name: dots become underscores, a unit's word is added unless it is
there, a counter ends in ` + "`_total`" + `; the series of a histogram end in ` + "`_bucket`, `_sum` and `_count`" + `. Attributes become
labels, with underscores too. The counters without attributes, and the gauges above ` + "`queue_messages`" + `, are also what
` + "`GetStatus`" + ` tells.

`

const questions = `
### Questions

| question | PromQL |
|---|---|
| What does a message cost? Requests for each; 0.2 and a little with full batches. | ` + "`sum(rate(maskline_fetcher_requests_total[5m])) / sum(rate(maskline_fetcher_deleted_total[5m]))`" + ` |
| How late are rows? 99 of 100 frames at most this many seconds. | ` + "`histogram_quantile(0.99, sum by (le) (rate(maskline_writer_latency_seconds_bucket[5m])))`" + ` |
| How much of it is the wait in the queue? | ` + "`histogram_quantile(0.99, sum by (le) (rate(maskline_fetcher_queue_age_seconds_bucket[5m])))`" + ` |
| How long does COMMIT take? | ` + "`histogram_quantile(0.99, sum by (le) (rate(db_client_operation_duration_seconds_bucket{db_operation_name=\"COMMIT\"}[5m])))`" + ` |
| How full are frames? | ` + "`rate(maskline_fetcher_frame_size_sum[5m]) / rate(maskline_fetcher_frame_size_count[5m])`" + ` |
| Are the writer's connections enough? Near 1: more may help. | ` + "`sum(db_client_connection_count{db_client_connection_state=\"used\"}) / sum(db_client_connection_max)`" + ` |
| Which versions run? | ` + "`count by (service_version, vcs_ref_head_revision) (maskline_build_info)`" + ` |

The dashboard (` + "`deploy/grafana`" + `) asks these and more; the alerts (` + "`deploy/prometheus`" + `) have their
[runbook](../deploy/runbook.md).

## Logs

Lines of slog on stderr: text on a terminal, else JSON (` + "`MASKLINE_LOG_FORMAT`, `MASKLINE_LOG_LEVEL`" + `). Nothing is logged for
each message, but for each rejected one there is one line, ` + "`message rejected`, with `message_id`, `reason`, `column`, `sqlstate`, `constraint`, `stage`" + `
and, where traces are exported, ` + "`trace_id`" + `.

`

func page() string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString("| span | made by | kind | what | attributes |\n|---|---|---|---|---|\n")
	for _, s := range Spans() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", s.Name, s.Stage, s.Kind, s.Help, quoted(s.Attributes))
	}
	b.WriteString(beforeMetrics)
	b.WriteString("| metric | in Prometheus | kind | unit | what | attributes |\n|---|---|---|---|---|---|\n")
	for _, m := range Metrics() {
		name := m.FullName(strings.Join(m.Stages, ","))
		if len(m.Stages) > 1 {
			name = m.FullName("{" + strings.Join(m.Stages, ",") + "}")
		}
		var prometheus []string
		for _, full := range m.FullNames() {
			prometheus = append(prometheus, m.PrometheusName(full))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n",
			name, quoted(prometheus), m.Kind, m.Unit, m.Help, quoted(m.Attributes))
	}
	b.WriteString(questions)
	words(&b, "key", Keys())
	b.WriteString("\n## Attributes\n\nOf spans and metrics. Those that do not begin with `maskline.` are of OpenTelemetry's semantic conventions.\n\n")
	words(&b, "attribute", Attributes())
	return b.String()
}

func words(b *strings.Builder, what string, list []Word) {
	fmt.Fprintf(b, "| %s | what |\n|---|---|\n", what)
	for _, w := range list {
		fmt.Fprintf(b, "| `%s` | %s |\n", w.Name, w.Help)
	}
}

// quoted puts each on a line of its own: the names are long.
func quoted(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`<br>`") + "`"
}

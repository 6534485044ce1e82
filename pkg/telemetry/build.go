package telemetry

import (
	"runtime"
	"runtime/debug"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// observeBuild says what this process is, for as long as it lives.
func observeBuild(in *Instruments, version string) error {
	what := metric.WithAttributes(
		attribute.String(AttrServiceVersion, version),
		attribute.String(AttrRevision, revision()),
		attribute.String(AttrRuntimeVersion, runtime.Version()),
	)
	info := in.Gauge(MetricBuildInfo)
	in.Observe(func(o metric.Observer) { o.ObserveInt64(info, 1, what) }, info)
	return in.Err()
}

// revision is the commit that the Go tool recorded in this program.
func revision() string {
	info, _ := debug.ReadBuildInfo()
	if info != nil {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

package masker

import (
	"go.opentelemetry.io/otel/metric"

	"github.com/maskline/maskline/pkg/telemetry"
)

// metrics are what the masker exports beside its counters and its status.
type metrics struct {
	maskDuration, frameSize, frameDuration metric.Float64Histogram
}

func newMetrics(in *telemetry.Instruments) metrics {
	return metrics{
		maskDuration:  in.Histogram(telemetry.MetricMaskDuration),
		frameSize:     in.Histogram(telemetry.MetricFrameSize),
		frameDuration: in.Histogram(telemetry.MetricFrameDuration),
	}
}

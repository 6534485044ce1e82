// Package telemetry gives every stage the same traces, metrics, logs and counters, under the names of one list, which
// docs/telemetry.md shows.
//
// It promises that nothing is exported unless a standard OTEL_* variable asks for it, and that trouble with an exporter
// is one log line a minute and never an error of a stage. It never records a value of an event.
package telemetry

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// scope is the instrumentation scope of every metric of ours.
const scope = "github.com/maskline/maskline"

// Telemetry is what one process exports. Start it once for each process, after config.Load.
type Telemetry struct {
	stops []func(context.Context) error
}

// Start sets the global tracer and meter providers and the W3C propagator. Which exporter is used is said by
// OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER (otlp, prometheus, console, none) or by an OTEL_EXPORTER_OTLP_*
// endpoint; without any of them, and with OTEL_SDK_DISABLED=true, spans and metrics cost next to nothing. The error
// tells of a value that OpenTelemetry does not know, or of a port that is taken.
func Start(ctx context.Context, log *slog.Logger, service, version string) (*Telemetry, error) {
	otel.SetErrorHandler(newErrorHandler(log))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t := &Telemetry{}
	if os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return t, nil
	}
	res, err := describe(ctx, service, version)
	if err != nil {
		return nil, err
	}
	if err := t.startTraces(ctx, res); err != nil {
		return nil, err
	}
	if err := t.startMetrics(ctx, res, version); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	return t, nil
}

// Shutdown flushes what is buffered. Call it last: the stages' final spans are worth most.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	for _, stop := range t.stops {
		errs = append(errs, stop(ctx))
	}
	t.stops = nil
	return errors.Join(errs...)
}

// flushPatience is how long a process that ends waits for its collector.
const flushPatience = 5 * time.Second

// Flush is Shutdown at the end of a process: it takes a few seconds at most, and also when ctx has ended already.
func (t *Telemetry) Flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushPatience)
	defer cancel()
	return t.Shutdown(ctx)
}

func (t *Telemetry) startTraces(ctx context.Context, res *resource.Resource) error {
	if !asked("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
		return nil
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil || autoexport.IsNoneSpanExporter(exporter) {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	otel.SetTracerProvider(provider)
	t.stops = append(t.stops, provider.Shutdown)
	return nil
}

func (t *Telemetry) startMetrics(ctx context.Context, res *resource.Resource, version string) error {
	if !asked("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") {
		return nil
	}
	reader, err := autoexport.NewMetricReader(ctx)
	if err != nil || autoexport.IsNoneMetricReader(reader) {
		return err
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res))
	otel.SetMeterProvider(provider)
	t.stops = append(t.stops, provider.Shutdown)
	return observeBuild(NewInstruments(provider, ""), version)
}

// asked tells whether the environment wants a signal exported. autoexport would export to localhost by default.
func asked(exporter, endpoint string) bool {
	return cmp.Or(os.Getenv(exporter), os.Getenv(endpoint), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) != ""
}

// describe names this process. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win, since they are read last.
func describe(ctx context.Context, service, version string) (*resource.Resource, error) {
	return resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithAttributes(
			attribute.String("service.namespace", "maskline"),
			attribute.String("service.name", service),
			attribute.String("service.version", version),
			attribute.String("service.instance.id", rand.Text()),
		),
		resource.WithFromEnv(),
	)
}

// newErrorHandler logs OpenTelemetry's own trouble at most once a minute: a collector that is down would otherwise
// fill the log.
func newErrorHandler(log *slog.Logger) otel.ErrorHandler {
	throttle := NewThrottle(time.Minute)
	return otel.ErrorHandlerFunc(func(err error) {
		if ok, suppressed := throttle.Allow("otel", time.Now()); ok {
			log.Warn("telemetry is not exported", KeyCause, err, KeySuppressed, suppressed)
		}
	})
}

// Inject gives the trace context of ctx in the W3C form that frames carry; two empty texts if there is none.
func Inject(ctx context.Context) (traceparent, tracestate string) {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"], carrier["tracestate"]
}

// Extract puts a frame's trace context into ctx as the remote parent. A malformed one leaves ctx as it is.
func Extract(ctx context.Context, traceparent, tracestate string) context.Context {
	if traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		"traceparent": traceparent,
		"tracestate":  tracestate,
	})
}

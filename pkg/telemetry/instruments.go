package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// Instruments makes the instruments of one stage as the list describes them. Not safe for concurrent use; the
// instruments are.
type Instruments struct {
	stage     string
	meter     metric.Meter
	callbacks []metric.Registration
	errs      []error
}

// NewInstruments makes none yet. A nil provider is the global one.
func NewInstruments(provider metric.MeterProvider, stage string) *Instruments {
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	return &Instruments{stage: stage, meter: provider.Meter(scope)}
}

// Histogram makes a listed histogram. Record once for each batch, never for each message.
func (i *Instruments) Histogram(name string) metric.Float64Histogram {
	m := find(i.stage, name)
	made, err := i.meter.Float64Histogram(m.FullName(i.stage),
		metric.WithUnit(m.Unit), metric.WithDescription(m.Help), metric.WithExplicitBucketBoundaries(m.Buckets...))
	i.note(err)
	return made
}

// Counter makes a listed counter with attributes; those without are Counters.
func (i *Instruments) Counter(name string) metric.Int64Counter {
	m := find(i.stage, name)
	made, err := i.meter.Int64Counter(m.FullName(i.stage), metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.note(err)
	return made
}

// ObservedCounter makes a listed counter whose total is asked for.
func (i *Instruments) ObservedCounter(name string) metric.Int64ObservableCounter {
	m := find(i.stage, name)
	made, err := i.meter.Int64ObservableCounter(m.FullName(i.stage), metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.note(err)
	return made
}

// Gauge makes a listed gauge of whole numbers.
func (i *Instruments) Gauge(name string) metric.Int64ObservableGauge {
	m := find(i.stage, name)
	made, err := i.meter.Int64ObservableGauge(m.FullName(i.stage), metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.note(err)
	return made
}

// Seconds makes a listed gauge of a time.
func (i *Instruments) Seconds(name string) metric.Float64ObservableGauge {
	m := find(i.stage, name)
	made, err := i.meter.Float64ObservableGauge(m.FullName(i.stage), metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.note(err)
	return made
}

// UpDown makes a listed up-down counter whose value is asked for.
func (i *Instruments) UpDown(name string) metric.Int64ObservableUpDownCounter {
	m := find(i.stage, name)
	made, err := i.meter.Int64ObservableUpDownCounter(m.FullName(i.stage), metric.WithUnit(m.Unit), metric.WithDescription(m.Help))
	i.note(err)
	return made
}

// Observe asks for the values of the given instruments at each collection, until Close. ask must be safe for
// concurrent use.
func (i *Instruments) Observe(ask func(metric.Observer), of ...metric.Observable) {
	callback, err := i.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		ask(o)
		return nil
	}, of...)
	i.note(err)
	if err == nil {
		i.callbacks = append(i.callbacks, callback)
	}
}

// Close ends the observing.
func (i *Instruments) Close() {
	for _, c := range i.callbacks {
		i.note(c.Unregister())
	}
	i.callbacks = nil
}

// Err is what went wrong so far.
func (i *Instruments) Err() error { return errors.Join(i.errs...) }

func (i *Instruments) note(err error) {
	if err != nil {
		i.errs = append(i.errs, err)
	}
}

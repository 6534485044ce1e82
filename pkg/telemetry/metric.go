package telemetry

import (
	"slices"
	"strings"
	"unicode"
)

// Kind is the kind of an instrument.
type Kind string

// The kinds.
const (
	// Counter only grows; its rate is what matters.
	Counter Kind = "counter"
	// UpDownCounter may be summed over replicas, and goes both ways.
	UpDownCounter Kind = "up-down counter"
	// Gauge is a reading of now.
	Gauge Kind = "gauge"
	// Histogram counts values by size.
	Histogram Kind = "histogram"
)

// Metric describes one instrument, or the like instruments of several stages.
type Metric struct {
	// Name is exported as maskline.<stage>.<name>; one with a dot as it is.
	Name string
	Kind Kind
	// Unit is a UCUM unit, or in braces what is counted.
	Unit string
	Help string
	// Attributes have few values each: a closed list, or the names of columns.
	Attributes []string
	// Stages are those that export it. None means every process.
	Stages []string
	// Buckets are the upper bounds of a histogram.
	Buckets []float64
}

// FullName is the name under which a stage exports the metric.
func (m Metric) FullName(stage string) string {
	if strings.Contains(m.Name, ".") {
		return m.Name
	}
	return "maskline." + stage + "." + m.Name
}

// FullNames are those of all its stages.
func (m Metric) FullNames() []string {
	var names []string
	for _, stage := range append(slices.Clone(m.Stages), "") {
		if name := m.FullName(stage); stage != "" || len(m.Stages) == 0 {
			names = append(names, name)
		}
	}
	return slices.Compact(names)
}

// unitWords are what Prometheus calls the units that the list uses; those in braces have no word.
var unitWords = map[string]string{"s": "seconds", "By": "bytes"}

// PrometheusName is what OpenTelemetry's exporter for Prometheus makes of a metric's full name: the unit's word is added
// unless it is in the name, and a counter ends in _total. The series of a histogram end in _bucket, _sum and _count.
func (m Metric) PrometheusName(full string) string {
	words := strings.FieldsFunc(full, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if unit := unitWords[m.Unit]; unit != "" && !slices.Contains(words, unit) {
		words = append(words, unit)
	}
	if m.Kind == Counter {
		words = append(words, "total")
	}
	return strings.Join(words, "_")
}

// PrometheusLabel is what it makes of an attribute.
func PrometheusLabel(attribute string) string { return strings.ReplaceAll(attribute, ".", "_") }

// find gives the description of a stage's metric; a name that is not in the list is a slip of the program, so it
// panics.
func find(stage, name string) Metric {
	for _, m := range Metrics() {
		if m.Name == name && (len(m.Stages) == 0 || slices.Contains(m.Stages, stage)) {
			return m
		}
	}
	panic("telemetry: metric " + name + ": not in the list of " + stage)
}

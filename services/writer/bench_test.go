package writer

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

// BenchmarkCommit writes transactions of 1000 new rows of the built-in shape over one connection, frames of 500 as the
// masker sends them: all good, and with one row in twenty that only Postgres refuses. Compare the two within one run.
func BenchmarkCommit(b *testing.B) {
	b.Run("good", func(b *testing.B) { benchmarkCommit(b, 0) })
	b.Run("twentieth-refused", func(b *testing.B) { benchmarkCommit(b, 20) })
}

func benchmarkCommit(b *testing.B, refusedEvery int) {
	b.Helper()
	d := newDB(b)
	if err := Migrate(b.Context(), d.dsn, MigrateOptions{}, &logBuffer{}); err != nil {
		b.Fatal(err)
	}
	d.exec("ALTER TABLE user_logins ADD CONSTRAINT known_device CHECK (device_type <> 'fax')")
	log := slog.New(slog.DiscardHandler)
	base, err := newDatabase(d.dsn, log)
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewShape(builtInSchema())
	if err != nil {
		b.Fatal(err)
	}
	tracer := noop.NewTracerProvider().Tracer("")
	c := &committer{
		name: "bench", database: base, intake: newIntake(), health: newHealth(log, func() {}), counters: newCounters(),
		metrics: newMetrics(telemetry.NewInstruments(nil, telemetry.StageWriter)), use: &use{},
		tracer: tracer, log: log, maxRows: 1000,
	}
	defer func() { c.session.close() }()
	_, span := tracer.Start(context.Background(), "")
	next, refused := 0, 0
	frames := func() *Frame {
		var records []record
		for range 500 {
			next++
			device := "android"
			if refusedEvery > 0 && next%refusedEvery == 0 {
				device, refused = "fax", refused+1
			}
			records = append(records, rec(next, fmt.Sprintf("1a8c0722-fd55-49c0-9d63-%012d", next), device,
				"h1.k1.csppddbjigkc2mxtybc2uaoi7e", "h1.k1.qmazbqo4dfkiitjhctzohjfqfq", "RU", "2003000", "2024-06-12"))
		}
		f, err := Decode(s, batchOf(uint64(next), records...))
		if err != nil {
			b.Fatal(err)
		}
		f.span, f.settle = span, func(*relayv1.Settlement) {}
		return f
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		one, two := frames(), frames()
		b.StartTimer()
		c.intake.add(one)
		c.intake.add(two)
		g, _ := c.intake.next(1000)
		if !c.write(b.Context(), g) {
			b.Fatal("not written")
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
	if got := d.text("SELECT count(*) FROM user_logins"); got != fmt.Sprint(next-refused) {
		b.Errorf("%s rows, want %d", got, next-refused)
	}
}

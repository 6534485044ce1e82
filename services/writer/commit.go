package writer

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/maskline/maskline/pkg/telemetry"
	relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"
)

const (
	backoffFirst = 10 * time.Millisecond
	backoffMost  = time.Second
	// patience is how many tries in a row may fail before a person is told of what mends itself as a rule.
	patience = 4
	// spanLinks bounds what a span carries when a transaction holds very many frames.
	spanLinks = 128
)

// committer writes groups over one connection, one after another, for as long as the writer lives.
type committer struct {
	name     string
	database *database
	intake   *intake
	health   *health
	counters *telemetry.Counters
	metrics  *metrics
	use      *use
	tracer   trace.Tracer
	log      *slog.Logger
	maxRows  int

	session *session
	opened  bool // a session, at any time before
	live    []Row
}

// run writes until the intake is closed and empty, or ctx ends.
func (c *committer) run(ctx context.Context) {
	defer func() { c.session.close(); c.use.connected.Store(false) }()
	for {
		g, ok := c.intake.next(c.maxRows)
		c.use.busy.Store(ok)
		if !ok || !c.write(ctx, g) {
			return
		}
		c.use.busy.Store(false)
		// Else the frames of this group would stay in memory until the next, settled and counted no more.
		clear(c.live[:cap(c.live)])
	}
}

// write does not return before every row of the group has a verdict, unless ctx ends.
func (c *committer) write(ctx context.Context, g *Group) bool {
	w := NewWriting(g)
	for {
		rows, more := w.Next()
		if !more {
			return true
		}
		began := time.Now()
		setup, err := c.try(ctx, g, rows)
		var long time.Duration
		if !setup { // else there may be no session; and what follows may end it
			long = c.session.timeout * 9 / 10
		}
		if !setup && len(c.live) > 1 && refusesRow(err) && c.recover(ctx, false) {
			err = c.separate(ctx, g)
		}
		if err == nil {
			w.Written()
			c.health.fine(ctx, c.name)
			continue
		}
		if ctx.Err() != nil {
			return false
		}
		step := w.Failed(err, setup, !setup && time.Since(began) >= long)
		c.log.DebugContext(ctx, "transaction failed", telemetry.KeyReason, describe(err, g.shape.table),
			telemetry.KeyAction, step.action.String(), telemetry.KeyRecords, len(c.live))
		if step.action == actionReject {
			c.recover(ctx, false)
			if step.Refused != nil {
				c.reject(step.Refused, c.rejection(ctx, g, *step.Refused, err, step.Reason))
			}
			c.health.fine(ctx, c.name)
			continue
		}
		c.hold(ctx, g, step, err)
		if step.Pause && !sleep(ctx, step.failures) {
			return false
		}
	}
}

// hold makes the connection ready for another try and reports the trouble if a person should know.
func (c *committer) hold(ctx context.Context, g *Group, step Step, err error) {
	c.counters.Add(telemetry.CounterRetried, uint64(len(c.live)))
	if step.action == actionPrepare && c.session != nil && c.recover(ctx, false) {
		c.session.forget(ctx, g.shape)
		return
	}
	c.recover(ctx, step.Reconnect)
	if step.action == actionPause || step.failures >= patience {
		if step.action == actionPause && step.failures == 1 {
			c.counters.Add(telemetry.CounterPauses, 1)
		}
		c.health.trouble(ctx, c.name, describe(err, g.shape.table))
	}
}

// recover ends a failed transaction, or the connection if that is asked for or needed. It tells whether the connection
// is there still.
func (c *committer) recover(ctx context.Context, drop bool) bool {
	if c.session != nil && (drop || !c.session.reset(ctx)) {
		c.session.close()
		c.session = nil
		c.use.connected.Store(false)
	}
	return c.session != nil
}

// try writes those of the rows that have no verdict yet in one transaction and settles them. setup says that the error
// came before their statement ran.
func (c *committer) try(ctx context.Context, g *Group, rows []Row) (setup bool, err error) {
	c.live = c.live[:0]
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if c.session == nil {
		if err = c.connect(ctx); err != nil {
			return true, err
		}
	}
	plan, err := c.session.prepare(ctx, g.shape)
	if err != nil {
		return true, err
	}
	c.sift(plan, rows)
	if len(c.live) == 0 {
		return false, nil
	}
	c.session.bind(g.shape, c.live)
	return false, c.transact(ctx, g, func(ctx context.Context) ([]Row, error) {
		return c.live, c.session.insert(ctx, plan, len(g.shape.columns))
	})
}

// transact runs one transaction and settles the rows that insert has written in it; with an error, none.
func (c *committer) transact(ctx context.Context, g *Group, insert func(context.Context) (written []Row, err error)) error {
	ctx, span := c.startSpan(ctx, g)
	defer span.End()
	where, began := c.where(g), time.Now()
	written, err := insert(ctx)
	c.metrics.ran(ctx, began, "INSERT", where, err)
	if err == nil {
		began = time.Now()
		err = c.session.commit(ctx)
		c.metrics.ran(ctx, began, "COMMIT", where, err)
	}
	if err != nil {
		span.SetStatus(otelcodes.Error, "")
		span.SetAttributes(errorAttributes(err)...)
		return err
	}
	c.live = append(c.live[:0], written...)
	c.metrics.transactionSize.Record(ctx, float64(len(c.live)))
	c.settle(Verdicts(c.live, c.session.returned))
	return nil
}

// connect opens the session.
func (c *committer) connect(ctx context.Context) (err error) {
	if c.session, err = c.database.open(ctx); err != nil {
		return err
	}
	if c.opened {
		c.counters.Add(telemetry.CounterReconnects, 1)
	}
	c.opened = true
	c.use.connected.Store(true)
	return nil
}

// sift rejects the rows that the table cannot take and leaves the others in live.
func (c *committer) sift(plan *prepared, rows []Row) {
	for i := range rows {
		if rows[i].settled {
			continue
		}
		if column, reason := plan.check(rows[i].frame, rows[i].index); reason != "" {
			c.reject(&rows[i], &relayv1.Rejection{Reason: reason, Column: column})
			continue
		}
		c.live = append(c.live, rows[i])
	}
}

// settle hands the verdicts of a committed transaction on.
func (c *committer) settle(verdicts []relayv1.Verdict) {
	committed := uint64(0)
	for _, v := range verdicts {
		if v == relayv1.Verdict_VERDICT_COMMITTED {
			committed++
		}
	}
	c.counters.Add(telemetry.CounterTransactions, 1)
	c.counters.Add(telemetry.CounterCommitted, committed)
	c.counters.Add(telemetry.CounterDuplicate, uint64(len(verdicts))-committed)
	c.intake.done(c.live, verdicts)
}

// reject gives up on one row.
func (c *committer) reject(r *Row, why *relayv1.Rejection) {
	why.Stage = telemetry.StageWriter
	r.settled = true
	c.counters.Add(telemetry.CounterRejected, 1)
	c.intake.reject(*r, why)
}

// rejection says why Postgres refused a row. It takes names and codes out of the answer, never its texts.
func (c *committer) rejection(ctx context.Context, g *Group, row Row, err error, reason string) *relayv1.Rejection {
	why := &relayv1.Rejection{Reason: reason}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return why
	}
	why.Sqlstate, why.Constraint = pg.Code, pg.ConstraintName
	name := pg.ColumnName
	var plan *prepared
	if c.session != nil {
		plan = c.session.plans[g.shape.key]
	}
	if name == "" && plan != nil && pg.ConstraintName != "" {
		name = c.session.column(ctx, g.shape, plan, pg.ConstraintName)
	}
	for _, column := range g.shape.columns {
		if column.name == name {
			why.Column = name
		}
	}
	if why.GetColumn() != "" || plan == nil {
		return why
	}
	if reason == reasonValue {
		why.Column = c.session.blame(ctx, plan, row, pg.Code)
	}
	if pg.Code == "22001" {
		// The catalog said that it fits: it has changed, and the rows to come shall be checked against what it is now.
		c.session.forget(ctx, g.shape)
	}
	return why
}

// startSpan begins the span of a transaction: a child of its first frame's span, so that one trace shows the way of a
// message to its commit, and linked to the others.
func (c *committer) startSpan(ctx context.Context, g *Group) (context.Context, trace.Span) {
	var links []trace.Link
	for _, f := range g.frames[1:] {
		if sc := f.span.SpanContext(); sc.IsValid() && len(links) < spanLinks {
			links = append(links, trace.Link{SpanContext: sc})
		}
	}
	return c.tracer.Start(trace.ContextWithSpan(ctx, g.frames[0].span), telemetry.SpanCommit,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(links...), trace.WithAttributes(c.where(g)...), trace.WithAttributes(
			attribute.String(telemetry.AttrDBOperation, "INSERT"),
			attribute.Int(telemetry.AttrDBBatchSize, len(c.live)),
			attribute.Int(telemetry.AttrFrames, len(g.frames)),
		))
}

// where names what is written to.
func (c *committer) where(g *Group) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String(telemetry.AttrDBSystem, telemetry.SystemPostgres),
		attribute.String(telemetry.AttrDBNamespace, c.database.name()),
		attribute.String(telemetry.AttrDBCollection, g.shape.table),
	}
}

// sleep waits after a number of failures in a row, at most a second; false if ctx ends.
func sleep(ctx context.Context, failures int) bool {
	wait := backoffMost
	if failures < 8 {
		wait = min(backoffFirst<<(failures-1), backoffMost)
	}
	timer := time.NewTimer(wait/2 + rand.N(wait/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

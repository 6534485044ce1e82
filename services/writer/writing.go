package writer

import relayv1 "github.com/maskline/maskline/proto/gen/maskline/relay/v1"

// Writing is one group on its way into the table: which rows the next transaction takes, and what its failure means for
// them. It is a pure core: what the database answered goes in, what to do comes out.
type Writing struct {
	rows     []Row
	todo     *bisection
	try      attempt
	failures int // in a row
}

// Step is what follows a failed transaction.
type Step struct {
	// Refused is the one row that the database will never take, or nil. It counts as settled from now on; the caller
	// rejects it for Reason.
	Refused *Row
	Reason  string
	// Pause says to wait before the next try.
	Pause bool
	// Reconnect says to take a fresh connection: it sees new grants, new partitions, a new catalog.
	Reconnect bool

	action   action
	failures int
}

// NewWriting begins with all rows of the group in one transaction.
func NewWriting(g *Group) *Writing { return &Writing{rows: g.rows, todo: bisect(len(g.rows))} }

// Next is what to write now in one transaction: those of the rows that have no verdict yet. It is false once every row
// of the group has one.
func (w *Writing) Next() (rows []Row, more bool) {
	p, more := w.todo.next()
	return w.rows[p.lo:p.hi], more
}

// Written says that COMMIT has returned, and that every row of Next has its verdict.
func (w *Writing) Written() { w.through() }

// Failed judges an error of the transaction. setup says that it came before the rows' statement ran, ranOut that the
// statement took about as long as statement_timeout allows.
func (w *Writing) Failed(err error, setup, ranOut bool) Step {
	what := decision{action: actionPause}
	if !setup {
		// Only what the rows' own statement answered may cost a row its place.
		w.try.ranOut = ranOut
		what = decide(err, w.try)
	}
	if what.action == actionReject {
		return w.refuse(err, what.reason)
	}
	w.failures++
	w.try = attempt{waited: lockWait(err), prepared: what.action == actionPrepare}
	step := Step{action: what.action, failures: w.failures}
	step.Reconnect = what.action != actionPrepare && (what.action == actionPause || sessionSpoilt(err))
	halved := what.action == actionHalve && w.todo.split()
	step.Pause = !halved && what.action != actionPrepare
	return step
}

// refuse gives up on the row that the database refused, once it stands alone.
func (w *Writing) refuse(err error, reason string) Step {
	w.try, w.failures = attempt{}, 0
	step := Step{action: actionReject}
	var alone []*Row
	rows, _ := w.Next()
	for i := range rows {
		if !rows[i].settled {
			alone = append(alone, &rows[i])
		}
	}
	if len(alone) != 1 {
		if !w.todo.isolate(suspect(err, rows)) {
			w.todo.split()
		}
		return step
	}
	step.Refused, step.Reason = alone[0], reason
	w.through()
	return step
}

// through says that every row of the part has its verdict.
func (w *Writing) through() {
	rows, _ := w.Next()
	for i := range rows {
		rows[i].settled = true
	}
	w.todo.done()
	w.try, w.failures = attempt{}, 0
}

// Verdicts tells what became of rows, after their COMMIT has returned: those whose ids the INSERT gave back were new. Of
// an id that is there twice the first row counts as committed.
func Verdicts(rows []Row, inserted map[[idSize]byte]struct{}) []relayv1.Verdict {
	verdicts := make([]relayv1.Verdict, len(rows))
	for i, r := range rows {
		id := r.ID()
		verdicts[i] = relayv1.Verdict_VERDICT_DUPLICATE
		if _, ok := inserted[id]; ok {
			verdicts[i] = relayv1.Verdict_VERDICT_COMMITTED
			delete(inserted, id)
		}
	}
	return verdicts
}

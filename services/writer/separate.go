package writer

import (
	"bytes"
	"context"
	"slices"
)

// refusal is a row that the database refused when it stood alone, and its answer.
type refusal struct {
	row    Row
	reason string
	err    error
}

// separate writes the live rows, one of which made the database answer with an error, in one transaction with a savepoint
// for each part: what was found good stays while the refused are looked for. A commit for each part would cost a wait for
// the disk each, which with one row in twenty refused is most of the time. It settles all of the rows, or with an error
// none.
func (c *committer) separate(ctx context.Context, g *Group) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	plan, err := c.session.prepare(ctx, g.shape)
	if err != nil {
		return err
	}
	var refused []refusal
	err = c.transact(ctx, g, func(ctx context.Context) (good []Row, err error) {
		good, refused, err = c.session.insertParts(ctx, plan, g.shape, c.live)
		return good, err
	})
	if err != nil {
		return err
	}
	for i := range refused {
		r := &refused[i]
		c.reject(&r.row, c.rejection(ctx, g, r.row, r.err, r.reason))
	}
	return nil
}

// partRows is how many rows a part begins with. Postgres takes a statement's parameters apart and sorts them before it
// comes to the first row: with all rows in each try, that would be most of the work.
const partRows = 25

// insertParts opens a transaction and writes rows in it, part by part. An answer that is not about a row ends it, with
// the transaction open.
func (s *session) insertParts(ctx context.Context, p *prepared, sh *Shape, rows []Row) (good []Row, refused []refusal, err error) {
	clear(s.returned)
	// In the order of the statement: what comes before a refused row is good as a rule, and locks are taken in one order.
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b Row) int { return bytes.Compare(a.frame.id(a.index), b.frame.id(b.index)) })
	w := &Writing{rows: rows, todo: chunks(len(rows), partRows)}
	commands := []string{begin, "SAVEPOINT part"}
	for part, more := w.Next(); more; part, more = w.Next() {
		s.bind(sh, part)
		fresh, err := s.run(ctx, p, len(sh.columns), commands...)
		if err == nil {
			s.keep(fresh)
			good = append(good, part...)
			w.Written()
			commands = []string{"RELEASE SAVEPOINT part", "SAVEPOINT part"}
			continue
		}
		step := w.Failed(err, false, false)
		if step.action != actionReject {
			return nil, nil, err
		}
		if step.Refused != nil {
			refused = append(refused, refusal{*step.Refused, step.Reason, err})
		}
		commands = []string{"ROLLBACK TO SAVEPOINT part"}
	}
	_, err = s.conn.PgConn().Exec(ctx, commands[0]).ReadAll()
	return good, refused, err
}

package writer

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/maskline/maskline/pkg/failpoint"
)

// Catalog numbers of the types that parameters are sent as; they are the same in every Postgres.
const (
	oidText      = 25
	oidUUID      = 2950
	oidTextArray = 1009
	oidUUIDArray = 2951

	binaryFormat = 1
)

// session is one connection, with the statements prepared on it and the buffers for their parameters. One goroutine
// uses it.
type session struct {
	conn    *pgx.Conn
	timeout time.Duration
	plans   map[string]*prepared
	counter int

	values   [][]byte
	formats  []int16
	returned map[[idSize]byte]struct{}
	fresh    [][idSize]byte // of one statement; used again
}

// prepared is a plan and the name of its statement in the session.
type prepared struct {
	*plan
	statement string
	// about holds the column of each constraint that has refused a row, or nothing for one of several columns.
	about map[string]string
}

// prepare looks into the catalog and prepares the statement of a shape, unless that was done before.
func (s *session) prepare(ctx context.Context, sh *Shape) (*prepared, error) {
	if p := s.plans[sh.key]; p != nil {
		return p, nil
	}
	t, err := readTable(ctx, s.conn, sh.table)
	if err != nil {
		return nil, err
	}
	if err := refuse(sh, t); err != nil {
		return nil, err
	}
	s.counter++
	p := &prepared{plan: makePlan(sh, t), statement: "maskline_" + strconv.Itoa(s.counter), about: map[string]string{}}
	types := make([]uint32, 1+len(sh.columns))
	types[0] = oidUUIDArray
	for i := range sh.columns {
		types[i+1] = oidTextArray
	}
	if _, err := s.conn.PgConn().Prepare(ctx, p.statement, p.sql, types); err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	s.plans[sh.key] = p
	return p, nil
}

// forget drops a shape's statement, so that the next prepare looks into the catalog again.
func (s *session) forget(ctx context.Context, sh *Shape) {
	p := s.plans[sh.key]
	delete(s.plans, sh.key)
	if p != nil {
		_ = s.conn.PgConn().Deallocate(ctx, p.statement)
	}
}

// bind builds the parameters: one binary array for each column, in buffers that are used again.
func (s *session) bind(sh *Shape, rows []Row) {
	for len(s.values) < 1+len(sh.columns) {
		s.values = append(s.values, nil)
		s.formats = append(s.formats, binaryFormat)
	}
	ids := arrayHeader(s.values[0][:0], oidUUID, len(rows), false)
	for _, r := range rows {
		ids = binary.BigEndian.AppendUint32(ids, idSize)
		ids = append(ids, r.frame.id(r.index)...)
	}
	s.values[0] = ids
	for i := range sh.columns {
		data := arrayHeader(s.values[i+1][:0], oidText, len(rows), true)
		for _, r := range rows {
			c := &r.frame.columns[i]
			if c.null(r.index) {
				data = binary.BigEndian.AppendUint32(data, 1<<32-1)
				continue
			}
			value := c.value(r.index)
			data = binary.BigEndian.AppendUint32(data, uint32(len(value)))
			data = append(data, value...)
		}
		s.values[i+1] = data
	}
}

// arrayHeader begins an array of one dimension in Postgres' binary form.
func arrayHeader(b []byte, element uint32, n int, nulls bool) []byte {
	flags := uint32(0)
	if nulls {
		flags = 1
	}
	for _, v := range []uint32{1, flags, element, uint32(n), 1} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// insert opens a transaction and runs the statement in it, in one round trip. What was bound is sent; the ids that came
// back are in returned. Nothing is settled yet.
func (s *session) insert(ctx context.Context, p *prepared, columns int) error {
	if s.returned == nil {
		s.returned = map[[idSize]byte]struct{}{}
	}
	clear(s.returned)
	fresh, err := s.run(ctx, p, columns, begin)
	s.keep(fresh)
	return err
}

const begin = "BEGIN ISOLATION LEVEL READ COMMITTED"

// run sends the commands and the statement with what was bound, in one round trip, and returns the ids that came back.
// With an error they mean nothing: Postgres shows rows before it finds a bad one.
func (s *session) run(ctx context.Context, p *prepared, columns int, commands ...string) (fresh [][idSize]byte, err error) {
	pipeline := s.conn.PgConn().StartPipeline(ctx)
	for _, command := range commands {
		pipeline.SendQueryParams(command, nil, nil, nil, nil)
	}
	pipeline.SendQueryPrepared(p.statement, s.values[:1+columns], s.formats[:1+columns], []int16{binaryFormat})
	fresh, err = s.fresh[:0], pipeline.Sync()
	for err == nil {
		var result any
		result, err = pipeline.GetResults()
		switch result := result.(type) {
		case *pgconn.ResultReader:
			for result.NextRow() {
				fresh = append(fresh, [idSize]byte(result.Values()[0]))
			}
			_, err = result.Close()
		case *pgconn.PipelineSync:
			s.fresh = fresh
			return fresh, pipeline.Close()
		}
	}
	_ = pipeline.Close()
	return nil, err
}

// keep notes ids of rows that are new in this transaction.
func (s *session) keep(fresh [][idSize]byte) {
	for _, id := range fresh {
		s.returned[id] = struct{}{}
	}
}

// commit ends the transaction. Only its nil means that the rows are there: a transaction that has failed answers COMMIT
// with ROLLBACK and no error.
func (s *session) commit(ctx context.Context) error {
	failpoint.Hit(failpoint.WriterBeforeCommit, s.inserted)
	results, err := s.conn.PgConn().Exec(ctx, "COMMIT").ReadAll()
	if err != nil {
		return err
	}
	if len(results) != 1 || results[0].CommandTag.String() != "COMMIT" {
		return fmt.Errorf("commit: Postgres rolled back")
	}
	failpoint.Hit(failpoint.WriterAfterCommit, s.inserted)
	return nil
}

// inserted lists the event ids of the rows that are new in the table, for a failpoint: after a crash exactly these come
// back as duplicates.
func (s *session) inserted() string {
	return failpoint.List(func(yield func([]byte) bool) {
		for id := range s.returned {
			if !yield(id[:]) {
				return
			}
		}
	})
}

// reset makes the session ready for the next transaction, and tells whether it is.
func (s *session) reset(ctx context.Context) bool {
	pg := s.conn.PgConn()
	if pg.IsClosed() {
		return false
	}
	if pg.TxStatus() == 'I' {
		return true
	}
	_, err := pg.Exec(ctx, "ROLLBACK").ReadAll()
	return err == nil
}

// blame finds the column whose value alone makes Postgres answer with the same code. Postgres' own answer names the
// type at best, beside the value.
func (s *session) blame(ctx context.Context, p *prepared, r Row, code string) string {
	for i := range p.limits {
		c := &r.frame.columns[i]
		if c.null(r.index) || s.conn.PgConn().IsClosed() {
			continue
		}
		result := s.conn.PgConn().ExecParams(ctx, p.limits[i].probe, [][]byte{c.value(r.index)}, []uint32{oidText}, nil, nil).Read()
		if result.Err != nil && sqlstate(result.Err) == code {
			return p.limits[i].name
		}
	}
	return ""
}

// column is the one that a constraint is about; empty if it is about several or cannot be found. Postgres' answer names
// the constraint only.
func (s *session) column(ctx context.Context, sh *Shape, p *prepared, constraint string) string {
	column, known := p.about[constraint]
	if known || s.conn.IsClosed() {
		return column
	}
	columns, err := readConstraint(ctx, s.conn, quoteTable(sh.table), constraint)
	if err == nil && len(columns) == 1 {
		column = columns[0]
	}
	p.about[constraint] = column
	return column
}

// close ends the connection.
func (s *session) close() {
	if s != nil {
		closeQuietly(s.conn)
	}
}

package writer

import (
	"context"
	"errors"
	"time"
)

const (
	watchEvery   = 5 * time.Second
	mendingEvery = time.Second
	watchName    = "watch"
)

// inspector looks into the catalog over a connection of its own, so that schemas are checked while all other
// connections are busy or stuck. Safe for concurrent use; callers take turns.
type inspector struct {
	database *database
	turn     chan struct{}
	session  *session
}

func newInspector(db *database) *inspector {
	return &inspector{database: db, turn: make(chan struct{}, 1)}
}

// look runs do with a session that is connected. An error other than a refusal ends the connection.
func (i *inspector) look(ctx context.Context, do func(context.Context, *session) error) error {
	select {
	case i.turn <- struct{}{}:
		defer func() { <-i.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for fresh := false; ; {
		if i.session == nil {
			s, err := i.database.open(ctx)
			if err != nil {
				return err
			}
			i.session, fresh = s, true
		}
		err := do(ctx, i.session)
		var refusal *RefusalError
		if err == nil || errors.As(err, &refusal) {
			return err
		}
		i.session.close()
		i.session = nil
		// A connection that lay idle may have died long ago, which says nothing about the database now.
		if fresh {
			return err
		}
	}
}

// check holds a shape against its table. The error is a *RefusalError, or says why the database could not be asked.
func (i *inspector) check(ctx context.Context, s *Shape) error {
	var refusal error
	err := i.look(ctx, func(ctx context.Context, session *session) error {
		t, err := readTable(ctx, session.conn, s.table)
		if err == nil {
			refusal = refuse(s, t)
		}
		return err
	})
	if err != nil {
		return err
	}
	return refusal
}

// watch reports whether the database can be reached and written, and whether any table that may be written is there.
// Without it a writer that has no work would not know.
func (i *inspector) watch(ctx context.Context, tables []string, h *health) {
	for ctx.Err() == nil {
		wait := watchEvery
		if err := i.look(ctx, func(ctx context.Context, s *session) error {
			return anyTable(ctx, s, tables)
		}); err == nil {
			h.fine(ctx, watchName)
		} else if ctx.Err() == nil {
			wait = mendingEvery
			h.trouble(ctx, watchName, describe(err, tables[0]))
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// close ends the connection.
func (i *inspector) close() {
	i.turn <- struct{}{}
	defer func() { <-i.turn }()
	i.session.close()
	i.session = nil
}

// anyTable complains if the database is read-only, or if there is none of the tables.
func anyTable(ctx context.Context, s *session, tables []string) error {
	if err := readWrite(ctx, s.conn.PgConn()); err != nil {
		return err
	}
	for _, name := range tables {
		var there bool
		if err := s.conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", quoteTable(name)).Scan(&there); err != nil {
			return err
		}
		if there {
			return nil
		}
	}
	return refuse(&Shape{table: tables[0]}, &table{missing: true})
}

package writer

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// describe puts an error of the database into one line that names what to fix. Of an answer to a statement it uses the
// code and the names of things only: message and detail may hold values of a row.
func describe(err error, table string) string {
	if refusal, ok := errors.AsType[*RefusalError](err); ok {
		return refusal.Error()
	}
	if connect, ok := errors.AsType[*ConnectTrouble](err); ok {
		return connect.Error()
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 {
		return "database: connection lost: " + innermost(err)
	}
	if pg.TableName != "" {
		table = pg.TableName
	}
	return "table " + table + ": " + meaning(pg) + " (SQLSTATE " + pg.Code + ")"
}

// meaning says what a code means here, and what helps.
func meaning(pg *pgconn.PgError) string {
	switch pg.Code {
	case "23514":
		return "no partition takes the row: create the partition"
	case "25006":
		return "the database is read-only: make it writable, or point DATABASE_URL at the primary"
	case "42P01":
		return "a table is missing: create it with `maskline migrate`"
	case "42703":
		return "a column is missing: add it, or take it out of the mapping"
	case "42501":
		return "permission denied: grant INSERT on the table and SELECT on event_id"
	case "42P10":
		return "no unique index on (event_id): create it with `maskline migrate`"
	case "40001", "40P01":
		return "transactions are in each other's way"
	case "53100":
		return "the database's disk is full: free space"
	case "53200":
		return "the database is out of memory"
	case "53300":
		return "the database takes no more connections: raise max_connections, or run fewer writers"
	case "55P03":
		return "a lock is held by someone else: see pg_locks"
	case "57014":
		return "a statement ran longer than it may"
	case "57P01", "57P02", "57P03":
		return "the database is stopping or starting"
	}
	switch pg.Code[:2] {
	case "42":
		return "the statement does not fit the table: hold the table against the mapping with `maskline check --connect`"
	case "53":
		return "the database lacks a resource: see its log"
	case "58":
		return "trouble with the files of the database: see its log"
	case "XX":
		return "internal trouble of the database: see its log"
	}
	return "the database refused: see its log"
}

// ConnectTrouble says why there is no connection to the database.
type ConnectTrouble struct { //nolint:errname // Trouble is our word for what mends itself; an error is not.
	// Address is the host and port that was tried.
	Address string
	// Cause is the error under it.
	Cause error
}

// Error names the address, the cause and, where it is known, what to fix. No row has been sent at this point, so an
// answer of Postgres can be shown as it is.
func (t *ConnectTrouble) Error() string {
	text := "database " + t.Address + ": "
	var pg *pgconn.PgError
	if !errors.As(t.Cause, &pg) {
		return text + innermost(t.Cause)
	}
	text += pg.Message + " (SQLSTATE " + pg.Code + ")"
	switch {
	case pg.Code == "53300":
		text += ": raise max_connections, or run fewer writers"
	case pg.Code == "3D000":
		text += ": create it, or correct DATABASE_URL"
	case len(pg.Code) == 5 && pg.Code[:2] == "28":
		text += ": correct DATABASE_URL, or the password file"
	}
	return text
}

// Unwrap gives the cause.
func (t *ConnectTrouble) Unwrap() error { return t.Cause }

// innermost drops the layers that wrap a network error: they repeat user, database and every address that was tried.
func innermost(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, errReadOnly):
		return errReadOnly.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &dns):
		return "host " + dns.Name + ": " + dns.Err
	case errors.As(err, &op):
		return op.Err.Error()
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return strings.Join(strings.Fields(err.Error()), " ")
		}
		err = inner
	}
}

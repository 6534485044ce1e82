package writer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// action is what an error asks for.
type action int

const (
	// actionRetry tries again soon: the rows are not at fault, and nobody has to do anything.
	actionRetry action = iota
	// actionReject gives up on the one row that caused it, found by bisection.
	actionReject
	// actionPause holds everything and tells an operator, until it is mended.
	actionPause
	// actionPrepare plans and prepares the statement again, then tries again.
	actionPrepare
	// actionHalve tries again with half of the rows.
	actionHalve
)

// String names the action.
func (a action) String() string {
	return [...]string{"retry", "reject", "pause", "prepare", "halve"}[a]
}

// Reasons of a rejected row, from the closed list of docs/mapping.md.
const (
	reasonValue       = "database_value"
	reasonConstraint  = "database_constraint"
	reasonTooLong     = "too_long"
	reasonOutOfRange  = "out_of_range"
	reasonNUL         = "nul_character"
	reasonInvalidUTF8 = "invalid_utf8"
)

// attempt is what the policy has to know about a try, beside its error.
type attempt struct {
	// ranOut says that the statement ran about as long as statement_timeout allows.
	ranOut bool
	// waited says that the try before ended in a wait for a lock: the time went there and not into the rows.
	waited bool
	// prepared says that the statement was prepared afresh for this try.
	prepared bool
}

// decision is the policy's answer.
type decision struct {
	action action
	// reason is set for actionReject.
	reason string
}

// decide is the whole policy on errors of the database (docs/architecture.md, SQLSTATE policy). It is pure. Its two
// dangers: a fault of the environment taken for a bad row empties the queue into the dead-letter queue, and a bad row
// taken for a fault of the environment stops everything.
func decide(err error, try attempt) decision {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 {
		// Not an answer of Postgres: the connection broke, maybe during COMMIT. The rows may be there or not; writing
		// them again finds out.
		return decision{action: actionRetry}
	}
	switch pg.Code {
	case "23514":
		if pg.ConstraintName == "" {
			// No constraint has refused the row: there is no partition for it.
			return decision{action: actionPause}
		}
		return decision{actionReject, reasonConstraint}
	case "23502", "23503", "23505", "23P01", "44000", "P0001":
		return decision{actionReject, reasonConstraint}
	case "54000":
		return decision{actionReject, reasonValue}
	case "3D000", "53100":
		return decision{action: actionPause}
	case "0A000", "26000":
		if try.prepared {
			return decision{action: actionPause}
		}
		return decision{action: actionPrepare}
	case "57014":
		// We never cancel a statement: our own timeout closes the connection. One that did not run out of time was
		// cancelled by a person, or by the stop of the database.
		if try.ranOut && !try.waited {
			return decision{action: actionHalve}
		}
		return decision{action: actionRetry}
	}
	switch pg.Code[:2] {
	case "22":
		return decision{actionReject, reasonValue}
	case "42", "28", "58", "XX":
		return decision{action: actionPause}
	}
	return decision{action: actionRetry}
}

// refusesRow tells whether an error is about one of the rows, and about nothing else.
func refusesRow(err error) bool {
	return err != nil && decide(err, attempt{}).action == actionReject
}

// lockWait tells whether an error is the end of a wait for a lock.
func lockWait(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}

// sessionSpoilt tells whether the session can take no more rows though it is alive: it is read-only, or an
// administrator ended it.
func sessionSpoilt(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return true
	}
	return pg.Code == "25006" || pg.Code[:2] == "57" && pg.Code != "57014"
}

// suspect is the position of the row that Postgres' answer shows, by its event id, or -1. The answer shows values too, so
// a producer may make it name another row, and nothing of it goes anywhere but into this comparison.
func suspect(err error, rows []Row) int {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || pg.Detail == "" {
		return -1
	}
	return slices.IndexFunc(rows, func(r Row) bool {
		return !r.settled && strings.Contains(pg.Detail, uuidText(r.frame.id(r.index)))
	})
}

// uuidText is an id as Postgres prints it.
func uuidText(id []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// lostConnection stands where an error has no code.
const lostConnection = "connection"

// sqlstate is the code of an error, or a word for one that has none.
func sqlstate(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return lostConnection
}

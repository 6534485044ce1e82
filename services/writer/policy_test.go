package writer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestPolicy_EveryCodeHasItsAction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, constraint string
		try              attempt
		want             action
		reason           string
	}{
		{code: "22001", want: actionReject, reason: "database_value"},
		{code: "22003", want: actionReject, reason: "database_value"},
		{code: "22007", want: actionReject, reason: "database_value"},
		{code: "22P02", want: actionReject, reason: "database_value"},
		{code: "22021", want: actionReject, reason: "database_value"},
		{code: "54000", want: actionReject, reason: "database_value"},
		{code: "23502", want: actionReject, reason: "database_constraint"},
		{code: "23503", constraint: "fk", want: actionReject, reason: "database_constraint"},
		{code: "23505", constraint: "key", want: actionReject, reason: "database_constraint"},
		{code: "23P01", constraint: "ex", want: actionReject, reason: "database_constraint"},
		{code: "23514", constraint: "positive", want: actionReject, reason: "database_constraint"},
		{code: "44000", want: actionReject, reason: "database_constraint"},
		{code: "P0001", want: actionReject, reason: "database_constraint"},

		{code: "23514", want: actionPause}, // no partition for the row
		{code: "42P01", want: actionPause},
		{code: "42703", want: actionPause},
		{code: "42501", want: actionPause},
		{code: "42P10", want: actionPause},
		{code: "28000", want: actionPause},
		{code: "28P01", want: actionPause},
		{code: "3D000", want: actionPause},
		{code: "53100", want: actionPause},
		{code: "58030", want: actionPause},
		{code: "XX000", want: actionPause},
		{code: "XX001", want: actionPause},

		{code: "0A000", want: actionPrepare},
		{code: "26000", want: actionPrepare},
		{code: "0A000", try: attempt{prepared: true}, want: actionPause},
		{code: "26000", try: attempt{prepared: true}, want: actionPause},

		{code: "57014", want: actionRetry}, // somebody cancelled it
		{code: "57014", try: attempt{ranOut: true}, want: actionHalve},
		{code: "57014", try: attempt{ranOut: true, waited: true}, want: actionRetry},

		{code: "08006", want: actionRetry},
		{code: "25006", want: actionRetry},
		{code: "25P02", want: actionRetry},
		{code: "40001", want: actionRetry},
		{code: "40P01", want: actionRetry},
		{code: "53200", want: actionRetry},
		{code: "53300", want: actionRetry},
		{code: "55P03", want: actionRetry},
		{code: "57P01", want: actionRetry},
		{code: "57P03", want: actionRetry},
		{code: "23000", want: actionRetry}, // not on the list of rejections
		{code: "99999", want: actionRetry},
		{code: "", want: actionRetry},
	} {
		t.Run(fmt.Sprintf("%s %s %+v", c.code, c.constraint, c.try), func(t *testing.T) {
			t.Parallel()
			err := fmt.Errorf("insert: %w", &pgconn.PgError{Code: c.code, ConstraintName: c.constraint})
			if got := decide(err, c.try); got.action != c.want || got.reason != c.reason {
				t.Errorf("%s %q, want %s %q", got.action, got.reason, c.want, c.reason)
			}
		})
	}
}

func TestPolicy_WhatIsNoAnswerOfPostgresIsRetried(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("unexpected EOF"), context.DeadlineExceeded, &pgconn.ConnectError{}} {
		if got := decide(err, attempt{ranOut: true}); got.action != actionRetry {
			t.Errorf("%T: %s", err, got.action)
		}
	}
}

func TestDescribe_TellsCodeAndFixAndNeverAValue(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"08006", "0A000", "22001", "23505", "23514", "25006", "28000", "40P01", "42501", "42703", "42P01", "42P10", "42601",
		"53100", "53200", "53300", "53400", "55P03", "57014", "57P01", "58030", "XX000",
	} {
		err := &pgconn.PgError{
			Code: code, Message: "canary", Detail: "canary", Hint: "canary", Where: "canary", InternalQuery: "canary",
			TableName: "orders",
		}
		got := describe(err, "t")
		if strings.Contains(got, "canary") || !strings.Contains(got, code) || !strings.Contains(got, "table orders: ") {
			t.Errorf("%s: %s", code, got)
		}
	}
}

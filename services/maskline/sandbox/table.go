package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/maskline/maskline/services/writer"
)

// prepareTable makes the mapping's table by the writer's own plan, and runs the SQL that was asked for.
func (s *Sandbox) prepareTable(ctx context.Context, opts Options) error {
	if schema, _, ok := strings.Cut(s.Table, "."); ok {
		// Not for migrate to decide in a database of others; this one is ours.
		if err := s.exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize()); err != nil {
			return err
		}
	}
	migrate := writer.MigrateOptions{Schema: opts.Mapping.Schema(), Apply: true}
	if err := writer.Migrate(ctx, s.DSN, migrate, io.Discard); err != nil {
		return err
	}
	if opts.SQL == "" {
		return nil
	}
	if err := s.exec(ctx, opts.SQL); err != nil {
		return fmt.Errorf("sql: %w", err)
	}
	return nil
}

// exec runs statements, several at once as psql would. The error leaves out Postgres' detail.
func (s *Sandbox) exec(ctx context.Context, sql string) error {
	db, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	defer func() { _ = db.Close(closing) }()
	_, err = db.PgConn().Exec(ctx, sql).ReadAll()
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Errorf("%s (SQLSTATE %s)", answer.Message, answer.Code)
	}
	return err
}

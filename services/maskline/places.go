package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// queuesSettings name the two queues of a pipeline.
type queuesSettings struct {
	Queue           string `env:"MASKLINE_QUEUE" required:"true" help:"Queue that messages are sent to: a name or a URL."`
	DeadLetterQueue string `env:"MASKLINE_DEAD_LETTER_QUEUE" help:"Its dead-letter queue. Empty: the one of its redrive policy."`
}

// errNoLetters says that there is no dead-letter queue.
var errNoLetters = errors.New("no dead-letter queue: the queue has no redrive policy, so set MASKLINE_DEAD_LETTER_QUEUE")

// open finds both queues. letters is nil where the queue has no dead-letter queue and none is named.
func (s queuesSettings) open(ctx context.Context) (source, letters *traffic.Queue, err error) {
	described, err := fetcher.NewSQS(ctx, s.Queue, s.DeadLetterQueue, 1, nil)
	if err != nil {
		return nil, nil, err
	}
	d, err := described.Describe(ctx)
	if err != nil {
		return nil, nil, err
	}
	if source, err = traffic.Open(ctx, s.Queue); err != nil || d.DeadLetterURL == "" {
		return source, nil, err
	}
	if d.SelfDeadLetter {
		return nil, nil, errors.New("the dead-letter queue is the queue itself")
	}
	return source, &traffic.Queue{Client: source.Client, URL: d.DeadLetterURL}, nil
}

// tableSettings name the database and the table.
type tableSettings struct {
	DatabaseURL config.Secret `env:"DATABASE_URL" help:"Postgres, as a URL or key=value pairs; PG* variables fill in what it leaves out. Reading is enough."`
	Table       string        `flag:"table" default:"user_logins" help:"Table that is looked at: name or schema.name."`
}

func (s *tableSettings) validate() []config.Complaint { return validDSN(s.DatabaseURL) }

// connect opens a connection that only reads.
func (s *tableSettings) connect(ctx context.Context, c call) (db *pgx.Conn, end func(), err error) {
	if s.DatabaseURL.Reveal() == "" && !slices.ContainsFunc(c.environ, isPostgres) {
		return nil, nil, lifecycle.Exit(lifecycle.ExitUsage, errors.New("neither DATABASE_URL nor PGHOST is set"))
	}
	cfg, err := pgx.ParseConfig(s.DatabaseURL.Reveal())
	if err != nil { // Validate has read it
		return nil, nil, errors.New("DATABASE_URL: cannot be read")
	}
	cfg.RuntimeParams["application_name"] = "maskline " + c.name
	cfg.RuntimeParams["default_transaction_read_only"] = "on"
	connecting, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	if db, err = pgx.ConnectConfig(connecting, cfg); err != nil {
		return nil, nil, fmt.Errorf("database: %w", err)
	}
	return db, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = db.Close(ending)
	}, nil
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/services/writer"
)

func migrateCommand() command {
	return command{
		name:  "migrate",
		brief: "make the table, or print what it would take",
		summary: "Makes the mapping's table fit. Where there is no user_logins yet, it is made. Any other table is looked at first: " +
			"what it lacks is printed as a plan of statements, which are run only with --apply; rows are never changed. " +
			"Exit code 0: the table fits. 1: it does not yet, or the database was not reached within 30 s.",
		run: migrate,
	}
}

type migrateSettings struct {
	DatabaseURL config.Secret `env:"DATABASE_URL" help:"Postgres, as a URL or key=value pairs; PG* variables fill in what it leaves out. The user must own the table."`
	Mapping     string        `env:"MASKLINE_MAPPING" default:"login" help:"Mapping whose table is meant: a file, or the name of a built-in one."`
	Apply       bool          `flag:"apply" help:"Run the plan."`
}

// Validate checks the login's form.
func (s *migrateSettings) Validate() []config.Complaint { return validDSN(s.DatabaseURL) }

// validDSN is the writer's own rule.
func validDSN(dsn config.Secret) []config.Complaint {
	return (&writer.Config{DatabaseURL: dsn, Tables: []string{"any"}}).Validate()
}

func migrate(ctx context.Context, cmd command, c call) error {
	var s migrateSettings
	if _, err := c.load(cmd, &s); err != nil {
		return err
	}
	m, err := readMapping(s.Mapping)
	if err != nil {
		return err
	}
	err = writer.Migrate(ctx, s.DatabaseURL.Reveal(), writer.MigrateOptions{Schema: m.Schema(), Apply: s.Apply}, c.stdout)
	if _, ok := errors.AsType[*writer.ConnectTrouble](err); ok {
		return named(cmd, fmt.Errorf("%w; start it, or correct DATABASE_URL", err))
	}
	return err // begins with the command's name
}

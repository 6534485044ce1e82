package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
	"github.com/maskline/maskline/services/masker/keys"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/masker/mappings"
)

func checkCommand() command {
	return command{
		name: "check", positional: "MAPPING",
		brief: "check a mapping, and with --connect the queue and the table",
		summary: "Reads a mapping (a file, or the name of a built-in one; default: MASKLINE_MAPPING, else login) and prints all " +
			"that is wrong with it as file:line:column: what; fix. With --connect it also looks at the queue, its dead-letter " +
			"queue, Postgres and the table, says what would not work, and what it could not verify; it changes nothing. " +
			"Exit code 2: the mapping is wrong. 1: something would not work.",
		run: check,
	}
}

type checkSettings struct {
	Mapping         string        `env:"MASKLINE_MAPPING" default:"login" help:"The mapping, if none is named as argument."`
	KeyFile         string        `env:"MASKLINE_KEY_FILE" help:"Check this key file too."`
	Connect         bool          `flag:"connect" help:"Look at queue, database and table as well."`
	Queue           string        `env:"MASKLINE_QUEUE" help:"Queue to look at: a name or a URL."`
	DeadLetterQueue string        `env:"MASKLINE_DEAD_LETTER_QUEUE" help:"Its dead-letter queue. Empty: the one of its redrive policy."`
	DatabaseURL     config.Secret `env:"DATABASE_URL" help:"Postgres to look at; PG* variables fill in what it leaves out."`
	Tables          []string      `env:"MASKLINE_TABLES" default:"user_logins" help:"Tables that the writer may write."`
}

// Validate checks the login's form.
func (s *checkSettings) Validate() []config.Complaint { return validDSN(s.DatabaseURL) }

func check(ctx context.Context, cmd command, c call) error {
	var s checkSettings
	rest, err := c.load(cmd, &s)
	if err != nil {
		return err
	}
	if len(rest) == 1 {
		s.Mapping = rest[0]
	}
	m, err := readMapping(s.Mapping)
	if err != nil {
		return err
	}
	describeMapping(c.stdout, s.Mapping, m)
	if s.KeyFile != "" {
		set, err := keys.Load(s.KeyFile)
		if err != nil {
			return lifecycle.Exit(lifecycle.ExitUsage, fmt.Errorf("maskline check: %w", err))
		}
		id, value := set.CheckValue()
		row(c.stdout, "key", "%s, check value %s", id, value)
	}
	if !s.Connect {
		return nil
	}
	return connect(ctx, cmd, c, s, m)
}

// readMapping reads a built-in mapping or a file. Its complaints end with exit code 2.
func readMapping(name string) (*mapping.Mapping, error) {
	source, builtIn := mappings.Source(name)
	if !builtIn {
		var err error
		if source, err = os.ReadFile(name); err != nil {
			if path, ok := errors.AsType[*fs.PathError](err); ok {
				err = path.Err
			}
			return nil, usage("mapping %s: %w; built in are %s", name, err, strings.Join(mappings.Names(), ", "))
		}
	}
	m, err := mapping.Parse(name, source)
	if err != nil {
		return nil, lifecycle.Exit(lifecycle.ExitUsage, err)
	}
	return m, nil
}

func describeMapping(w io.Writer, name string, m *mapping.Mapping) {
	_, _ = fmt.Fprintf(w, "mapping %s: ok\n", name)
	row(w, "table", "%s", m.Table())
	for i, column := range m.Columns() {
		title := ""
		if i == 0 {
			title = "columns"
		}
		row(w, title, "%-24s %s", column.Name, typeName(column))
	}
	row(w, "", "%-24s %s", "event_id", "uuid, in every table")
	if m.NeedsKey() {
		row(w, "key", "needed, for some masks are keyed")
	}
	for _, warning := range m.Warnings() {
		row(w, "warning", "%s", warning)
	}
}

// row prints one finding under its title.
func row(w io.Writer, title, format string, args ...any) {
	_, _ = fmt.Fprintf(w, "  %-20s "+format+"\n", append([]any{title}, args...)...)
}

func typeName(c mapping.Column) string {
	return strings.ToLower(strings.TrimPrefix(c.Type.String(), "COLUMN_TYPE_"))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/maskline/maskline/pkg/config"
	"github.com/maskline/maskline/pkg/lifecycle"
)

// call is one run of a command: all that it may read and write.
type call struct {
	// name is the command, for example "keys create".
	name string
	// args are the arguments after the name.
	args, environ []string
	// unsetenv takes a name out of the environment of the process. Nil: leave it.
	unsetenv       func(name string) error
	stdin          io.Reader
	stdout, stderr io.Writer
}

// command is one entry of the tree.
type command struct {
	name       string
	positional string
	// brief is one line for the overview, summary the paragraph of the command's own page.
	brief, summary string
	run            func(ctx context.Context, cmd command, c call) error
}

// group is a heading of the overview.
type group struct {
	title    string
	commands []command
}

// tree is the table of contents.
func tree() []group {
	return []group{
		{"Try it, with everything on this machine:", []command{demoCommand(), devCommand()}},
		{"Run it:", []command{runCommand(), migrateCommand(), keysCreateCommand(), sendCommand()}},
		{"Deploy it (docker-compose.yaml runs these):", []command{initCommand(), queueCreateCommand(), queueServeCommand(), loadCommand(), healthCommand()}},
		{"See what became of messages:", []command{reconcileCommand(), redriveCommand(), explainCommand()}},
		{"Look at it before it runs:", []command{checkCommand(), previewCommand()}},
	}
}

// execute finds the command and runs it.
func execute(ctx context.Context, c call) error {
	if len(c.args) == 0 {
		overview(c.stdout)
		return nil
	}
	switch first := c.args[0]; {
	case first == "help" && len(c.args) > 1:
		return execute(ctx, with(c, append(c.args[1:len(c.args):len(c.args)], "--help")))
	case first == "help" || first == "--help" || first == "-h":
		overview(c.stdout)
		return nil
	case first == "version" || first == "--version":
		_, _ = fmt.Fprintln(c.stdout, "maskline", version())
		return nil
	}
	line := strings.Join(c.args, " ") + " "
	var names []string
	for _, g := range tree() {
		for _, cmd := range g.commands {
			if strings.HasPrefix(line, cmd.name+" ") {
				c = with(c, c.args[len(strings.Fields(cmd.name)):])
				c.name = cmd.name
				return cmd.run(ctx, cmd, c)
			}
			names = append(names, cmd.name)
		}
	}
	return unknown(c.args, names)
}

func with(c call, args []string) call {
	c.args = args
	return c
}

// unknown names the nearest command.
func unknown(args, names []string) error {
	asked, hint := args[0], ""
	for _, name := range names {
		if first, _, two := strings.Cut(name, " "); two && first == asked {
			hint = "; did you mean " + name + "?"
		}
	}
	if near, ok := nearest(asked, names); ok && hint == "" {
		hint = "; did you mean " + near + "?"
	}
	return usage("maskline %s: unknown command%s", asked, hint)
}

// usage is an error of the command line.
func usage(format string, args ...any) error {
	return lifecycle.Exit(lifecycle.ExitUsage, fmt.Errorf(format, args...))
}

// load fills a command's settings and returns its positional arguments, at most as many as the command names.
func (c call) load(cmd command, settings any) ([]string, error) {
	rest, err := config.Load(settings, config.Source{
		Program: "maskline " + cmd.name, Summary: cmd.summary, Positional: cmd.positional,
		Args: c.args, Environ: c.environ, Stdout: c.stdout,
	})
	if err != nil {
		return nil, err
	}
	if most := len(strings.Fields(cmd.positional)); len(rest) > most {
		return nil, usage("maskline %s: %q: one argument too many; see maskline %s --help", cmd.name, rest[most], cmd.name)
	}
	return rest, nil
}

// named gives an error the command's name, unless it is one of configuration, which names its place itself, or one that
// prints nothing.
func named(cmd command, err error) error {
	if _, ok := errors.AsType[*config.Error](err); err == nil || ok || err.Error() == "" || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("maskline %s: %w", cmd.name, err)
}

// version is what the build recorded.
func version() string { return lifecycle.Version() }

// Command maskline is the whole pipeline on one machine, and the operator's tools: `maskline demo` shows all of it with
// nothing but this program and Postgres' binaries. It promises that demo and dev touch no queue and no database but
// their own, and that every command ends with 0 only if what it was asked for is so. It never prints a key, and prints
// values of events only where they are samples of its own or where preview is asked to.
package main

import (
	"context"
	"os"

	"github.com/maskline/maskline/pkg/lifecycle"
)

func main() {
	lifecycle.Main(func(ctx context.Context) error {
		return execute(ctx, call{
			args: os.Args[1:], environ: os.Environ(), unsetenv: os.Unsetenv,
			stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		})
	})
}

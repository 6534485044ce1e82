//go:build unix && !linux

package postgres

import (
	"os/exec"
	"strconv"
	"strings"
)

// isServerOn tells whether a process is Postgres on a folder. Our own folders have no spaces unless the user's name for
// one has, in which case the orphan is not recognized and the start says so.
func isServerOn(pid int, data string) bool {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && isServer(strings.Fields(string(out)), data)
}

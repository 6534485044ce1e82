package postgres

import (
	"os"
	"strconv"
	"strings"
)

// isServerOn tells whether a process is Postgres on a folder. A zombie has no command line, so it is none.
func isServerOn(pid int, data string) bool {
	content, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && isServer(strings.Split(string(content), "\x00"), data)
}

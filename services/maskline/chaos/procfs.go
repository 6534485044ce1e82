package chaos

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// errNoProc is a machine without /proc: what is measured there is left out, and the report says so.
var errNoProc = errors.New("no /proc here")

// peakMemory is the most memory that a process has had, in bytes.
func peakMemory(pid int) (int, error) { return memory(pid, "VmHWM:") }

// memoryNow is the memory of a process, in bytes.
func memoryNow(pid int) (int, error) { return memory(pid, "VmRSS:") }

func memory(pid int, field string) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, errNoProc
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == field {
			n, err := strconv.Atoi(words[1])
			return n << 10, err
		}
	}
	return 0, errNoProc
}

// openFiles counts the file descriptors of a process.
func openFiles(pid int) (int, error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return 0, errNoProc
	}
	return len(entries), nil
}

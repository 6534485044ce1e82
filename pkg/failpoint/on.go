//go:build failpoint

package failpoint

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// failpoints are the rules of this process and how often each name was hit.
type failpoints struct {
	rules map[Name][]rule
	hits  map[Name]*atomic.Uint64
	log   *os.File // nil: none
}

// fromOS reads the environment once, whoever comes first: a hit must not wait for a main to hand it in.
var fromOS = sync.OnceValues(func() (*failpoints, error) {
	return load(os.Getenv("FAILPOINTS"), os.Getenv("FAILPOINT_LOG"))
})

func load(text, logFile string) (*failpoints, error) {
	rules, err := parse(text)
	if err != nil {
		return nil, err
	}
	f := &failpoints{rules: map[Name][]rule{}, hits: map[Name]*atomic.Uint64{}}
	for _, r := range rules {
		f.rules[r.name] = append(f.rules[r.name], r)
		f.hits[r.name] = &atomic.Uint64{}
	}
	if logFile == "" {
		return f, nil
	}
	if f.log, err = os.OpenFile(logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("FAILPOINT_LOG: %w", err)
	}
	return f, nil
}

// Check says what is wrong with FAILPOINTS and FAILPOINT_LOG. A program that goes on nevertheless has no failpoints.
func Check() error {
	_, err := fromOS()
	return err
}

// Hit says that this instant is now, and acts if FAILPOINTS asks for it. Only then detail is called, unless it is nil;
// it must not show a value of an event. Safe for concurrent use.
func Hit(name Name, detail func() string) {
	if f, err := fromOS(); err == nil {
		f.hit(name, detail)
	}
}

func (f *failpoints) hit(name Name, detail func() string) {
	if f.rules[name] == nil {
		return
	}
	hit := f.hits[name].Add(1)
	for _, r := range f.rules[name] {
		if !r.due(hit) {
			continue
		}
		f.write(name, hit, detail)
		if r.crash {
			crash()
		}
		time.Sleep(r.pause)
	}
}

// line is an act as the log tells it.
type line struct {
	Time   time.Time `json:"time"`
	PID    int       `json:"pid"`
	Name   Name      `json:"name"`
	Hit    uint64    `json:"hit"`
	Detail string    `json:"detail"`
}

// write appends in one call: several processes share a file. What was written outlives a SIGKILL without an fsync.
func (f *failpoints) write(name Name, hit uint64, detail func() string) {
	if f.log == nil {
		return
	}
	l := line{Time: time.Now().UTC(), PID: os.Getpid(), Name: name, Hit: hit}
	if detail != nil {
		l.Detail = detail()
	}
	text, err := json.Marshal(l)
	if err == nil {
		_, err = f.log.Write(append(text, '\n'))
	}
	if err != nil { // a run that is judged by this file must not pass for one without faults
		fmt.Fprintln(os.Stderr, "FAILPOINT_LOG:", err)
	}
}

// crash does not return: the signal may take a moment, in which nothing more shall happen here.
func crash() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failpoint: crash:", err)
		os.Exit(137)
	}
	select {}
}

package chaos

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/maskline/maskline/pkg/failpoint"
)

func commitCrashes() Scenario {
	return Scenario{
		Number: 2, Name: "commit-crashes", Deadline: 12 * time.Minute,
		Does: "writers crash between COMMIT and verdict, at a failpoint that records the rows of the transaction; each is started again at once",
		run: func(ctx context.Context, r *Run) error {
			wanted := pick(r, 500, 25)
			var enough atomic.Bool
			record := filepath.Join(r.kit.dir, "failpoints-commit-crashes.jsonl")
			s, err := r.start(ctx, options{
				visibility: 30, replicas: map[string]int{stageWriter: 3},
				// Small frames, each of which is one transaction: if a frame took more of them than a writer lives for, it would
				// never be settled.
				env: map[string][]string{stageFetcher: {"MASKLINE_MAX_IN_FLIGHT=60"}, stageWriter: {"FAILPOINT_LOG=" + record}},
				each: func(stage string) []string {
					if stage != stageWriter || enough.Load() {
						return nil
					}
					return []string{fmt.Sprintf("FAILPOINTS=%s=crash@%d", failpoint.WriterAfterCommit, 2+r.upTo(2))}
				},
			})
			if err != nil {
				return err
			}
			for _, p := range s.all() {
				p.run()
			}
			if err := s.crashAtCommits(ctx, record, wanted); err != nil {
				return err
			}
			enough.Store(true)
			if err := s.drained(ctx, drainPatience); err != nil {
				return err
			}
			status, err := s.one(stageFetcher).status(ctx)
			if err != nil {
				return err
			}
			acts, err := recorded(record)
			if err != nil {
				return err
			}
			withRows := r.noteActs(acts)
			once, rows, err := s.once(ctx, acts)
			if err != nil {
				return err
			}
			r.note("%d crashes, %d of them with new rows in the transaction, %d rows in all; the others had what came back", len(acts), withRows, rows)
			atLeast(r, "crashes between COMMIT and verdict, with new rows in the transaction", withRows, wanted)
			exactly(r, "of their rows, in the table exactly once", once, rows)
			atLeast(r, "messages that came back and were settled as duplicates", int(status.GetCounters()["duplicate"]), rows)
			_, err = s.judge(ctx)
			return err
		},
	}
}

// act is a line of FAILPOINT_LOG.
type act struct {
	Time   time.Time `json:"time"`
	PID    int       `json:"pid"`
	Name   string    `json:"name"`
	Detail string    `json:"detail"`
}

func (a act) ids() []string {
	if a.Detail == "" {
		return nil
	}
	return strings.Split(a.Detail, ",")
}

// crashAtCommits sends messages until the record holds enough crashes.
func (s *System) crashAtCommits(ctx context.Context, record string, wanted int) error {
	for sleep(ctx, 50*time.Millisecond) {
		acts, err := recorded(record)
		if err != nil {
			return err
		}
		if len(withRows(acts)) >= wanted {
			return nil
		}
		if s.left() < 500 {
			if err := s.send(s.run.logins(200)); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// recorded reads what failpoints did. No file yet means nothing yet, and a line without its end is one that is being
// written.
func recorded(path string) (acts []act, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var a act
		if err := json.Unmarshal(line, &a); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		acts = append(acts, a)
	}
	return acts, nil
}

func withRows(acts []act) (some []act) {
	for _, a := range acts {
		if a.Detail != "" {
			some = append(some, a)
		}
	}
	return some
}

// noteActs notes each as a fault that held the rows which it names, and counts those that held any.
func (r *Run) noteActs(acts []act) (withRows int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range acts {
		if a.Detail != "" {
			withRows++
		}
		r.faults = append(r.faults, Fault{
			At: seconds(a.Time.Sub(r.began)), What: "crash at " + a.Name, Stage: stageWriter, PID: a.PID, InFlight: uint64(len(a.ids())),
		})
	}
	return withRows
}

// once counts the recorded rows, and those of them that are in the table exactly once.
func (s *System) once(ctx context.Context, acts []act) (once, rows int, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	found, err := conn.Query(ctx, "SELECT replace(event_id::text, '-', '') FROM user_logins")
	if err != nil {
		return 0, 0, err
	}
	times := map[string]int{}
	var id string
	if _, err := pgx.ForEachRow(found, []any{&id}, func() error { times[id]++; return nil }); err != nil {
		return 0, 0, err
	}
	for _, a := range acts {
		for _, id := range a.ids() {
			if _, err := hex.DecodeString(id); err != nil {
				return 0, 0, fmt.Errorf("failpoint's record: %w", err)
			}
			rows++
			if times[id] == 1 {
				once++
			}
		}
	}
	return once, rows, nil
}

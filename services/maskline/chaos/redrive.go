package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func redrives() Scenario {
	return Scenario{
		Number: 7, Name: "redrive",
		Does: "messages that are in the table already, but could not be deleted, are moved back from the dead-letter queue: by " +
			"`maskline redrive`, killed once in the middle, and by SQS's own move",
		run: func(ctx context.Context, r *Run) error {
			n := pick(r, 2000, 300)
			if err := r.redriveOurs(ctx, n); err != nil {
				return err
			}
			return r.redriveBySQS(ctx, n)
		},
	}
}

// committedLetters makes a system whose dead-letter queue holds messages that are in the table: no delete succeeds, and
// the fetcher is killed until the redrive policy gives up on them.
func (r *Run) committedLetters(ctx context.Context, n int) (*System, error) {
	s, err := r.start(ctx, options{visibility: 2, maxReceives: 2, queue: queue.Options{Faults: queue.Faults{
		{Action: "DeleteMessageBatch", Kind: queue.Status500}, {Action: "DeleteMessage", Kind: queue.Status500},
	}}})
	if err != nil {
		return nil, err
	}
	if err := s.runAll(ctx); err != nil {
		return nil, err
	}
	if err := s.send(r.logins(n)); err != nil {
		return nil, err
	}
	if err := until(ctx, time.Minute, "all rows are in the table", func() bool { return s.rows(ctx) == n }); err != nil {
		return nil, err
	}
	for s.left() > 0 {
		s.hit(ctx, s.one(stageFetcher), syscall.SIGKILL)
		if !sleep(ctx, 3*time.Second) {
			return nil, ctx.Err()
		}
	}
	visible, hidden, _ := s.queue.Counts(deadLetters)
	exactly(r, "messages in the table and in the dead-letter queue", visible+hidden, n)
	s.queue.SetFaults(nil)
	return s, nil
}

func (r *Run) redriveOurs(ctx context.Context, n int) error {
	s, err := r.committedLetters(ctx, n)
	if err != nil {
		return err
	}
	cmd := s.redrive(ctx, "--rate", fmt.Sprintf("%d/s", n/4))
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = until(ctx, 10*time.Second, "some letters are moved", func() bool { return s.letters() < n*3/4 })
	r.fault(Fault{What: "kill -9", Stage: "maskline redrive", PID: cmd.Process.Pid, InFlight: uint64(s.letters())})
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	// What the killed one had received comes back after five minutes, or at once if the operator does not wait.
	s.showLetters()
	out, err := s.redrive(ctx).CombinedOutput()
	if err != nil {
		return fmt.Errorf("maskline redrive: %w: %s", err, out)
	}
	r.note("maskline redrive, after one that was killed: %s", strings.Join(strings.Fields(string(out)), " "))
	if err := s.drained(ctx, drainPatience); err != nil {
		return err
	}
	exactly(r, "messages left in the dead-letter queue", s.letters(), 0)
	status, err := s.one(stageFetcher).status(ctx)
	if err != nil {
		return err
	}
	atLeast(r, "moved messages that were settled as duplicates", int(status.GetCounters()["duplicate"]), n)
	if _, err := s.judge(ctx); err != nil {
		return err
	}
	return s.close()
}

// redrive is the operator's command.
func (s *System) redrive(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.run.kit.program("maskline"), append([]string{"redrive"}, args...)...) //nolint:gosec // Our own program.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "MASKLINE_QUEUE=" + s.queue.URL(source)}
	return cmd
}

func (s *System) letters() int {
	visible, hidden, delayed := s.queue.Counts(deadLetters)
	return visible + hidden + delayed
}

// showLetters makes hidden letters visible, as the end of their timeout does: they are sent again under their own ids.
func (s *System) showLetters() {
	messages := s.queue.Messages(deadLetters)
	s.queue.Purge(deadLetters)
	_, _ = s.queue.Send(deadLetters, messages...)
}

// redriveBySQS models StartMessageMoveTask as SQS documents it: body and attributes stay, MessageId and sent time are new.
func (r *Run) redriveBySQS(ctx context.Context, n int) error {
	s, err := r.committedLetters(ctx, n)
	if err != nil {
		return err
	}
	// As many letters of our own: Postgres refuses them, and later does not any more.
	if err := s.exec(ctx, traffic.Constraint); err != nil {
		return err
	}
	ours := r.blend(traffic.Blend{Messages: n, Bad: 1, Refused: 1})
	for i := range ours {
		ours[i].Refused = false // in the end each becomes a row
	}
	for chunk := range slices.Chunk(ours, 50) { // fewer equal rejections in a row than pause the intake
		if err := s.send(slices.Concat(chunk, r.logins(10))); err != nil {
			return err
		}
		if err := s.drained(ctx, drainPatience); err != nil {
			return err
		}
	}
	exactly(r, "letters of the fetcher's beside them", s.letters()-n, n)
	if err := s.exec(ctx, "ALTER TABLE user_logins DROP CONSTRAINT known_device"); err != nil {
		return err
	}
	letters := s.queue.Messages(deadLetters)
	s.queue.Purge(deadLetters)
	for _, m := range letters {
		if _, err := s.queue.Send(source, queue.Message{Body: m.Body, Attributes: m.Attributes}); err != nil {
			return err
		}
	}
	r.fault(Fault{What: fmt.Sprintf("SQS's own move of %d letters: new MessageIds, new sent times", len(letters)), Stage: "queue"})
	if err := s.drained(ctx, drainPatience); err != nil {
		return err
	}
	f, err := s.reconcile(ctx)
	if err != nil {
		return err
	}
	r.note("SQS's own move doubled %d of the %d messages that SQS's own policy had dead-lettered after their commit: nothing in "+
		"them tells that they are the same. Move letters with `maskline redrive`", f.Doubled.Count, n)
	exactly(r, "messages lost, SQS's own move", f.Lost.Count, 0)
	doubled, err := s.doubled(ctx, ours)
	exactly(r, "letters of the fetcher's doubled, SQS's own move", doubled, 0)
	return err
}

// doubled counts which of the messages have more than one row.
func (s *System) doubled(ctx context.Context, of []traffic.Message) (n int, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	err = conn.QueryRow(ctx, "SELECT count(*) FROM (SELECT user_id FROM user_logins WHERE device_type = '"+traffic.RefusedDevice+
		"' GROUP BY user_id HAVING count(*) > 1) d").Scan(&n)
	if err != nil {
		return 0, err
	}
	var rows int
	err = conn.QueryRow(ctx, "SELECT count(*) FROM user_logins WHERE device_type = '"+traffic.RefusedDevice+"'").Scan(&rows)
	exactly(s.run, "letters of the fetcher's that are in the table now", rows, len(of))
	return n, err
}

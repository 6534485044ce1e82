package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/ledger"
)

const testKey = `{"version":1,"keys":[{"id":"k1","state":"primary","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`

func newRun(t *testing.T) *Run {
	t.Helper()
	dir := t.TempDir()
	return &Run{
		Short: true, kit: &kit{dir: dir, key: filepath.Join(dir, "key.json"), keyText: []byte(testKey)}, began: time.Now(),
		random: rand.New(rand.NewPCG(1, 1)), verbose: t.Logf,
	}
}

func (r *Run) failed() (names []string) {
	for _, c := range r.checks {
		if !c.Passed {
			names = append(names, c.Name)
		}
	}
	return names
}

// insert writes a row as the writer would.
func (s *System) insert(t *testing.T, e ledger.Expected, event [16]byte) {
	t.Helper()
	text := func(column string) string {
		if v := e.Row[column]; v != nil {
			return "'" + *v + "'"
		}
		return "NULL"
	}
	err := s.exec(t.Context(), fmt.Sprintf(`INSERT INTO user_logins (user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date, event_id)
		VALUES (%s, %s, %s, %s, %s, %s, (to_timestamp(('x' || left('%x', 12))::bit(48)::bigint / 1000.0) AT TIME ZONE 'UTC')::date, '%[7]x')`,
		text("user_id"), text("device_type"), text("masked_ip"), text("masked_device_id"), text("locale"), text("app_version"), event))
	if err != nil {
		t.Fatal(err)
	}
}

// TestJudge_FindsWhatIsLostDoubledAndDeadLettered does to the table and the queues what a broken pipeline would: a judge
// that cannot fail is none.
func TestJudge_FindsWhatIsLostDoubledAndDeadLettered(t *testing.T) {
	t.Parallel()
	r := newRun(t)
	s, err := r.start(t.Context(), options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	if err := s.send(r.logins(5)); err != nil {
		t.Fatal(err)
	}
	sent, stored := s.book.all(), s.queue.Messages(source)
	event := func(i int, at time.Time) [16]byte {
		return fetcher.Origin{ID: sent[i].ID, SentMS: at.UnixMilli()}.EventID()
	}
	for i := range sent {
		s.insert(t, sent[i], event(i, stored[i].Sent))
	}
	s.queue.Purge(source)
	judged := func() []string {
		r.checks = nil
		f, err := s.reconcile(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		verdict(r, f)
		return r.failed()
	}
	if failed := judged(); len(failed) != 0 {
		t.Fatalf("all is well, and these fail: %v", failed)
	}
	for name, c := range map[string]struct {
		spoil, mend func()
	}{
		"messages lost": {
			func() { s.must(t, "DELETE FROM user_logins WHERE event_id = '%x'", event(0, stored[0].Sent)) },
			func() { s.insert(t, sent[0], event(0, stored[0].Sent)) },
		},
		"messages doubled": {
			func() { s.insert(t, sent[1], event(1, stored[1].Sent.Add(time.Second))) },
			func() {
				s.must(t, "DELETE FROM user_logins WHERE event_id = '%x'", event(1, stored[1].Sent.Add(time.Second)))
			},
		},
		"rows with a wrong value, or of nobody's message": {
			func() {
				s.must(t, "UPDATE user_logins SET masked_ip = 'x' WHERE event_id = '%x'", event(2, stored[2].Sent))
			},
			func() {
				s.must(t, "DELETE FROM user_logins WHERE event_id = '%x'", event(2, stored[2].Sent))
				s.insert(t, sent[2], event(2, stored[2].Sent))
			},
		},
		"good messages dead-lettered": {
			func() { _, _ = s.queue.Send(deadLetters, queue.Message{ID: sent[3].ID, Body: "{}"}) },
			func() { s.queue.Purge(deadLetters) },
		},
	} {
		c.spoil()
		if failed := judged(); !slices.Contains(failed, name) {
			t.Errorf("%s: not seen, only %v", name, failed)
		}
		c.mend()
	}
	if failed := judged(); len(failed) != 0 {
		t.Errorf("mended, and these fail: %v", failed)
	}
}

func (s *System) must(t *testing.T, sql string, event [16]byte) {
	t.Helper()
	if err := s.exec(t.Context(), fmt.Sprintf(sql, event)); err != nil {
		t.Fatal(err)
	}
}

func TestLeaks_FindsARawValueAndComplainsOfNoLogs(t *testing.T) {
	t.Parallel()
	s := &System{run: newRun(t)}
	log, err := os.Create(filepath.Join(t.TempDir(), "masker-1.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s.logs = append(s.logs, log)
	if _, err := s.leaks(); err == nil {
		t.Error("empty logs passed")
	}
	_, _ = fmt.Fprintln(log, `{"level":"INFO","msg":"ready"}`)
	if n, err := s.leaks(); n != 0 || err != nil {
		t.Errorf("%d files, %v: nothing is in them", n, err)
	}
	_, _ = fmt.Fprintln(log, `{"cause":"bad address 198.18.7.9"}`)
	if n, err := s.leaks(); n != 1 || err != nil {
		t.Errorf("%d files, %v: one holds an address", n, err)
	}
}

func TestResult_AScenarioWithoutChecksOrWithAnErrorFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(r *Run)
		err     error
		want    string
	}{
		"no checks":          {func(*Run) {}, nil, Failed},
		"a check that holds": {func(r *Run) { exactly(r, "lost", 0, 0) }, nil, Passed},
		"one that does not":  {func(r *Run) { exactly(r, "lost", 0, 0); atLeast(r, "kills", 149, 150) }, nil, Failed},
		"an error":           {func(r *Run) { exactly(r, "lost", 0, 0) }, os.ErrDeadlineExceeded, Failed},
		"skipped":            {func(r *Run) { r.skip("needs root") }, nil, Skipped},
		"skipped, error":     {func(r *Run) { r.skip("needs root") }, os.ErrDeadlineExceeded, Failed},
	} {
		r := newRun(t)
		c.prepare(r)
		if got := r.result(Scenario{}, Settings{}, c.err).Verdict; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestScenarios_HaveNamesAndStayOutOfTheProduct(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, x := range Scenarios() {
		if names[x.Name] || x.Name == "" || x.Does == "" || x.Number == 0 {
			t.Errorf("%+v: no name of its own, or nothing said of it", x)
		}
		names[x.Name] = true
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "..").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "services/maskline/ledger") {
		t.Fatalf("%v: %s", err, out)
	}
	if strings.Contains(string(out), "services/maskline/chaos") {
		t.Error("the card is linked into maskline")
	}
}

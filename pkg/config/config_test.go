package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample has a field of every type.
type sample struct {
	Queue   string        `env:"MASKLINE_QUEUE" required:"true" help:"URL or name of the queue."`
	Wait    time.Duration `env:"MASKLINE_WAIT_TIME" default:"20s" min:"0s" max:"20s" help:"Long poll."`
	Max     int           `env:"MASKLINE_MAX_MESSAGES" default:"10" min:"1" max:"10"`
	Rows    int64         `env:"MASKLINE_COMMIT_MAX_ROWS" default:"1000"`
	Keep    bool          `env:"MASKLINE_KEEP_LISTENING" default:"true"`
	Tables  []string      `env:"MASKLINE_TABLES"`
	Limit   Bytes         `env:"MASKLINE_MAX_IN_FLIGHT_BYTES" default:"64MiB" min:"1MiB"`
	Reject  string        `env:"MASKLINE_ON_REJECT" default:"dead-letter" oneof:"dead-letter|discard"`
	URL     Secret        `env:"DATABASE_URL"`
	KeyFile string        `env:"MASKLINE_KEY_FILE" secret:"true"`
	Dry     bool          `flag:"dry"`
	common
	Shutdown shutdown
	Ignored  string
}

type common struct {
	Level string `env:"MASKLINE_LOG_LEVEL" default:"info" oneof:"debug|info"`
}

type shutdown struct {
	Grace time.Duration `env:"MASKLINE_SHUTDOWN_GRACE" default:"30s"`
}

func (s *sample) Validate() []Complaint {
	if s.Shutdown.Grace < s.Wait+10*time.Second {
		return []Complaint{{Key: "MASKLINE_SHUTDOWN_GRACE", Rule: "at least MASKLINE_WAIT_TIME + 10s"}}
	}
	return nil
}

// loaded is what Load does beside filling its target: what it would set in the environment is in set.
type loaded struct {
	rest []string
	page string
	set  map[string]string
}

// load is Load without a process.
func load(t *testing.T, target any, args, env []string) (loaded, error) {
	t.Helper()
	var page strings.Builder
	set := map[string]string{}
	rest, err := Load(target, Source{
		Program: "fetcher", Summary: "Takes messages.", Args: args, Environ: env, Stdout: &page,
		Setenv: func(name, value string) error { set[name] = value; return nil },
	})
	return loaded{rest: rest, page: page.String(), set: set}, err
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "maskline.env")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_LaterSourceWins(t *testing.T) {
	t.Parallel()
	file := write(t, "MASKLINE_QUEUE=file\nMASKLINE_WAIT_TIME=1s\nMASKLINE_MAX_MESSAGES=1\nMASKLINE_COMMIT_MAX_ROWS=\n")
	var s sample
	l, err := load(t, &s,
		[]string{"one", "--config", file, "--max-messages=3", "--dry", "--keep-listening=false", "--", "--two"},
		[]string{"MASKLINE_WAIT_TIME=2s", "MASKLINE_MAX_MESSAGES=2", "MASKLINE_LOG_LEVEL=", "MASKLINE_MAPPING=other service's"})
	if err != nil {
		t.Fatal(err)
	}
	want := sample{
		Queue: "file", Wait: 2 * time.Second, Max: 3, Rows: 1000, Keep: false, Limit: 64 << 20,
		Reject: "dead-letter", Dry: true, common: common{Level: "info"}, Shutdown: shutdown{Grace: 30 * time.Second},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if !slices.Equal(l.rest, []string{"one", "--two"}) {
		t.Errorf("rest %q", l.rest)
	}
}

func TestLoad_EveryTypeAndAPresetDefault(t *testing.T) {
	t.Parallel()
	const url = "postgres://h/d"
	s := sample{Max: 7}
	_, err := load(t, &s, nil, []string{
		"MASKLINE_QUEUE=q", "MASKLINE_TABLES=a, b", "MASKLINE_MAX_IN_FLIGHT_BYTES=1GiB", "DATABASE_URL=" + url,
		"MASKLINE_KEEP_LISTENING=FALSE", "MASKLINE_WAIT_TIME=1500ms",
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.Max != 7 || !slices.Equal(s.Tables, []string{"a", "b"}) || s.Limit != 1<<30 || s.Keep ||
		s.URL.Reveal() != url || s.Wait != 1500*time.Millisecond {
		t.Errorf("got %+v", s)
	}
}

func TestLoad_AllComplaintsAtOnceEachWithPlaceKeyValueAndRule(t *testing.T) {
	t.Parallel()
	file := write(t, `# settings
MASKLINE_WAIT_TIME=30s
MASKLINE_WAITTIME=1s
nonsense with a secret
MASKLINE_MAX_MESSAGES=10
MASKLINE_MAX_MESSAGES=9
DATABASE_URI=postgres://u:p@h/d
MASKLINE_CONFIG=other.env
GOMEMLIMIT=lots
`)
	var s sample
	l, err := load(t, &s,
		[]string{"--config", file, "--wait-tme=1s", "--commit-max-rows=many", "--pollers=2", "--shutdown-grace"},
		[]string{
			"MASKLINE_MAX_MESSAGES=11", "MASKLINE_ONREJECT=x", "MASKLINE_SHUTDOWN_GRACE=29s", "MASKLINE_LOG_LEVEL=loud",
			"MASKLINE_MAX_IN_FLIGHT_BYTES=64MB", "MASKLINE_ZZZ=1",
		})
	var wrong *Error
	if !errors.As(err, &wrong) || wrong.ExitCode() != 2 {
		t.Fatalf("error %v", err)
	}
	want := []string{
		`flag --wait-tme: unknown; did you mean --wait-time?`,
		`flag --pollers: unknown; MASKLINE_POLLERS belongs to another service`,
		`flag --shutdown-grace: needs a value`,
		file + `:4: not NAME=value`,
		file + `:6: MASKLINE_MAX_MESSAGES: given twice, first on line 5`,
		file + `:2: MASKLINE_WAIT_TIME="30s": at most 20s`,
		file + `:3: MASKLINE_WAITTIME: unknown; did you mean MASKLINE_WAIT_TIME?`,
		file + `:7: DATABASE_URI: unknown; did you mean DATABASE_URL?`,
		file + `:8: MASKLINE_CONFIG: a file cannot name another file`,
		file + `:9: GOMEMLIMIT: a size, such as 64MiB or 1GiB`,
		`environment: MASKLINE_LOG_LEVEL="loud": one of debug, info`,
		`environment: MASKLINE_MAX_IN_FLIGHT_BYTES="64MB": a size, such as 64MiB or 1GiB`,
		`environment: MASKLINE_MAX_MESSAGES="11": at most 10`,
		`environment: MASKLINE_ONREJECT: unknown; did you mean MASKLINE_ON_REJECT?`,
		`environment: MASKLINE_ZZZ: unknown`,
		`flag --commit-max-rows="many": a whole number`,
		`MASKLINE_QUEUE: required: URL or name of the queue.`,
		`environment: MASKLINE_SHUTDOWN_GRACE="29s": at least MASKLINE_WAIT_TIME + 10s`,
	}
	if got := wrong.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if len(l.set) > 0 {
		t.Errorf("environment changed by a wrong configuration: %v", l.set)
	}
}

func TestLoad_SecretsStayOutOfComplaints(t *testing.T) {
	t.Parallel()
	type target struct {
		Key  string `env:"MASKLINE_KEY_FILE" secret:"true" oneof:"a|b"`
		List string `env:"MASKLINE_QUEUE" oneof:"a|b"`
	}
	_, err := load(t, &target{}, nil, []string{
		"MASKLINE_KEY_FILE=hunter2", "MASKLINE_QUEUE=http://user:hunter2@host/q", "MASKLINE_PASSWORD_X=hunter2",
	})
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), `="***"`) {
		t.Fatalf("error %v", err)
	}
}

func TestLoad_HandsForeignNamesOfTheFileToTheirLibraries(t *testing.T) {
	t.Parallel()
	file := write(t, "MASKLINE_QUEUE=q\nAWS_REGION=eu-central-1\nAWS_PROFILE=file\nPGHOST=db\n"+
		"OTEL_SERVICE_NAME=x\nMASKER_REPLICAS=2\nCOMPOSE_PROJECT_NAME=m\nDATABASE_URL=postgres://h\n")
	type target struct {
		Queue string `env:"MASKLINE_QUEUE"`
	}
	l, err := load(t, &target{}, nil, []string{"MASKLINE_CONFIG=" + file, "AWS_PROFILE=env"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"AWS_REGION": "eu-central-1", "PGHOST": "db", "OTEL_SERVICE_NAME": "x"}
	if !reflect.DeepEqual(l.set, want) {
		t.Errorf("set %v, want %v", l.set, want)
	}
}

func TestLoad_MissingFileIsNamed(t *testing.T) {
	t.Parallel()
	_, err := load(t, &shutdown{}, []string{"--config=/nowhere.env"}, nil)
	if err == nil || err.Error() != `flag --config="/nowhere.env": no such file` {
		t.Fatalf("error %v", err)
	}
}

func TestLoad_HelpFitsThePageAndTellsAll(t *testing.T) {
	t.Parallel()
	l, err := load(t, &sample{}, []string{"--nonsense", "--help"}, nil)
	if !errors.Is(err, ErrHelp) || ErrHelp.ExitCode() != 0 {
		t.Fatalf("error %v", err)
	}
	for line := range strings.Lines(l.page) {
		if len(line) > width+1 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	for _, part := range []string{
		"Usage: fetcher [flags]", "Takes messages.", "--wait-time DURATION  MASKLINE_WAIT_TIME",
		"Long poll. From 0s to 20s. Default: 20s.", "--database-url TEXT  DATABASE_URL", "Required.",
		"One of dead-letter, discard.", "--dry\n", "--config FILE", "At least 1MiB.",
	} {
		if !strings.Contains(l.page, part) {
			t.Errorf("page lacks %q:\n%s", part, l.page)
		}
	}
}

func TestLoad_CheckValidatesAndLeaves(t *testing.T) {
	t.Parallel()
	l, err := load(t, &sample{}, []string{"--check", "--queue=q"}, nil)
	if !errors.Is(err, ErrChecked) || l.page != "configuration ok\n" {
		t.Errorf("error %v, page %q", err, l.page)
	}
	var wrong *Error
	if _, err = load(t, &sample{}, []string{"--check"}, nil); !errors.As(err, &wrong) {
		t.Errorf("error %v", err)
	}
}

func TestLoad_PrintConfigShowsOriginsAndDifferencesAndNoSecret(t *testing.T) {
	t.Parallel()
	file := write(t, "MASKLINE_WAIT_TIME=5s\nMASKLINE_SHUTDOWN_GRACE=0m30s\n")
	l, err := load(t, &sample{}, []string{"--print-config", "--queue=q", "--config", file},
		[]string{"DATABASE_URL=postgres://u:hunter2@h/d", "MASKLINE_MAX_MESSAGES=4"})
	if !errors.Is(err, ErrPrinted) {
		t.Fatalf("error %v", err)
	}
	squeezed := strings.Join(strings.Fields(l.page), " ")
	for _, part := range []string{
		"* MASKLINE_QUEUE q flag", "* MASKLINE_WAIT_TIME 5s file " + file + ":1, default 20s",
		"* MASKLINE_MAX_MESSAGES 4 env, default 10", "MASKLINE_COMMIT_MAX_ROWS 1000 default",
		"* DATABASE_URL *** env", "MASKLINE_SHUTDOWN_GRACE 30s file " + file + ":2",
	} {
		if !strings.Contains(squeezed, part) {
			t.Errorf("page lacks %q:\n%s", part, l.page)
		}
	}
	if strings.Contains(l.page, "hunter2") || strings.Contains(squeezed, "* MASKLINE_SHUTDOWN_GRACE") {
		t.Errorf("page:\n%s", l.page)
	}
}

func TestLoad_ARuleOfAnInnerStructIsAskedOnce(t *testing.T) {
	t.Parallel()
	var target struct{ picky }
	_, err := load(t, &target, nil, []string{"MASKLINE_QUEUE=bad"})
	if err == nil || err.Error() != `environment: MASKLINE_QUEUE="bad": good` {
		t.Fatalf("error %v", err)
	}
}

type picky struct {
	Queue string `env:"MASKLINE_QUEUE"`
}

func (p *picky) Validate() []Complaint {
	if p.Queue == "bad" {
		return []Complaint{{Key: "MASKLINE_QUEUE", Rule: "good"}}
	}
	return nil
}

func TestLoad_WrongTagsPanicAtOnce(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]any{
		"no pointer": sample{},
		"type": &struct {
			F float32 `env:"F"`
		}{},
		"default": &struct {
			N int `env:"N" default:"x"`
		}{},
		"default over the limit": &struct {
			N int `env:"N" default:"3" max:"2"`
		}{},
		"limit of a text": &struct {
			S string `env:"S" min:"1"`
		}{},
		"twice": &struct {
			A, B string `env:"A"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			fieldsOf(target)
		})
	}
}

func TestDescribe_GivesDefaultsAndEffectiveGivesValues(t *testing.T) {
	t.Parallel()
	s := sample{Queue: "q", URL: NewSecret("postgres://u:p@h/d")}
	i := slices.IndexFunc(Describe(&s), func(s Setting) bool { return s.Name == "MASKLINE_WAIT_TIME" })
	want := Setting{
		Name: "MASKLINE_WAIT_TIME", Flag: "--wait-time", Type: "DURATION", Default: "20s", Min: "0s", Max: "20s",
		Help: "Long poll.", Value: "0s",
	}
	if got := Describe(&s)[i]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	values := Effective(&s)
	// False and zero are values, not defaults to be filled in.
	if values["MASKLINE_QUEUE"] != "q" || values["DATABASE_URL"] != "***" || values["MASKLINE_KEEP_LISTENING"] != "false" {
		t.Errorf("values %v", values)
	}
}

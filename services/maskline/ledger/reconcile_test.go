package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/maskline/maskline/pkg/local/queue"
	"github.com/maskline/maskline/pkg/testkit"
	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/ledger"
	"github.com/maskline/maskline/services/maskline/traffic"
	"github.com/maskline/maskline/services/writer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const sentMS = 1_718_206_942_785 // 2024-06-12T15:42:22.785Z

// scene is a table and two queues of a test's own.
type scene struct {
	tb     testing.TB
	server *queue.Server
	place  ledger.Place
}

// The table is made once, and copied into a schema of each test's own: a database takes longer.
var (
	once      sync.Once
	migration error
	scenes    atomic.Int64
)

func newScene(tb testing.TB) *scene {
	tb.Helper()
	dsn := testkit.Postgres(tb)
	once.Do(func() {
		migration = writer.Migrate(tb.Context(), dsn, writer.MigrateOptions{Apply: true}, &strings.Builder{})
	})
	if migration != nil {
		tb.Fatal(migration)
	}
	db, err := pgx.Connect(tb.Context(), dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close(context.WithoutCancel(tb.Context())) })
	schema := fmt.Sprint("scene_", scenes.Add(1))
	if _, err := db.PgConn().Exec(tb.Context(), "CREATE SCHEMA "+schema+"; SET search_path = "+schema+
		"; CREATE TABLE user_logins (LIKE public.user_logins INCLUDING ALL)").ReadAll(); err != nil {
		tb.Fatal(err)
	}
	s := &scene{tb: tb, server: queue.New(queue.Options{})}
	if _, err := s.server.Listen(""); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.server.Close() })
	s.place = ledger.Place{DB: db, Table: schema + ".user_logins", Source: s.open(tb, "logins"), DeadLetters: s.open(tb, "letters")}
	return s
}

func (s *scene) open(tb testing.TB, name string) *traffic.Queue {
	tb.Helper()
	if err := s.server.CreateQueue(name, nil); err != nil {
		tb.Fatal(err)
	}
	q, err := traffic.Open(tb.Context(), s.server.URL(name))
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

func (s *scene) exec(tb testing.TB, sql string, args ...any) {
	tb.Helper()
	if _, err := s.place.DB.Exec(tb.Context(), sql, args...); err != nil {
		tb.Fatal(err)
	}
}

// row writes the row that good(id) expects, at a sent time.
func (s *scene) row(tb testing.TB, id string, ms int64) {
	tb.Helper()
	s.exec(tb, `INSERT INTO user_logins (user_id, masked_ip, app_version, create_date, event_id)
		VALUES ('user ' || $1::text, 'h1.k1.' || $1::text, 2003000, (to_timestamp($2::bigint / 1000) AT TIME ZONE 'UTC')::date, $3)`,
		id, ms, fetcher.Origin{ID: id, SentMS: ms}.EventID())
}

// letter puts a letter into the dead-letter queue.
func (s *scene) letter(tb testing.TB, id, reject string) {
	tb.Helper()
	attributes := map[string]queue.Attribute{
		fetcher.OriginAttribute: {DataType: "String", StringValue: fetcher.Origin{ID: id, SentMS: sentMS}.Attribute()},
	}
	if reject != "" {
		attributes[fetcher.RejectAttribute] = queue.Attribute{DataType: "String", StringValue: reject}
	}
	if _, err := s.server.Send("letters", queue.Message{Body: "x", Attributes: attributes}); err != nil {
		tb.Fatal(err)
	}
}

func good(id string) ledger.Expected {
	return ledger.Expected{ID: id, Row: map[string]*string{
		"user_id": new("user " + id), "masked_ip": new("h1.k1." + id), "app_version": new("2003000"), "locale": nil,
	}}
}

func bad(id string) ledger.Expected {
	return ledger.Expected{ID: id, Reason: "bad_format", Column: "ip"}
}

func (s *scene) reconcile(tb testing.TB, o ledger.Options, sent ...ledger.Expected) ledger.Findings {
	tb.Helper()
	f, err := ledger.Reconcile(tb.Context(), s.place, sent, o)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

const badIP = `{"reason":"bad_format","column":"ip","stage":"masker"}`

func TestReconcile_AccountsForEveryMessage(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.row(t, "a", sentMS)
	s.row(t, "b", sentMS+1)
	s.letter(t, "c", badIP)
	s.letter(t, "c", badIP)
	f := s.reconcile(t, ledger.Options{}, good("a"), good("b"), bad("c"), ledger.Expected{ID: "d", Skipped: true})
	if err := f.Err(); err != nil {
		t.Error(err)
	}
	if f.Sent != 4 || f.InTable != 2 || f.DeadLettered != 1 || f.Skipped != 1 || f.LetterCopies != 1 || f.Rows != 2 || f.Letters != 2 || f.InSource != 0 {
		t.Errorf("%+v", f)
	}
	if visible, hidden, _ := s.server.Counts("letters"); visible != 2 || hidden != 0 {
		t.Errorf("%d letters are visible and %d hidden: they were not given back", visible, hidden)
	}
}

// Each of these is one thing wrong; the judge must find that and nothing else.
func TestReconcile_FindsEachFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(s *scene)
		list func(f ledger.Findings) ledger.List
		want string // in the list
		err  string
	}{
		"lost": {
			func(s *scene) { s.exec(s.tb, "DELETE FROM user_logins WHERE user_id = 'user a'") },
			func(f ledger.Findings) ledger.List { return f.Lost }, "a", "1 lost (a)",
		},
		"doubled at another time": {
			func(s *scene) { s.row(s.tb, "a", sentMS+5000) },
			func(f ledger.Findings) ledger.List { return f.Doubled }, "a", "1 doubled (a)",
		},
		"doubled without the unique key": {
			func(s *scene) {
				s.exec(s.tb, "ALTER TABLE user_logins DROP CONSTRAINT user_logins_event_id_key")
				s.row(s.tb, "a", sentMS)
			},
			func(f ledger.Findings) ledger.List { return f.Doubled }, "a", "1 doubled (a)",
		},
		"another mask": {
			func(s *scene) {
				s.exec(s.tb, "UPDATE user_logins SET masked_ip = 'h1.k1.x' WHERE user_id = 'user a'")
			},
			func(f ledger.Findings) ledger.List { return f.Wrong }, "a: masked_ip", "1 with another row than expected (a: masked_ip)",
		},
		"NULL where there is a value, and the other way round": {
			func(s *scene) {
				s.exec(s.tb, "UPDATE user_logins SET app_version = NULL, locale = '' WHERE user_id = 'user a'")
			},
			func(f ledger.Findings) ledger.List { return f.Wrong }, "a: app_version, locale", "another row",
		},
		"another date": {
			func(s *scene) {
				s.exec(s.tb, "UPDATE user_logins SET create_date = create_date + 1 WHERE user_id = 'user a'")
			},
			func(f ledger.Findings) ledger.List { return f.Wrong }, "a: create_date", "another row",
		},
		"good and dead-lettered": {
			func(s *scene) { s.letter(s.tb, "a", badIP) },
			func(f ledger.Findings) ledger.List { return f.GoodDeadLettered }, "a", "1 dead-lettered though good (a)",
		},
		"bad and in the table": {
			func(s *scene) { s.row(s.tb, "b", sentMS) },
			func(f ledger.Findings) ledger.List { return f.BadInTable }, "b", "1 in the table though bad (b)",
		},
		"another reason": {
			func(s *scene) { s.letter(s.tb, "b", `{"reason":"missing","column":"ip","stage":"masker"}`) },
			func(f ledger.Findings) ledger.List { return f.WrongReason }, "b: missing in ip", "1 dead-lettered with another reason",
		},
		"another column": {
			func(s *scene) {
				s.letter(s.tb, "b", `{"reason":"bad_format","column":"locale","stage":"masker"}`)
			},
			func(f ledger.Findings) ledger.List { return f.WrongReason }, "b: bad_format in locale", "another reason",
		},
		"a stranger's row": {
			func(s *scene) { s.row(s.tb, "x", sentMS) },
			func(f ledger.Findings) ledger.List { return f.Strangers }, "row ", "1 rows or letters that nobody sent",
		},
		"a stranger's letter": {
			func(s *scene) { s.letter(s.tb, "x", badIP) },
			func(f ledger.Findings) ledger.List { return f.Strangers }, "letter x", "nobody sent (letter x)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.row(t, "a", sentMS)
			s.letter(t, "b", badIP)
			if err := s.reconcile(t, ledger.Options{}, good("a"), bad("b")).Err(); err != nil {
				t.Fatalf("before the fault: %v", err)
			}
			c.do(s)
			f := s.reconcile(t, ledger.Options{}, good("a"), bad("b"))
			if list := c.list(f); list.Count != 1 || len(list.IDs) != 1 || !strings.HasPrefix(list.IDs[0], c.want) {
				t.Errorf("%+v, want one %q", f, c.want)
			}
			err := f.Err()
			if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), ";") {
				t.Errorf("got %v, want %q and no more", err, c.err)
			}
		})
	}
}

func TestReconcile_ALetterThatTheQueueItselfMovedTellsNoReason(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ids, err := s.server.Send("letters", queue.Message{Body: "x"})
	if err != nil {
		t.Fatal(err)
	}
	f := s.reconcile(t, ledger.Options{}, bad(ids[0]))
	if f.Unexplained.Count != 1 || f.DeadLettered != 1 || f.Lost.Count != 0 {
		t.Errorf("%+v", f)
	}
	s.letter(t, ids[0], badIP) // another copy tells it
	if err := s.reconcile(t, ledger.Options{}, bad(ids[0])).Err(); err != nil {
		t.Error(err)
	}
}

// SQS' own redrive gives a message a new id: the row of the copy belongs to nobody, and is the same login again.
func TestReconcile_ACopyUnderANewIDIsADoubled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.row(t, "a", sentMS)
	s.exec(t, `INSERT INTO user_logins SELECT user_id, device_type, masked_ip, masked_device_id, locale, app_version, create_date, $1 FROM user_logins`,
		fetcher.Origin{ID: "minted", SentMS: sentMS}.EventID())
	f := s.reconcile(t, ledger.Options{}, good("a"))
	if f.Doubled.Count != 1 || f.Doubled.IDs[0] != "a" || f.Strangers.Count != 1 {
		t.Errorf("%+v", f)
	}
	if f := s.reconcile(t, ledger.Options{Others: true}, good("a")); f.Doubled.Count != 1 {
		t.Errorf("among others: %+v", f)
	}
}

func TestReconcile_WhatMayStillComeIsPendingAndNotLost(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.row(t, "a", sentMS)
	if _, err := s.server.Send("logins", queue.Message{Body: "x"}); err != nil {
		t.Fatal(err)
	}
	f := s.reconcile(t, ledger.Options{}, good("a"), good("b"))
	if f.Pending.Count != 1 || f.Lost.Count != 0 || f.InSource != 1 || f.Source.Visible != 1 {
		t.Errorf("queued: %+v", f)
	}
	if err := f.Err(); !errors.Is(err, ledger.ErrPending) || !strings.Contains(err.Error(), "1 of 2 messages are still on the way") {
		t.Errorf("got %v", err)
	}
	pass := s.place.Source.Look()
	if got, err := pass.Next(t.Context()); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if f = s.reconcile(t, ledger.Options{}, good("a"), good("b")); f.Pending.Count != 1 || f.Source.InFlight != 1 {
		t.Errorf("in flight: %+v", f)
	}
	if f = s.reconcile(t, ledger.Options{Drained: true}, good("a"), good("b")); f.Lost.Count != 1 || f.Pending.Count != 0 {
		t.Errorf("said to be drained: %+v", f)
	}
	if err := pass.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestReconcile_LettersThatOthersHideMayBeTheMissing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.letter(t, "b", badIP)
	pass := s.place.DeadLetters.Look()
	if got, err := pass.Next(t.Context()); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	f := s.reconcile(t, ledger.Options{}, bad("b"))
	if f.Pending.Count != 1 || f.LettersUnread != 1 || f.Lost.Count != 0 {
		t.Errorf("%+v", f)
	}
	if err := pass.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.reconcile(t, ledger.Options{}, bad("b")).Err(); err != nil {
		t.Error(err)
	}
}

func TestReconcile_NamesAFewAndCountsAll(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var sent []ledger.Expected
	for i := range 50 {
		sent = append(sent, good(fmt.Sprint("m", i)))
	}
	f := s.reconcile(t, ledger.Options{Most: 4}, sent...)
	if f.Lost.Count != 50 || !slices.Equal(f.Lost.IDs, []string{"m0", "m1", "m2", "m3"}) {
		t.Errorf("%+v", f.Lost)
	}
	if err := f.Err(); err == nil || !strings.Contains(err.Error(), "50 lost (m0, m1, m2, …)") {
		t.Errorf("got %v", err)
	}
}

func TestReconcile_SaysWhatItCannotLookAt(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	elsewhere := s.place
	elsewhere.Table = "public.orders"
	nowhere := s.place
	nowhere.Source = &traffic.Queue{Client: s.place.Source.Client, URL: s.server.URL("none")}
	mute := s.place
	mute.DeadLetters = nowhere.Source
	other := good("a")
	other.Row["basket"] = nil
	for want, c := range map[string]struct {
		place ledger.Place
		sent  []ledger.Expected
	}{
		"table public.orders: missing":               {elsewhere, []ledger.Expected{good("a")}},
		".user_logins: it has no column basket":      {s.place, []ledger.Expected{other}},
		"none: ":                                     {nowhere, []ledger.Expected{good("a")}},
		"none: receive":                              {mute, []ledger.Expected{good("a")}},
		"ledger entry 2: message a is in the ledger": {s.place, []ledger.Expected{good("a"), bad("a")}},
		"ledger entry 1: needs one of row, reason":   {s.place, []ledger.Expected{{ID: "a"}}},
	} {
		if _, err := ledger.Reconcile(t.Context(), c.place, c.sent, ledger.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ledger.Reconcile(ctx, s.place, nil, ledger.Options{Settle: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// BenchmarkReconcile is the goal of ten seconds for a hundred thousand rows, with a thousand letters.
func BenchmarkReconcile(b *testing.B) {
	const rows, letters = 100_000, 1000
	s := newScene(b)
	sent := make([]ledger.Expected, 0, rows+letters)
	input := make([][]any, 0, rows)
	for i := range rows {
		e := good(fmt.Sprint("m", i))
		sent = append(sent, e)
		input = append(input, []any{
			*e.Row["user_id"], *e.Row["masked_ip"], int32(2003000), time.UnixMilli(sentMS).UTC(), fetcher.Origin{ID: e.ID, SentMS: sentMS}.EventID(),
		})
	}
	columns := []string{"user_id", "masked_ip", "app_version", "create_date", "event_id"}
	if _, err := s.place.DB.CopyFrom(b.Context(), pgx.Identifier{"user_logins"}, columns, pgx.CopyFromRows(input)); err != nil {
		b.Fatal(err)
	}
	for i := range letters {
		id := fmt.Sprint("bad", i)
		sent = append(sent, bad(id))
		s.letter(b, id, badIP)
	}
	b.ReportAllocs()
	for b.Loop() {
		f, err := ledger.Reconcile(b.Context(), s.place, sent, ledger.Options{})
		if err = errors.Join(err, f.Err()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(sent))*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/traffic"
)

// Place is everything that is looked at, from outside.
type Place struct {
	// DB is a connection of the reader's own. It is used for one query at a time.
	DB *pgx.Conn
	// Table is `table` or `schema.table`, as a mapping has it.
	Table string
	// Source is the queue that was sent to. Nil counts as drained.
	Source *traffic.Queue
	// DeadLetters is its dead-letter queue; nil: there is none. All that is in it is received once and given back, which
	// raises the receive counts and hides the letters from others meanwhile.
	DeadLetters *traffic.Queue
}

// Options tune Reconcile. The zero value suits a table and queues that only the ledger's messages came to.
type Options struct {
	// Settle is the time between two readings of the source queue's depth before it counts as empty. Queues on AWS need
	// a few seconds, the embedded one none. Default 0.
	Settle time.Duration
	// Drained says that the caller knows the source queue to be empty: what is nowhere is lost, whatever it counts.
	Drained bool
	// Others says that rows and letters of messages that are not in the ledger are fine.
	Others bool
	// Most is how many ids each list names at most. Default 20.
	Most int
}

const defaultMost = 20

// Reconcile holds the ledger against the table and the queues, and accounts for every id. A message in neither is lost
// only if the source queue was empty in two readings before the others were looked at, for a message leaves it after it
// has arrived; and if no letters were hidden. Redrive nothing meanwhile: a letter on its way back may be missed.
//
// It reads rows as a stream, in the order of event ids, and keeps about a hundred bytes per message beside the ledger.
// The error says why something could not be looked at; Findings.Err says what does not add up.
func Reconcile(ctx context.Context, place Place, sent []Expected, o Options) (Findings, error) {
	if o.Most == 0 {
		o.Most = defaultMost
	}
	j, err := newJudge(sent, o)
	if err != nil {
		return Findings{}, err
	}
	empty, err := j.readSource(ctx, place.Source)
	if err != nil {
		return j.f, err
	}
	if place.DeadLetters != nil {
		if err := j.readLetters(ctx, place.DeadLetters); err != nil {
			return j.f, err
		}
	}
	if err := j.readRows(ctx, Rows{DB: place.DB, Table: place.Table}); err != nil {
		return j.f, err
	}
	if place.Source != nil {
		if j.f.Source, err = place.Source.Depth(ctx); err != nil {
			return j.f, err
		}
		j.f.InSource = j.f.Source.Sum()
	}
	j.close(o.Drained || empty && j.f.InSource == 0 && j.f.LettersUnread == 0)
	return j.f, nil
}

// judge holds the state of one reconciliation.
type judge struct {
	Options

	sent  []Expected
	index map[Key]int32
	seen  []sighting
	f     Findings
	// byRow finds a message by its row's content. It is made when the first stranger comes.
	byRow map[[16]byte]int32
}

// sighting is what was seen of one message.
type sighting struct {
	rows, letters int32
	// explained says that a letter gave the expected reason.
	explained bool
}

func newJudge(sent []Expected, o Options) (*judge, error) {
	j := &judge{Options: o, sent: sent, index: make(map[Key]int32, len(sent)), seen: make([]sighting, len(sent)), f: Findings{Sent: len(sent)}}
	for i, e := range sent {
		if err := e.check(); err != nil {
			return nil, fmt.Errorf("ledger entry %d: %w", i+1, err)
		}
		key := KeyOfMessage(e.ID)
		if _, twice := j.index[key]; twice {
			return nil, fmt.Errorf("ledger entry %d: message %s is in the ledger twice", i+1, e.ID)
		}
		j.index[key] = int32(i)
	}
	return j, nil
}

// readSource says whether the queue was empty in two readings.
func (j *judge) readSource(ctx context.Context, source *traffic.Queue) (empty bool, err error) {
	if source == nil {
		return true, nil
	}
	for range 2 {
		if j.f.Source, err = source.Depth(ctx); err != nil || j.f.Source.Sum() > 0 {
			return false, err
		}
		select {
		case <-time.After(j.Settle):
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	return true, nil
}

func (j *judge) readLetters(ctx context.Context, queue *traffic.Queue) (err error) {
	pass := queue.Look(fetcher.OriginAttribute, fetcher.RejectAttribute)
	defer func() { err = errors.Join(err, pass.Close(ctx)) }()
	if err := eachLetter(ctx, pass, j.letter); err != nil {
		return err
	}
	j.f.LettersUnread, err = pass.Unread(ctx)
	return err
}

// letter notes one letter.
func (j *judge) letter(l Letter) {
	j.f.Letters++
	i, known := j.index[KeyOfMessage(l.ID)]
	if !known {
		j.stranger("letter " + l.ID)
		return
	}
	s, e := &j.seen[i], &j.sent[i]
	if s.letters++; s.letters > 1 {
		j.f.LetterCopies++
	}
	switch {
	case e.Reason == "" || l.Reject.Reason == "":
	case l.Reject.Reason == e.Reason && l.Reject.Column == e.Column:
		s.explained = true
	default:
		s.explained = true // if not as expected
		j.f.WrongReason.add(j.Most, e.ID+": "+l.Reject.words())
	}
}

func (j *judge) stranger(who string) {
	if j.Others {
		j.f.Others++
		return
	}
	j.f.Strangers.add(j.Most, who)
}

// close decides about every message. over says that there is no place left where one may still be.
func (j *judge) close(over bool) {
	for i, e := range j.sent {
		s := j.seen[i]
		if s.rows > 0 {
			j.f.InTable++
		}
		if s.letters > 0 {
			j.f.DeadLettered++
		}
		if s.rows > 1 {
			j.f.Doubled.add(j.Most, e.ID)
		}
		if s.rows > 0 && e.Row == nil {
			j.f.BadInTable.add(j.Most, e.ID)
		}
		switch {
		case s.letters > 0 && e.Reason == "":
			j.f.GoodDeadLettered.add(j.Most, e.ID)
		case s.letters > 0 && !s.explained:
			j.f.Unexplained.add(j.Most, e.ID)
		case s.letters > 0 || s.rows > 0:
		case e.Skipped:
			j.f.Skipped++
		case over:
			j.f.Lost.add(j.Most, e.ID)
		default:
			j.f.Pending.add(j.Most, e.ID)
		}
	}
}

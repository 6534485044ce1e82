package simulation

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// database is one table of Postgres with a unique index on the event id, and what a client can see of it: transactions
// that wait for each other, errors with their codes, and the end of a connection, which says nothing about a COMMIT.
type database struct {
	world       *World
	rows        map[eventID]int // committed: the body of each row
	claimed     map[eventID]*transaction
	connections []*connection
	down        bool
	broken      string // what an operator has to mend, or empty
}

type eventID = [16]byte

// connection is one client's, with at most one transaction.
type connection struct {
	database *database
	process  *process
	life     int
	closed   bool
	running  *transaction
}

// transaction holds the ids that it has inserted; others that want one of them wait for its end.
type transaction struct {
	ids     []eventID
	waiting []func()
	over    bool
}

var errBroken = errors.New("unexpected EOF")

func newDatabase(w *World) *database {
	return &database{world: w, rows: map[eventID]int{}, claimed: map[eventID]*transaction{}}
}

func code(sqlstate string) error {
	return &pgconn.PgError{Code: sqlstate, ConstraintName: "a_constraint"}
}

// connect opens a connection.
func (d *database) connect(p *process, answer func(*connection, error)) {
	p.after(d.world.between(ms, 100*ms), func() {
		if d.down {
			answer(nil, errBroken)
			return
		}
		c := &connection{database: d, process: p, life: p.life}
		d.connections = append(d.connections, c)
		answer(c, nil)
	})
}

// answer brings an answer to the client, unless its life or the connection is over.
func (c *connection) answer(d time.Duration, do func()) {
	c.database.world.after(d, func() { c.process.during(c.life, do) })
}

// insert opens a transaction and inserts rows in the order of their ids, which are sorted: ON CONFLICT DO NOTHING skips
// those that are there. It answers with the ids that were new.
func (c *connection) insert(ids []eventID, answer func(map[eventID]struct{}, error)) {
	d, w := c.database, c.database.world
	t := &transaction{}
	c.running = t
	fail := func(err error) {
		d.rollback(t)
		c.answer(w.latency(), func() { answer(nil, err) })
	}
	delay := w.latency()
	if w.strikes(slowStatement) {
		delay += w.between(second, 15*second)
	}
	inserted := map[eventID]struct{}{}
	var step func(i int)
	step = func(i int) {
		for ; i < len(ids); i++ {
			switch other := d.claimed[ids[i]]; {
			case c.closed || t.over:
				fail(errBroken)
				return
			case other != nil && other != t:
				w.count(lockWait)
				other.waiting = append(other.waiting, func() { step(i) })
				return
			}
			b := w.bodies[w.byEvent[ids[i]]]
			if b.fate == unwritable {
				fail(code(b.sqlstate))
				return
			}
			if _, there := d.rows[ids[i]]; !there && d.claimed[ids[i]] == nil {
				d.claimed[ids[i]] = t
				t.ids = append(t.ids, ids[i])
				inserted[ids[i]] = struct{}{}
			}
		}
		c.answer(w.latency(), func() { answer(inserted, nil) })
	}
	w.after(delay, func() {
		switch {
		case c.closed || d.down:
			fail(errBroken)
		case d.broken != "":
			fail(code(d.broken))
		case w.strikes(shortTrouble):
			fail(code([...]string{"40P01", "55P03", "40001", "57P01", "53300", "25006", "57014"}[w.random.IntN(7)]))
		case w.strikes(statementTimeout):
			fail(errRanOut)
		case w.strikes(stalePlan):
			fail(code("0A000"))
		default:
			step(0)
		}
	})
}

// errRanOut is the statement timeout's own error.
var errRanOut = code("57014")

// commit ends the transaction. Its answer may be lost when all is done, or the request when nothing is.
func (c *connection) commit(answer func(error)) {
	d, w, t := c.database, c.database.world, c.running
	w.after(w.latency(), func() {
		switch {
		case w.strikes(lostCommitRequest) || t.over || d.down:
			c.drop()
			c.answer(w.latency(), func() { answer(errBroken) })
		case w.strikes(rolledBackCommit):
			d.rollback(t)
			c.answer(w.latency(), func() { answer(errors.New("commit: Postgres rolled back")) })
		default:
			d.apply(t)
			if w.strikes(lostCommitAnswer) {
				c.drop()
				c.answer(w.between(ms, 3*second), func() { answer(errBroken) })
				return
			}
			c.answer(w.latency(), func() { answer(nil) })
		}
	})
}

// apply makes the rows of a transaction durable.
func (d *database) apply(t *transaction) {
	for _, id := range t.ids {
		d.rows[id] = d.world.byEvent[id]
		d.world.checkRow(id)
	}
	d.finish(t)
}

func (d *database) rollback(t *transaction) { d.finish(t) }

// finish gives the ids of a transaction free.
func (d *database) finish(t *transaction) {
	if t.over {
		return
	}
	t.over = true
	for _, id := range t.ids {
		delete(d.claimed, id)
	}
	for _, next := range t.waiting {
		d.world.after(0, next)
	}
}

// abandon is a client's crash: the server notices after a while, and until then its locks stay. A COMMIT that is on its
// way is carried out.
func (c *connection) abandon() {
	c.database.world.after(c.database.world.between(0, 5*second), c.drop)
}

// drop ends a connection, and rolls back what it has not committed.
func (c *connection) drop() {
	d := c.database
	c.closed = true
	d.connections = slices.DeleteFunc(d.connections, func(x *connection) bool { return x == c })
	if c.running != nil {
		d.rollback(c.running)
	}
}

// restart ends all connections, and for a while refuses new ones.
func (d *database) restart() {
	w := d.world
	w.note("database", "restarts")
	d.down = true
	for _, c := range slices.Clone(d.connections) {
		c.drop()
	}
	w.after(w.between(500*ms, 5*second), func() {
		d.down = false
		w.note("database", "is back")
	})
}

// breakFor is trouble that an operator must mend, and does after a while.
func (d *database) breakFor(long time.Duration) {
	w := d.world
	if d.broken != "" {
		return
	}
	d.broken = [...]string{"42P01", "42501", "53100", "58030", "XX000", "28000"}[w.random.IntN(6)]
	w.note("database", "answers %s to everything", d.broken)
	w.after(long, func() {
		d.broken = ""
		w.note("database", "is mended")
	})
}

func sortIDs(ids []eventID) {
	slices.SortFunc(ids, func(a, b eventID) int { return bytes.Compare(a[:], b[:]) })
}

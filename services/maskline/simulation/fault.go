package simulation

// fault is one kind of what goes wrong. Each seed has some of them, each at a rate of its own: a seed with all of them
// at once would seldom get to the rare states between two.
type fault int

// The kinds. Those of the queue and of Postgres keep their contracts: all of it happens to users of AWS and Postgres.
const (
	lostReceiveRequest fault = iota
	lostReceiveAnswer
	lostDeleteRequest
	lostDeleteAnswer
	lostExtendRequest
	lostExtendAnswer
	lostLetterRequest
	lostLetterAnswer
	failedEntry
	ignoredDelete
	secondDelivery
	returnOfTheDeleted
	slowQueue
	refusedStaleHandle

	resetStream
	silentStream
	stalledStream
	forgedCount
	forgedVerdict
	forgedOutcome

	crashedFetcher
	crashedMasker
	crashedWriter
	stoppedFetcher
	stoppedMasker
	stoppedWriter
	slowMasker

	restartedDatabase
	lostCommitAnswer
	lostCommitRequest
	rolledBackCommit
	slowStatement
	statementTimeout
	shortTrouble
	longTrouble
	stalePlan
	lockWait

	brokenMapping
	redrivenByUs
	redrivenBySQS
	deadLetteredBySQS

	faults // how many there are
)

var faultNames = [faults]string{
	"receive request lost", "receive answer lost", "delete request lost", "delete answer lost", "extend request lost",
	"extend answer lost", "letter request lost", "letter answer lost", "entry of a batch failed", "delete without effect",
	"second delivery", "deleted message came back", "slow queue", "stale handle refused",
	"stream reset", "stream silent", "stream stalled", "settlement with a wrong count", "settlement without a verdict",
	"settlement without an outcome",
	"fetcher crashed", "masker crashed", "writer crashed", "fetcher stopped", "masker stopped", "writer stopped", "slow masker",
	"database restarted", "COMMIT done, answer lost", "COMMIT lost", "COMMIT answered ROLLBACK", "slow statement",
	"statement timed out", "error that passes", "error that a person mends", "stale plan", "wait for a lock",
	"mistake in the mapping", "redriven by us", "redriven by SQS", "dead-lettered by SQS",
}

func (f fault) String() string { return faultNames[f] }

// drawRates chooses the faults of a seed. Calm seeds have a slow database and nothing else, to see what must not happen
// when nothing breaks.
func (w *World) drawRates() {
	for f := range faults {
		rate := w.random.Float64() * 0.08
		if w.random.IntN(2) == 0 && !w.calm {
			w.rates[f] = rate
		}
	}
	if w.calm {
		w.rates[slowStatement] = 0.3
	}
	if w.rates[returnOfTheDeleted] > 0.02 {
		w.rates[returnOfTheDeleted] = 0.02
	}
}

// strikes says whether a fault of this kind happens here and now.
func (w *World) strikes(f fault) bool {
	if w.healing || w.rates[f] == 0 || w.random.Float64() >= w.rates[f] {
		return false
	}
	w.count(f)
	return true
}

// count notes that a fault has happened.
func (w *World) count(f fault) {
	w.counts[f]++
	w.note("fault", "%s", f)
}

// chaos does, now and then, what comes from outside of every call: crashes, cuts, the operator.
func (w *World) chaos() {
	if w.healing {
		return
	}
	var all []fault
	for _, f := range fromOutside {
		if w.rates[f] > 0 {
			all = append(all, f)
		}
	}
	if len(all) > 0 {
		w.disturb(all[w.random.IntN(len(all))])
	}
	w.after(w.between(200*ms, 12*second), w.chaos)
}

// fromOutside are the faults that chaos brings; the others strike within calls.
var fromOutside = []fault{
	resetStream, silentStream, crashedFetcher, crashedMasker, crashedWriter, stoppedFetcher, stoppedMasker, stoppedWriter,
	restartedDatabase, longTrouble, redrivenByUs, redrivenBySQS,
}

func (w *World) disturb(f fault) {
	switch f {
	case resetStream, silentStream:
		if s := w.anyStream(); s != nil {
			w.count(f)
			s.cut(f == silentStream)
		}
	case crashedFetcher, stoppedFetcher:
		end(w, w.fetchers[w.random.IntN(len(w.fetchers))], f, crashedFetcher)
	case crashedMasker, stoppedMasker:
		end(w, w.maskers[w.random.IntN(len(w.maskers))], f, crashedMasker)
	case crashedWriter, stoppedWriter:
		end(w, w.writers[w.random.IntN(len(w.writers))], f, crashedWriter)
	case restartedDatabase:
		w.count(f)
		w.database.restart()
	case longTrouble:
		w.count(f)
		w.database.breakFor(w.between(second, 30*second))
	case redrivenByUs, redrivenBySQS:
		if len(w.queue.letters) > 0 {
			w.count(f)
			w.queue.redrive(w.random.IntN(len(w.queue.letters)), f == redrivenByUs)
		}
	default:
	}
}

// program is a process that can be ended and started again.
type program interface {
	base() *process
	start()
	crash(how string)
	stop()
	// rest checks that nothing is left when all work is done.
	rest()
}

// end crashes or stops a program, and has it started again later.
func end(w *World, p program, f, crash fault) {
	if !p.base().up || p.base().stopping {
		return
	}
	w.count(f)
	if f == crash {
		p.base().kill()
		return
	}
	p.stop()
}

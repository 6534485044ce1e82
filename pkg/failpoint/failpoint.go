// Package failpoint lets a test stop a process at an instant that no signal from outside can hit.
//
// It promises that a build without the tag `failpoint` holds nothing of it: Hit and Check are empty there and cost
// nothing. It never shows a value of an event: details are event ids, message ids and counts.
//
// A build with the tag obeys two variables. FAILPOINTS says what happens where:
//
//	FAILPOINTS='writer/after-commit=crash@3,masker/after-mask=pause:200ms@every'
//
// crash kills the process with SIGKILL, pause:DURATION holds the goroutine; @N says at which hit, default the first,
// @every at each. FAILPOINT_LOG names a file to which one line of JSON is appended before each act.
package failpoint

// Name is an instant in the life of a message.
type Name string

// The instants.
const (
	// FetcherAfterReceive is when a receive has answered with messages and none of them is in the in-flight table.
	FetcherAfterReceive Name = "fetcher/after-receive"
	// FetcherBeforeSend is when a frame is built and no stream has taken it. A frame that finds no stream comes by again.
	// A pause holds the whole fetcher.
	FetcherBeforeSend Name = "fetcher/before-send"
	// MaskerAfterMask is when rows are made and not yet on their way to a writer.
	MaskerAfterMask Name = "masker/after-mask"
	// WriterBeforeCommit is when INSERT has run and COMMIT is not sent.
	WriterBeforeCommit Name = "writer/before-commit"
	// WriterAfterCommit is when COMMIT has returned and no verdict is handed on.
	WriterAfterCommit Name = "writer/after-commit"
	// FetcherAfterSettlement is when verdicts are in the in-flight table and no message of theirs is deleted. A pause holds
	// the whole fetcher.
	FetcherAfterSettlement Name = "fetcher/after-settlement"
	// FetcherAfterLetter is when copies are in the dead-letter queue and the originals are not deleted.
	FetcherAfterLetter Name = "fetcher/after-letter"
)

// Names are all of them, in the order of a message's life.
func Names() []Name {
	return []Name{
		FetcherAfterReceive, FetcherBeforeSend, MaskerAfterMask, WriterBeforeCommit, WriterAfterCommit,
		FetcherAfterSettlement, FetcherAfterLetter,
	}
}

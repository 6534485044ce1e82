package ledger_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/maskline/maskline/services/fetcher"
	"github.com/maskline/maskline/services/maskline/ledger"
)

// The example of docs: a MessageId and the event id that it gives.
const (
	exampleMessage = "1a8c0722-fd55-49c0-9d63-b88d066c902d"
	exampleEvent   = "01900d1d4e418d0c959a63fb265f93f6"
)

func TestKey_IsWhatMessageAndEventShare(t *testing.T) {
	t.Parallel()
	var event [16]byte
	if _, err := hex.Decode(event[:], []byte(exampleEvent)); err != nil {
		t.Fatal(err)
	}
	if ledger.KeyOfMessage(exampleMessage) != ledger.KeyOfEvent(event) {
		t.Error("the event id does not carry the key of its message")
	}
	if ledger.KeyOfMessage("another") == ledger.KeyOfEvent(event) {
		t.Error("another message has the same key")
	}
}

func TestBook_LostIsWhatIsNowhere(t *testing.T) {
	t.Parallel()
	event := func(id string) [16]byte { return fetcher.Origin{ID: id, SentMS: 1_718_206_942_785}.EventID() }
	for name, c := range map[string]struct {
		rows, letters []string
		skipped, lost int
	}{
		"all there":                 {[]string{"a", "b"}, []string{"c"}, 0, 0},
		"one nowhere":               {[]string{"a"}, []string{"c"}, 0, 1},
		"one skipped":               {[]string{"a"}, []string{"c"}, 1, 0},
		"in both places":            {[]string{"a", "b", "c"}, []string{"c", "c"}, 0, 0},
		"strangers replace nothing": {[]string{"a", "x", "y"}, []string{"z"}, 0, 2},
	} {
		book := ledger.NewBook([]string{"a", "b", "c", ""})
		for _, id := range c.rows {
			book.Row(event(id))
		}
		for _, id := range c.letters {
			book.Letter(id)
		}
		if lost := book.Lost(c.skipped); lost != c.lost || book.Sent() != 3 {
			t.Errorf("%s: lost %d of %d, want %d of 3", name, lost, book.Sent(), c.lost)
		}
	}
}

func TestAccount_SaysWhatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	good := ledger.Account{Sent: 100, Committed: 99, RowsInTable: 99, DeadLettered: 1}
	if err := good.Err(); err != nil {
		t.Error(err)
	}
	lost, swallowed := good, good
	lost.Lost, swallowed.RowsInTable = 1, 98
	for want, a := range map[string]ledger.Account{"1 of 100 messages are lost": lost, "98 rows are in the table": swallowed} {
		if err := a.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

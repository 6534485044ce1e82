//go:build compose

package compose

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"testing"
)

// account is the compose file of whoever sends loads and accounts for them.
const account = "services/maskline/e2e/compose/testdata/account.yaml"

// sending is a load under way.
type sending struct {
	messages int
	ledger   string
	ended    chan string
}

// send starts sending sample logins that no other load has, for the name is their seed. Every hundredth is malformed.
func (p *project) send(t *testing.T, name string, messages int) *sending {
	t.Helper()
	seed := fnv.New32a()
	_, _ = seed.Write([]byte(name))
	s := &sending{messages: messages, ledger: "/ledgers/" + name, ended: make(chan string, 1)}
	cmd := p.command("run", "--rm", "-T", "account", "send", "--yes", "--ledger", s.ledger, "--seed", strconv.Itoa(int(seed.Sum32())),
		"--messages", strconv.Itoa(messages), "--rate", strconv.Itoa(rate))
	go func() {
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.ended <- fmt.Sprintf("%v: %s", err, out)
		}
		close(s.ended)
	}()
	return s
}

// arrive waits until all that was sent is settled, and accounts for every message of it: one row, with the values that
// were computed without the masker, or a dead letter with the right reason. It returns how many further copies of dead
// letters there are.
func (p *project) arrive(t *testing.T, s *sending) (copies int) {
	t.Helper()
	if trouble := <-s.ended; trouble != "" {
		t.Fatal(trouble)
	}
	out, err := p.command("run", "--rm", "-T", "account", "reconcile", s.ledger, "--others", "--json", "--wait", patience.String()).Output()
	var found struct {
		Sent         int    `json:"sent"`
		InTable      int    `json:"in_table"`
		DeadLettered int    `json:"dead_lettered"`
		LetterCopies int    `json:"letter_copies"`
		Fault        string `json:"fault"`
	}
	if bad := json.Unmarshal(out, &found); bad != nil {
		t.Fatalf("reconcile: %v, %v", err, bad)
	}
	malformed := s.messages / samples
	if err != nil || found.Fault != "" || found.Sent != s.messages || found.InTable != s.messages-malformed || found.DeadLettered != malformed {
		t.Errorf("reconcile: %v\n%s", err, out)
	}
	return found.LetterCopies
}

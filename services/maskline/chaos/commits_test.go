package chaos

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRecorded_ALineThatIsBeingWrittenIsNoneYet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "acts")
	if acts, err := recorded(path); err != nil || acts != nil {
		t.Fatalf("without a file: %v %v", acts, err)
	}
	const whole = `{"pid":1,"detail":"aa,bb"}` + "\n"
	for text, want := range map[string]int{"": 0, whole: 1, whole + `{"pid":2,"det`: 1, whole + whole: 2} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if acts, err := recorded(path); err != nil || len(acts) != want {
			t.Errorf("%q: %d acts, %v, want %d", text, len(acts), err, want)
		}
	}
	if err := os.WriteFile(path, []byte("no JSON\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := recorded(path); err == nil {
		t.Error("no error for a line that is whole and no JSON")
	}
}

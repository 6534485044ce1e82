package fetcher

import (
	"encoding/hex"
	"testing"
)

func TestOrigin_EventIDIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	id := Origin{ID: "1a8c0722-fd55-49c0-9d63-b88d066c902d", SentMS: 1718206942785}.EventID()
	if got, want := hex.EncodeToString(id[:]), "01900d1d4e418d0c959a63fb265f93f6"; got != want {
		t.Errorf("event id %s, want %s", got, want)
	}
}

func TestParseOrigin_ReadsBackWhatAttributeWrites(t *testing.T) {
	t.Parallel()
	for _, o := range []Origin{{"a", 0}, {"x;y", 12}, {"1a8c0722-fd55-49c0-9d63-b88d066c902d", maxSentMS}} {
		got, err := ParseOrigin(o.Attribute())
		if err != nil || got != o {
			t.Errorf("ParseOrigin(%q) = %v, %v", o.Attribute(), got, err)
		}
	}
}

func TestParseOrigin_RefusesWhatAttributeCannotWrite(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "1", "1;", "1;;5", "1;a", "1;a;", "2;a;5", "1;a;-1", "1;a;05", "1;a;+5", "1;a;281474976710656", "1;a;5 ", "a;5",
	} {
		if o, err := ParseOrigin(text); err == nil {
			t.Errorf("ParseOrigin(%q) = %v, want an error", text, o)
		}
	}
}

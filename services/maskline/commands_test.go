package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOverview_NamesEveryCommandOnAPage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"help"}, {"--help"}, {"-h"}} {
		page := maskline(t, nil, "", args...).want(t, 0).stdout
		fitsPage(t, page)
		for _, g := range tree() {
			for _, cmd := range g.commands {
				if !strings.Contains(page, "  "+cmd.name) || !strings.Contains(page, cmd.brief) {
					t.Errorf("%q: %s is missing", args, cmd.name)
				}
			}
		}
	}
}

func TestHelp_EveryCommandHasAPage(t *testing.T) {
	t.Parallel()
	for _, g := range tree() {
		for _, cmd := range g.commands {
			words := strings.Fields(cmd.name)
			page := maskline(t, nil, "", append(words, "--help")...).want(t, 0, "Usage: maskline "+cmd.name+" [flags]").stdout
			fitsPage(t, page)
			if again := maskline(t, nil, "", append([]string{"help"}, words...)...).want(t, 0).stdout; again != page {
				t.Errorf("help %s prints another page", cmd.name)
			}
		}
	}
}

func fitsPage(t *testing.T, page string) {
	t.Helper()
	for line := range strings.Lines(page) {
		if utf8.RuneCountInString(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
}

func TestUnknownCommand_IsAnsweredWithTheNearest(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{
		"dmeo": "did you mean demo?", "chek": "did you mean check?", "keys": "did you mean keys create?",
		"migrat": "did you mean migrate?", "frobnicate": "unknown command\n",
	} {
		maskline(t, nil, "", asked).want(t, 2, "maskline "+asked+": unknown command", want)
	}
}

func TestWrongUsage_EndsWith2AndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	bad := write(t, "bad.yaml", "version: 1\ntable: x\ncolums:\n  a: {type: text}\n")
	list := write(t, "list.json", `[{"a":1},`)
	away := []string{"MASKLINE_QUEUE=https://sqs.eu-west-1.amazonaws.com/1/x"}
	for _, c := range []struct {
		environ []string
		args    string
		want    string
	}{
		{nil, "demo --file " + list + " --messages 5", "choose one"},
		{nil, "demo --file " + list, "element 2"},
		{nil, "demo --file /nowhere.json", "/nowhere.json: no such file"},
		{nil, "demo --messages 0", "--messages"},
		{nil, "demo --mesages 5", "did you mean --messages?"},
		{nil, "demo 5", "one argument too many"},
		{nil, "demo --mapping " + bad, "bad.yaml:3:1: "},
		{nil, "demo --key-file " + bad, "bad.yaml"},
		{nil, "demo --sql /nowhere.sql", "/nowhere.sql"},
		{nil, "demo --rows /nowhere/rows", "--rows"},
		{[]string{"MASKLINE_REJECT_BREAK=1"}, "demo", "did you mean MASKLINE_REJECT_BRAKE?"},
		{nil, "dev --file /nowhere.json", "/nowhere.json: no such file"},
		{nil, "send --messages 5", "MASKLINE_QUEUE: required"},
		{away, "send", "--file FILE or --messages N"},
		{away, "send --messages 5", "AWS is not on this machine; add --yes to send 5 messages there"},
		{nil, "keys create", "FILE is missing"},
		{nil, "keys create x --id K_1", "1 to 16 of a-z and 0-9"},
		{nil, "check " + bad, "bad.yaml:3:1: unknown key \"colums\"; did you mean columns?"},
		{nil, "check nowhere.yaml", "mapping nowhere.yaml: no such file or directory; built in are login"},
		{nil, "preview login", "keys create"},
		{[]string{"DATABASE_URL=postgres://u:sesame@h:x/"}, "migrate", "DATABASE_URL"},
		{nil, "run", "MASKLINE_QUEUE: required"},
		{away, "run --wait-time 15s --shutdown-grace 20s --tables a.b.c", "--tables="},
		{away, "run --wait-time 15s --shutdown-grace 20s --tables a.b.c", "at least MASKLINE_WAIT_TIME + 10s = 25s"},
		{away, "run --tls-cert cert.pem", "MASKLINE_TLS_KEY"},
		{away, "run --check --wait-time 15s --shutdown-grace 20s", "at least MASKLINE_WAIT_TIME + 10s = 25s"},
	} {
		e := maskline(t, c.environ, "", strings.Fields(c.args)...).want(t, 2, c.want)
		if strings.Contains(e.stderr, "sesame") {
			t.Errorf("%s: a password is shown", c.args)
		}
	}
}

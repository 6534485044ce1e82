package mapping_test

import (
	"encoding/hex"
	"testing"

	"github.com/maskline/maskline/services/masker/mapping"
)

func TestMeta_EachSource(t *testing.T) {
	t.Parallel()
	r := &mapping.Record{
		Body:         []byte(`{}`),
		EventID:      [16]byte{0x01, 0x90, 0x0d, 0x1d, 0x4e, 0x41, 0x8d, 0x0c, 0x95, 0x9a, 0x63, 0xfb, 0x26, 0x5f, 0x93, 0xf6},
		SentAtMS:     sentAt,
		ReceiveCount: 3,
		MessageID:    "1A8C0722-fd55-49c0-9d63-b88d066c902d",
		GroupID:      "g",
		Queue:        "logins",
		TraceID:      "4bf92f3577b34da6a3ce929d0e0e4736",
		Attribute: func(name string) ([]byte, bool) {
			text, found := map[string]string{"tenant.id": "t1", "address": "::FFFF:192.0.2.1", "binary": "\xff", "nul": "\x00", "empty": ""}[name]
			return []byte(text), found
		},
	}
	empty := &mapping.Record{Body: []byte(`{}`)}
	for _, test := range []struct{ column, want, ofEmpty string }{
		{"{meta: message_id}", "1A8C0722-fd55-49c0-9d63-b88d066c902d", null},
		{"{meta: message_id, type: uuid}", "1a8c0722-fd55-49c0-9d63-b88d066c902d", null},
		{"{meta: message_id, required: true}", "1A8C0722-fd55-49c0-9d63-b88d066c902d", "missing meta:message_id"},
		{"{meta: event_id}", "01900d1d-4e41-8d0c-959a-63fb265f93f6", "00000000-0000-0000-0000-000000000000"},
		{"{meta: event_id, type: uuid}", "01900d1d-4e41-8d0c-959a-63fb265f93f6", "00000000-0000-0000-0000-000000000000"},
		{"{meta: sent_at, type: timestamp}", "2024-06-12T15:42:22.785000Z", "1970-01-01T00:00:00.000000Z"},
		{"{meta: sent_date, type: date}", "2024-06-12", "1970-01-01"},
		{"{meta: group_id, default: none}", "g", "none"},
		{"{meta: receive_count, type: integer, max: 3}", "3", "0"},
		{"{meta: receive_count, type: integer, max: 2}", "out_of_range meta:receive_count", "0"},
		{"{meta: queue}", "logins", null},
		{"{meta: trace_id, normalize: [upper]}", "4BF92F3577B34DA6A3CE929D0E0E4736", null},
		{"{meta: attribute.tenant.id}", "t1", null},
		{"{meta: attribute.address, type: ip}", "192.0.2.1", null},
		{"{meta: attribute.address, type: uuid}", "bad_format meta:attribute.address", null},
		{"{meta: attribute.address, type: ip, mask: {kind: redact}}", "***", null},
		{"{meta: attribute.binary}", "invalid_utf8 meta:attribute.binary", null},
		{"{meta: attribute.nul}", "nul_character meta:attribute.nul", null},
		{"{meta: attribute.empty}", null, null},
		{"{meta: attribute.other}", null, null},
		{"{meta: key_id}", "k1", "k1"},
	} {
		program := compile(t, columns("c: "+test.column))
		if got := outcome(program, r); got != test.want {
			t.Errorf("%s: got %s, want %s", test.column, got, test.want)
		}
		if got := outcome(program, empty); got != test.ofEmpty {
			t.Errorf("%s of an empty record: got %s, want %s", test.column, got, test.ofEmpty)
		}
	}
	program := compile(t, columns("c: {meta: mapping}"))
	hash := program.Mapping().Hash()
	if got := outcome(program, r); got != hex.EncodeToString(hash[:]) {
		t.Errorf("mapping: got %s", got)
	}
	for _, ms := range []int64{-1 << 62, 1 << 62, 253402300800000, -62135596800001} {
		r := &mapping.Record{Body: []byte(`{}`), SentAtMS: ms}
		if got := outcome(compile(t, columns("c: {meta: sent_date, type: date}")), r); got != "out_of_range meta:sent_date" {
			t.Errorf("%d: got %s", ms, got)
		}
	}
}

func TestCompile_KeyedMaskNeedsAKey(t *testing.T) {
	t.Parallel()
	for source, needs := range map[string]bool{
		columns("c: {mask: {kind: hmac-sha256, domain: d}}"): true,
		columns("c: {meta: key_id}"):                         true,
		columns("c: {mask: {kind: sha256}}"):                 false,
		columns("c: {mask: {kind: redact}}, d: {}"):          false,
	} {
		m, err := mapping.Parse("test.yaml", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = mapping.Compile(m, nil); (err != nil) != needs || m.NeedsKey() != needs {
			t.Errorf("%s: error %v, needs a key %v", source, err, m.NeedsKey())
		}
	}
}

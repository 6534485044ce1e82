package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/maskline/maskline/pkg/lifecycle"
	writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"
	"github.com/maskline/maskline/services/masker"
	"github.com/maskline/maskline/services/masker/mapping"
	"github.com/maskline/maskline/services/maskline/traffic"
)

func previewCommand() command {
	return command{
		name: "preview", positional: "MAPPING",
		brief: "show the rows that bodies from stdin would become",
		summary: "Reads message bodies from standard input (one JSON a line, one JSON array of them, or a single document) and " +
			"prints the row that each would become as a line of JSON, masked; or the reason why it would be rejected. All of it " +
			"happens here: nothing is sent and nothing written. What depends on the queue is as if the message was sent now; " +
			"message_id, event_id and attributes are empty. Exit code 1 if a body would be rejected.",
		run: preview,
	}
}

type previewSettings struct {
	Mapping string `env:"MASKLINE_MAPPING" default:"login" help:"The mapping, if none is named as argument: a file, or the name of a built-in one."`
	KeyFile string `env:"MASKLINE_KEY_FILE" help:"Key file, needed for keyed masks; made by: maskline keys create."`
}

func preview(_ context.Context, cmd command, c call) error {
	var s previewSettings
	rest, err := c.load(cmd, &s)
	if err != nil {
		return err
	}
	if len(rest) == 1 {
		s.Mapping = rest[0]
	}
	program, _, err := masker.LoadProgram(s.Mapping, s.KeyFile)
	if err != nil {
		return lifecycle.Exit(lifecycle.ExitUsage, err)
	}
	bodies, err := traffic.Read("standard input", c.stdin)
	if err != nil {
		return named(cmd, err)
	}
	rejected := 0
	for _, body := range bodies {
		values, result := program.Preview(&mapping.Record{
			Body: []byte(body.Body), SentAtMS: time.Now().UnixMilli(), ReceiveCount: 1,
		})
		if result.Verdict == mapping.Rejected {
			rejected++
		}
		if _, err := c.stdout.Write(previewLine(program.Mapping().Columns(), values, result)); err != nil {
			return err
		}
	}
	if rejected > 0 {
		return named(cmd, fmt.Errorf("%d of %d would be rejected", rejected, len(bodies)))
	}
	return nil
}

// previewLine is a row, or what became of it, as a line of JSON.
func previewLine(columns []mapping.Column, values []mapping.Value, result mapping.Result) []byte {
	switch result.Verdict {
	case mapping.Skipped:
		return []byte("{\"skipped\":true}\n")
	case mapping.Rejected:
		return fmt.Appendf(nil, "{\"rejected\":%s,\"field\":%s}\n", quoted(string(result.Reason)), quoted(result.Field))
	case mapping.Accepted:
	}
	var line bytes.Buffer
	for i, v := range values {
		line.WriteByte("{,"[min(i, 1)])
		line.WriteString(quoted(v.Name) + ":")
		switch {
		case v.Null:
			line.WriteString("null")
		case plain(columns[i].Type) && json.Valid([]byte(v.Text)):
			line.WriteString(v.Text)
		default:
			line.WriteString(quoted(v.Text))
		}
	}
	line.WriteString("}\n")
	return line.Bytes()
}

// plain says that a type's text is JSON as it stands.
func plain(t writerv1.ColumnType) bool {
	switch t {
	case writerv1.ColumnType_COLUMN_TYPE_INTEGER, writerv1.ColumnType_COLUMN_TYPE_NUMERIC, writerv1.ColumnType_COLUMN_TYPE_FLOAT,
		writerv1.ColumnType_COLUMN_TYPE_BOOLEAN, writerv1.ColumnType_COLUMN_TYPE_VERSION:
		return true
	default:
		return false
	}
}

func quoted(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil { // a string only
		return `""`
	}
	return string(encoded)
}

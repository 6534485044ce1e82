package ledger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Rows is a table of masked rows, read from outside.
type Rows struct {
	// DB is a connection of the reader's own.
	DB *pgx.Conn
	// Table is `table` or `schema.table`, as a mapping has it.
	Table string
}

func (r Rows) quoted() string { return pgx.Identifier(strings.SplitN(r.Table, ".", 2)).Sanitize() }

// Count counts the rows.
func (r Rows) Count(ctx context.Context) (n int, err error) {
	if err := r.DB.QueryRow(ctx, "SELECT count(*) FROM "+r.quoted()).Scan(&n); err != nil {
		return 0, fmt.Errorf("table %s: %w", r.Table, err)
	}
	return n, nil
}

// Enter notes every row in the book.
func (r Rows) Enter(ctx context.Context, book *Book) error {
	rows, err := r.DB.Query(ctx, "SELECT event_id FROM "+r.quoted()+" WHERE event_id IS NOT NULL")
	if err != nil {
		return fmt.Errorf("table %s: %w", r.Table, err)
	}
	var id [16]byte
	if _, err = pgx.ForEachRow(rows, []any{&id}, func() error { book.Row(id); return nil }); err != nil {
		return fmt.Errorf("table %s: %w", r.Table, err)
	}
	return nil
}

// Row is one row for a person or a file.
type Row struct {
	// MessageID is that of the message, or empty for a row that nobody in the book has sent.
	MessageID string
	// EventID is the event's id.
	EventID [16]byte
	// JSON is an object of all columns, event_id first, the others in the table's order.
	JSON []byte
}

// Each reads the rows in the order of their event ids.
func (r Rows) Each(ctx context.Context, book *Book, visit func(Row) error) error {
	columns, err := r.columns(ctx)
	if err != nil {
		return err
	}
	rows, err := r.DB.Query(ctx, "SELECT event_id, row_to_json(r)::text FROM (SELECT "+columns+" FROM "+r.quoted()+
		" WHERE event_id IS NOT NULL) r ORDER BY event_id")
	if err != nil {
		return fmt.Errorf("table %s: %w", r.Table, err)
	}
	var id [16]byte
	var text string
	_, err = pgx.ForEachRow(rows, []any{&id, &text}, func() error {
		message, _ := book.MessageID(id)
		return visit(Row{MessageID: message, EventID: id, JSON: []byte(text)})
	})
	if err != nil {
		return fmt.Errorf("table %s: %w", r.Table, err)
	}
	return nil
}

// columns is the table's columns, for a SELECT.
func (r Rows) columns(ctx context.Context) (string, error) {
	names, err := r.columnNames(ctx)
	for i, name := range names {
		names[i] = pgx.Identifier{name}.Sanitize()
	}
	return strings.Join(names, ", "), err
}

func (r Rows) columnNames(ctx context.Context) ([]string, error) {
	rows, err := r.DB.Query(ctx, `SELECT attname::text FROM pg_attribute
		WHERE attrelid = to_regclass($1)::oid AND attnum > 0 AND NOT attisdropped
		ORDER BY attname <> 'event_id', attnum`, r.quoted())
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", r.Table, err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", r.Table, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("table %s: missing", r.Table)
	}
	return names, nil
}

// Write writes every row as a line of JSON with its MessageId in front.
func (r Rows) Write(ctx context.Context, book *Book, to io.Writer) error {
	w := bufio.NewWriter(to)
	err := r.Each(ctx, book, func(row Row) error {
		_, err := w.Write(row.Line())
		return err
	})
	return errors.Join(err, w.Flush())
}

// Line is the row as a line of JSON.
func (r Row) Line() []byte {
	id, err := json.Marshal(r.MessageID)
	if err != nil || r.MessageID == "" {
		id = []byte("null")
	}
	line := append([]byte(`{"message_id":`), id...)
	line = append(line, ',')
	return append(append(line, r.JSON[1:]...), '\n')
}

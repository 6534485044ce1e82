package writer

import (
	"strings"
	"testing"
)

func TestPlan_StatementIsSortedNamesItsConflictTargetAndCastsWithoutLength(t *testing.T) {
	t.Parallel()
	s, err := NewShape(schemaOf("shop.Orders", "who:text", "code:text", "n:integer", "at:timestamp"))
	if err != nil {
		t.Fatal(err)
	}
	table := &table{asked: s.table, quoted: quoteTable(s.table), columns: []tableColumn{
		{name: "who", base: baseType{schema: "pg_catalog", name: "varchar", typmod: 8}},
		{name: "code", base: baseType{schema: "pg_catalog", name: "bpchar", typmod: 5}},
		{name: "n", base: baseType{schema: "pg_catalog", name: "int4", typmod: -1}},
		{name: "at", base: baseType{schema: "pg_catalog", name: "timestamp", typmod: -1}},
	}}
	p := makePlan(s, table)
	want := strings.Join([]string{
		`INSERT INTO "shop"."Orders" ("event_id", "who", "code", "n", "at")`,
		`SELECT u.id, u.c0::"pg_catalog"."varchar", u.c1::"pg_catalog"."bpchar", u.c2::"pg_catalog"."int4",`,
		`u.c3::pg_catalog.timestamptz AT TIME ZONE 'UTC'`,
		`FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) AS u(id, c0, c1, c2, c3)`,
		`ORDER BY 1 ON CONFLICT ("event_id") DO NOTHING RETURNING "event_id"`,
	}, " ")
	if p.sql != want {
		t.Errorf("\n%s\nwant\n%s", p.sql, want)
	}
	if p.limits[0].chars != 4 || p.limits[1].chars != 1 || !p.limits[2].integer || p.limits[3].chars != 0 {
		t.Errorf("limits %+v", p.limits)
	}
}

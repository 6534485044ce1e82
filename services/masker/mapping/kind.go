package mapping

import writerv1 "github.com/maskline/maskline/proto/gen/maskline/writer/v1"

// kind is how a column's value is read.
type kind uint8

const (
	kindText kind = iota
	kindInteger
	kindNumeric
	kindFloat
	kindBoolean
	kindUUID
	kindIP
	kindDate
	kindTimestamp
	kindVersion
	kindCount
)

// kindRule is what the grammar says about a kind.
type kindRule struct {
	name     string
	wire     writerv1.ColumnType
	json     string // What JSON it reads, for complaints.
	maskable bool
	bounded  bool // min and max apply.
}

func (k kind) rule() kindRule {
	return [kindCount]kindRule{
		kindText:      {"text", writerv1.ColumnType_COLUMN_TYPE_TEXT, "a string", true, true},
		kindInteger:   {"integer", writerv1.ColumnType_COLUMN_TYPE_INTEGER, "a number", true, true},
		kindNumeric:   {"numeric", writerv1.ColumnType_COLUMN_TYPE_NUMERIC, "a number", false, true},
		kindFloat:     {"float", writerv1.ColumnType_COLUMN_TYPE_FLOAT, "a number", false, true},
		kindBoolean:   {"boolean", writerv1.ColumnType_COLUMN_TYPE_BOOLEAN, "true or false", false, false},
		kindUUID:      {"uuid", writerv1.ColumnType_COLUMN_TYPE_UUID, "a string", true, false},
		kindIP:        {"ip", writerv1.ColumnType_COLUMN_TYPE_IP, "a string", true, false},
		kindDate:      {"date", writerv1.ColumnType_COLUMN_TYPE_DATE, "a string", true, false},
		kindTimestamp: {"timestamp", writerv1.ColumnType_COLUMN_TYPE_TIMESTAMP, "a string", false, false},
		kindVersion:   {"version", writerv1.ColumnType_COLUMN_TYPE_VERSION, "a string", false, false},
	}[k]
}

func (k kind) String() string { return k.rule().name }

// numeric reports whether values are compared as numbers.
func (k kind) numeric() bool { return k == kindInteger || k == kindNumeric || k == kindFloat }

func kindNamed(name string) (kind, bool) {
	for k := range kindCount {
		if k.rule().name == name {
			return k, true
		}
	}
	return 0, false
}

func kindNames() []string {
	names := make([]string, 0, kindCount)
	for k := range kindCount {
		names = append(names, k.rule().name)
	}
	return names
}

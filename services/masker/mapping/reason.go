package mapping

// Verdict is what the masker decided about one record.
type Verdict uint8

const (
	// Rejected records can never be written as they are. It is the zero value: nothing is accepted by omission.
	Rejected Verdict = iota
	// Accepted records were appended to the batch.
	Accepted
	// Skipped records are not wanted: `when` did not match and `otherwise` is skip.
	Skipped
)

// Reason says why a record was rejected. The list is closed; docs/mapping.md explains each.
type Reason string

// The reasons that the masker gives. The other stages add bad_origin, database_value and database_constraint.
const (
	NotJSON      Reason = "not_json"
	TrailingData Reason = "trailing_data"
	DuplicateKey Reason = "duplicate_key"
	InvalidUTF8  Reason = "invalid_utf8"
	NulCharacter Reason = "nul_character"
	NotObject    Reason = "not_object"
	TooDeep      Reason = "too_deep"
	NoMatch      Reason = "no_match"
	Missing      Reason = "missing"
	WrongType    Reason = "wrong_type"
	BadFormat    Reason = "bad_format"
	OutOfRange   Reason = "out_of_range"
	TooLong      Reason = "too_long"
	NotInSet     Reason = "not_in_set"
	UnknownField Reason = "unknown_field"
)

// Unmapped stands for any field that the mapping does not name. Such a name is data: it is never repeated.
const Unmapped = "(unmapped)"

// Result is what became of one record. It never holds a value of the record.
type Result struct {
	// Verdict is always set.
	Verdict Verdict
	// Reason is set when rejected.
	Reason Reason
	// Field is the path as the mapping writes it, `meta:NAME` for metadata, Unmapped, or "" where no single field is
	// to blame.
	Field string
}

func rejected(reason Reason, field string) Result {
	return Result{Verdict: Rejected, Reason: reason, Field: field}
}

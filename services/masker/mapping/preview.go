package mapping

// Value is one column of a previewed row.
type Value struct {
	// Name is the column.
	Name string
	// Text is the value in Postgres' text form, masked where the mapping says so; "" for NULL.
	Text string
	// Null says that the value is NULL.
	Null bool
}

// Preview runs one record and returns the row that it would become, in the mapping's order, or no row and why. It
// writes nothing. It tells whoever may call it the mask of any value: guard it.
func (p *Program) Preview(r *Record) ([]Value, Result) {
	batch := p.NewBatch()
	result := p.NewWorker().Apply(r, batch)
	if result.Verdict != Accepted {
		return nil, result
	}
	row := make([]Value, len(p.columns))
	for i := range p.columns {
		text, null := batch.value(0, i)
		row[i] = Value{Name: p.columns[i].name, Text: string(text), Null: null}
	}
	return row, result
}

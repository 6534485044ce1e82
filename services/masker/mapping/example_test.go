package mapping_test

import (
	"fmt"

	"github.com/maskline/maskline/services/masker/mapping"
)

// A mapping with a mistake in it: every complaint says where, what, and how to mend it.
func ExampleParse() {
	_, err := mapping.Parse("orders.yaml", []byte(`version: 1
table: orders
columns:
  id:    {type: uuid, requierd: true}
  email: {mask: {kind: hmac-sha256}}
`))
	fmt.Println(err)
	// Output:
	// orders.yaml:4:23: unknown key "requierd"; did you mean required?
	// orders.yaml:5:17: kind hmac-sha256 needs a domain; add domain: NAME; columns whose masks shall match share one
}

// A worker appends what it accepts and says why it rejects the rest.
func ExampleWorker_Apply() {
	m, err := mapping.Parse("orders.yaml", []byte(`
version: 1
table: orders
columns:
  id:    {type: integer, required: true}
  email: {mask: {kind: redact}}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	program, err := mapping.Compile(m, nil) // Nothing in it needs a key.
	if err != nil {
		fmt.Println(err)
		return
	}
	worker, batch := program.NewWorker(), program.NewBatch()
	for _, body := range []string{`{"id": 7, "email": "ann@example.org"}`, `{"id": "seven"}`} {
		result := worker.Apply(&mapping.Record{Body: []byte(body)}, batch)
		fmt.Printf("accepted: %t %s:%s\n", result.Verdict == mapping.Accepted, result.Field, result.Reason)
	}
	fmt.Println(string(batch.Proto().GetColumns()[1].GetData()))
	// Output:
	// accepted: true :
	// accepted: false id:wrong_type
	// ***
}

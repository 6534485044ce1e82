package mapping_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/maskline/maskline/services/masker/mapping"
)

func TestBatch_CarriesRowsColumnByColumn(t *testing.T) {
	t.Parallel()
	program := compile(t, columns("a: {}, b: {type: integer}"))
	worker, batch := program.NewWorker(), program.NewBatch()
	// Two rounds: after Proto the batch goes on with memory of its own.
	for round := range 2 {
		for i := range 100 {
			body := fmt.Sprintf(`{"a":"%d-%d","b":null}`, round, i)
			if i%9 == 8 {
				body = fmt.Sprintf(`{"b":%d}`, i)
			}
			worker.Apply(&mapping.Record{Body: []byte(body), EventID: [16]byte{byte(round), byte(i)}}, batch)
		}
		if batch.Count() != 100 {
			t.Fatalf("count %d", batch.Count())
		}
		size := batch.Size()
		message := batch.Proto()
		if batch.Count() != 0 || batch.Size() != 0 {
			t.Errorf("after Proto: %d rows, %d bytes", batch.Count(), batch.Size())
		}
		if wire := proto.Size(message); wire > size+100 || size > 3*wire {
			t.Errorf("size %d, on the wire %d", size, wire)
		}
		a, b := message.GetColumns()[0], message.GetColumns()[1]
		if message.GetRecordCount() != 100 || len(a.GetLengths()) != 100 || len(b.GetLengths()) != 100 || len(a.GetNulls()) != 13 || len(message.GetEventIds()) != 1600 {
			t.Fatalf("shape of %v", message)
		}
		data := a.GetData()
		for i, length := range a.GetLengths() {
			null := a.GetNulls()[i/8]&(1<<(i%8)) != 0
			if null != (i%9 == 8) || null && length != 0 || null == (b.GetNulls()[i/8]&(1<<(i%8)) != 0) {
				t.Errorf("row %d: null %v, length %d", i, null, length)
			}
			if want := fmt.Sprintf("%d-%d", round, i); !null && string(data[:length]) != want {
				t.Errorf("row %d: %s", i, data[:length])
			}
			if id := message.GetEventIds()[16*i:]; id[0] != byte(round) || id[1] != byte(i) {
				t.Errorf("row %d: event id %x", i, id[:16])
			}
			data = data[length:]
		}
	}
}

func TestBatch_ProtoHandsOverMemoryThatNothingElseWrites(t *testing.T) {
	t.Parallel()
	program := compile(t, columns("a: {}, b: {from: b}"))
	worker, batch := program.NewWorker(), program.NewBatch()
	first := record(`{"a":"first"}`)
	first.EventID = [16]byte{1}
	worker.Apply(first, batch)
	message := batch.Proto()
	before := proto.Clone(message)
	for range 50 {
		worker.Apply(record(`{"b":"other"}`), batch)
	}
	batch.Reset()
	worker.Apply(record(`{"b":"third"}`), batch)
	if !proto.Equal(before, message) {
		t.Errorf("the message changed to %v", message)
	}
	if second := batch.Proto(); second.GetRecordCount() != 1 || string(second.GetColumns()[1].GetData()) != "third" {
		t.Errorf("after Reset: %v", second)
	}
}

func TestApply_AllocatesNothingPerRecord(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process.
	program := builtin(t, "login")
	worker, batch := program.NewWorker(), program.NewBatch()
	records := logins(256)
	run := func() {
		batch.Reset()
		for i := range records {
			worker.Apply(&records[i], batch)
		}
	}
	run() // Scratch space grows to its size.
	if perRecord := testing.AllocsPerRun(20, run) / float64(len(records)); perRecord > 0.1 {
		t.Errorf("%.2f allocations per record", perRecord)
	}
}

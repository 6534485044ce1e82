//go:build !failpoint

package failpoint

import (
	"slices"
	"testing"
)

func TestHit_CostsNothingWithoutTheTag(t *testing.T) {
	t.Setenv("FAILPOINTS", "nonsense, writer/after-commit=crash@every")
	if err := Check(); err != nil {
		t.Errorf("it complains: %v", err)
	}
	ids := []byte("0123456789abcdef")
	allocated := testing.AllocsPerRun(100, func() {
		Hit(WriterAfterCommit, func() string { return List(slices.Chunk(ids, 16)) })
	})
	if allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}

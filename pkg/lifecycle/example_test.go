package lifecycle_test

import (
	"context"
	"fmt"

	"github.com/maskline/maskline/pkg/lifecycle"
)

func ExampleGroup() {
	service := func(name string) func(context.Context) error {
		return func(ctx context.Context) error {
			<-ctx.Done()
			fmt.Println(name, "stopped")
			return nil
		}
	}
	var group lifecycle.Group
	group.Add("writer", service("writer"))
	group.Add("masker", service("masker"))
	group.Add("fetcher", func(context.Context) error { return nil }) // Drained.
	fmt.Println(group.Run(context.Background()))
	// Output:
	// masker stopped
	// writer stopped
	// <nil>
}

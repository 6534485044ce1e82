package lifecycle

import (
	"cmp"
	"runtime/debug"
)

// version is set by the build: -ldflags "-X github.com/maskline/maskline/pkg/lifecycle.version=v1.2.3".
var version string

// Version is the release of this program; of a build without one, what the Go tool recorded.
func Version() string {
	recorded := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		recorded = info.Main.Version
	}
	return cmp.Or(version, recorded)
}

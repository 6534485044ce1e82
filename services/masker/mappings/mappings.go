// Package mappings holds the mappings that are built in. It promises that each of them compiles (a test of package
// mapping holds it to that) and never reads the disk.
package mappings

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

// Default is the mapping that is used when none is named.
const Default = "login"

//go:embed *.yaml
var files embed.FS

// Names returns the names of the built-in mappings, sorted.
func Names() []string {
	paths, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(path, ".yaml")
	}
	slices.Sort(paths)
	return paths
}

// Source returns the YAML of a built-in mapping. The name may be given with or without `.yaml`.
func Source(name string) ([]byte, bool) {
	source, err := files.ReadFile(strings.TrimSuffix(name, ".yaml") + ".yaml")
	return source, err == nil
}

package telemetry

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestMetrics_EachIsDescribedOnceAndInFull(t *testing.T) {
	t.Parallel()
	words := map[string]bool{}
	for _, w := range slices.Concat(Attributes(), Keys()) {
		words[w.Name] = true
		if !strings.HasSuffix(w.Help, ".") {
			t.Errorf("%s: %q is no sentence", w.Name, w.Help)
		}
	}
	seen, used := map[string]bool{}, map[string]bool{}
	for _, m := range Metrics() {
		for _, full := range m.FullNames() {
			if seen[full] {
				t.Errorf("%s is there twice", full)
			}
			seen[full] = true
		}
		if !strings.HasSuffix(m.Help, ".") || (m.Kind == Histogram) != (len(m.Buckets) > 0) || !slices.IsSorted(m.Buckets) {
			t.Errorf("%s is not described in full: %+v", m.Name, m)
		}
		if word := unitWords[m.Unit]; word == "" && m.Unit != "" && !strings.HasPrefix(m.Unit, "{") {
			t.Errorf("%s: the name of its unit %s in Prometheus is not known", m.Name, m.Unit)
		}
		for _, a := range m.Attributes {
			used[a] = true
		}
	}
	for _, s := range Spans() {
		for _, a := range s.Attributes {
			used[a] = true
		}
	}
	for a := range used {
		if !words[a] {
			t.Errorf("attribute %s is not described", a)
		}
	}
	for _, a := range Attributes() {
		if !used[a.Name] {
			t.Errorf("attribute %s is on no span and no metric", a.Name)
		}
	}
}

func TestNames_EachIsInTheListAndUsedByTheProgram(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, m := range Metrics() {
		listed[m.Name] = true
	}
	for _, s := range Spans() {
		listed[s.Name] = true
	}
	for _, w := range slices.Concat(Attributes(), Keys()) {
		listed[w.Name] = true
	}
	program := source(t)
	names := constants(t)
	if len(names) < 90 {
		t.Fatalf("%d names found", len(names))
	}
	for name, value := range names {
		if !listed[value] && !strings.HasPrefix(name, "System") && !strings.HasPrefix(name, "Stage") {
			t.Errorf("%s is in no list", name)
		}
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(program) {
			t.Errorf("nothing uses %s", name)
		}
	}
}

// constants are the names of names.go, and their values.
func constants(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "names.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, d := range file.Decls {
		for _, s := range d.(*ast.GenDecl).Specs {
			spec := s.(*ast.ValueSpec)
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all[spec.Names[0].Name] = value
		}
	}
	return all
}

// source is what is compiled into the services, without the lists themselves.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{"../../pkg", "../../services"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			list := slices.Contains([]string{"names.go", "metrics.go", "list.go"}, d.Name()) && strings.Contains(path, "telemetry")
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || list {
				return err
			}
			content, err := os.ReadFile(path)
			all.Write(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

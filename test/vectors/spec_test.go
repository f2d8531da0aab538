package vectors_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

const specification = "../../docs/format.md"

// A label, then the block and the line that say what the example is.
var exampleBlock = regexp.MustCompile("(?m)^<!-- example( bytes)?: (\\S+) -->\n(?:\n?```json\n(?s:(.*?))```\n\n`[^\n]*\n)?")

// TestExamplesInTheSpecification wants each labelled example to be the vector
// that its label names, and to decode.
func TestExamplesInTheSpecification(t *testing.T) {
	spec := string(must(os.ReadFile(specification))(t))
	n := 0
	made := exampleBlock.ReplaceAllStringFunc(spec, func(block string) string {
		n++
		m := exampleBlock.FindStringSubmatch(block)
		if !update {
			checkExample(t, m[2], m[3])
		}
		return example(t, m[2], m[1] != "")
	})
	if n < 15 || n != strings.Count(spec, "<!-- example") {
		t.Errorf("%d examples found, %d labels", n, strings.Count(spec, "<!-- example"))
	}
	if blocks := strings.Count(made, "```json"); blocks != n {
		t.Errorf("%d blocks of JSON, %d of them labelled", blocks, n)
	}
	if update {
		must(0, os.WriteFile(specification, []byte(made), 0o644))(t)
		return
	}
	if diff := cmp.Diff(made, spec); diff != "" {
		t.Errorf("docs/format.md: -made +in the file (UPDATE_GOLDEN=1 rewrites it)\n%s", diff)
	}
}

// checkExample takes the block as a reader of the page would: its content, in
// canonical form, is a document that decodes.
func checkExample(t *testing.T, path, block string) {
	t.Helper()
	raw := strictjson.Raw(strings.Clone(block))
	if err := raw.Canonicalize(); err != nil {
		t.Errorf("example %s: %v", path, err)
		return
	}
	kind, name := filepath.Dir(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".json")
	if rule, err := decode(t, kind, name, raw); err != nil {
		t.Errorf("example %s breaks rule %q: %v", path, rule, err)
	}
}

func example(t *testing.T, path string, exact bool) string {
	t.Helper()
	data := read(t, path)
	label, shown := "<!-- example: "+path+" -->", strictjson.Raw(strings.Clone(string(data)))
	if exact {
		label = "<!-- example bytes: " + path + " -->"
	} else if err := shown.Indent(jsontext.WithIndent("  ")); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return fmt.Sprintf("%s\n```json\n%s\n```\n\n`%s`, %d bytes, `%s`\n", label, shown, path, len(data), digest.FromBytes(data))
}

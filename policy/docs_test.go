package policy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
)

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestExamplesInTheDocumentationParse(t *testing.T) {
	t.Parallel()
	readKey := func(name string) ([]byte, error) {
		_, _, _, pem := signtest.Key(t, name)
		return pem, nil
	}
	examples := yamlBlock.FindAllStringSubmatch(read(t, "../docs/policy.md"), -1)
	if len(examples) < 6 {
		t.Errorf("%d examples found", len(examples))
	}
	for _, m := range examples {
		text := m[1]
		if !strings.HasPrefix(text, "version: 1") { // members of an index
			text = "version: 1" + keys + "indexes:\n- name: tools/3.4/cpu-ubi9\n" + text
		}
		if _, err := policy.Parse([]byte(text), readKey); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

func parsed(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEveryMemberIsDocumented(t *testing.T) {
	t.Parallel()
	text := read(t, "../docs/policy.md")
	members := 0
	for _, file := range []string{"file.go", "policy.go"} {
		ast.Inspect(parsed(t, file), func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			tag, _ := strconv.Unquote(field.Tag.Value)
			if member := reflect.StructTag(tag).Get("yaml"); member != "" {
				members++
				if !regexp.MustCompile("`" + member + "[`.]|[.]" + member + "`|\n" + member + ":").MatchString(text) {
					t.Errorf("%q is not in docs/policy.md", member)
				}
			}
			return true
		})
	}
	if members < 25 {
		t.Errorf("%d members found", members)
	}
}

func TestEveryReasonIsDocumented(t *testing.T) {
	t.Parallel()
	text := read(t, "../docs/verification.md")
	codes := 0
	ast.Inspect(parsed(t, "refusal.go"), func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, v := range spec.Values {
			code, _ := strconv.Unquote(v.(*ast.BasicLit).Value)
			codes++
			if !strings.Contains(text, "\n| `"+code+"` |") {
				t.Errorf("%q has no row in docs/verification.md", code)
			}
		}
		return true
	})
	if codes < 30 {
		t.Errorf("%d codes found", codes)
	}
}

package vectors_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rulesInCode are the rule names that the packages give to Violates and to
// their own helpers that take a rule.
func rulesInCode(t testing.TB, packages ...string) []string {
	t.Helper()
	takers := []string{"Violates", "checkNumber", "checkTime", "checkText", "checkList"}
	found := map[string]bool{}
	for _, dir := range packages {
		for _, file := range must(filepath.Glob(filepath.Join("..", "..", dir, "*.go")))(t) {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed := must(parser.ParseFile(token.NewFileSet(), file, nil, 0))(t)
			ast.Inspect(parsed, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) == 0 || !slices.Contains(takers, calledName(call)) {
					return true
				}
				if lit, ok := call.Args[0].(*ast.BasicLit); ok {
					found[must(strconv.Unquote(lit.Value))(t)] = true
				}
				return true
			})
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// outcomes are the names that the vectors use besides the rules of the code.
var outcomes = []string{ruleStatement, ruleBundle, ruleNoMatch, ruleBuild, ruleGzip}

// notInFiles are rules that no vector file shows, with the reason.
var notInFiles = map[string]string{
	"writer": "no document holds the name of a writer; names.json has cases",
}

// TestEveryRuleHasAVector fails when the code gets a rule that no invalid
// vector breaks.
func TestEveryRuleHasAVector(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	for _, v := range vectors(t) {
		if !v.valid {
			shown[v.rule()] = true
		}
	}
	want := rulesInCode(t, "pkg/artifact", "pkg/index")
	if len(want) < 40 {
		t.Fatalf("only %d rules found in the code", len(want))
	}
	want = slices.DeleteFunc(append(want, outcomes...), func(rule string) bool { return notInFiles[rule] != "" })
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), slices.Sorted(maps.Keys(shown))); diff != "" {
		t.Errorf("rules: -in the code +shown by a vector\n%s", diff)
	}
}

// TestRulesAreInTheSpecification compares the table of rules in docs/format.md
// with the code.
func TestRulesAreInTheSpecification(t *testing.T) {
	t.Parallel()
	spec := string(must(os.ReadFile("../../docs/format.md"))(t))
	_, table, ok := strings.Cut(spec, "<!-- rules -->")
	if !ok {
		t.Fatal("docs/format.md has no table marked <!-- rules -->")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	var have []string
	for line := range strings.Lines(table) {
		if rule, _, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "`"); ok && strings.HasPrefix(line, "| `") {
			have = append(have, rule)
		}
	}
	want := append(rulesInCode(t, "pkg/artifact", "pkg/index"), ruleGzip)
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("rules: -in the code +in docs/format.md\n%s", diff)
	}
}

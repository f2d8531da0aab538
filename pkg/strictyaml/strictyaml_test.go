package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/strictyaml"
)

type document struct {
	List []strictyaml.Text          `yaml:"list"`
	Map  map[string]strictyaml.Text `yaml:"map"`
	Name strictyaml.Text            `yaml:"name"`
}

func TestUnmarshal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, refused string }{
		{"text, quoted and not", "name: linux_x86_64\nlist: [\"3.10\", '3.11', cpu]\nmap: {torch: ==2.9.*}\n", ""},
		{"a block of text", "name: |\n  3.10\n", ""},
		{"a comment beside", "# of a target\nname: x # here\n", ""},
		{"a number that would lose its zero", "name: 3.10\n", `[1:7] want text: write "3.10" in quotes`},
		{"a number in a list", "list: [3.10]\n", `write "3.10" in quotes`},
		{"a number in a map", "map: {glibc: 2.30}\n", `write "2.30" in quotes`},
		{"a truth value", "map: {gate: off}\nname: true\n", `write "true" in quotes`},
		{"a list for text", "name: [x]\n", "want a single value"},
		{"an unknown member", "names: x\n", "unknown field"},
		{"a member twice", "name: x\nname: y\n", "name"},
		{"a member without a value", "name:\n", "without a value"},
		{"a second document", "name: x\n---\nname: y\n", "2 documents"},
		{"an anchor", "name: &a x\nmap: {b: *a}\n", "anchors"},
		{"a tag", "name: !!str 3.10\n", "tags"},
		{"nothing", "", "the file is empty"},
		{"only a comment", "# x\n", "the file is empty"},
		{"brackets without end", strings.Repeat("[", 1<<15), "brackets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var d document
			err := strictyaml.Unmarshal([]byte(tt.text), &d)
			if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
				t.Errorf("%v, want %q", err, tt.refused)
			}
		})
	}
	var d document
	if err := strictyaml.Unmarshal([]byte("list: [\"3.10\"]\nname: |\n  3.10\n"), &d); err != nil || d.List[0] != "3.10" || d.Name != "3.10\n" {
		t.Errorf("%+v, %v", d, err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte("name: x\nlist: [\"3.10\"]\n"))
	f.Add([]byte("map: {a: &b c, d: *b}\n---\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		var d document
		_ = strictyaml.Unmarshal(data, &d) // it must only return
	})
}

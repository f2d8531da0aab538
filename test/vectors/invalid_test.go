package vectors_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// row derives one invalid vector: the document kind/valid/base.json with one
// edit becomes kind/invalid/name.json, where name is <rule>--<what>.
type row struct {
	base string
	name string
	edit edit
}

type edit func(*testing.T, string) string

// then makes a second edit after the first, where one thing needs two.
func (e edit) then(next edit) edit {
	return func(t *testing.T, s string) string {
		t.Helper()
		return next(t, e(t, s))
	}
}

// swap replaces text that must be there exactly once.
func swap(from, to string) edit {
	return func(t *testing.T, s string) string {
		t.Helper()
		if n := strings.Count(s, from); n != 1 {
			t.Errorf("%q is there %d times", from, n)
		}
		return strings.Replace(s, from, to, 1)
	}
}

// first replaces the first of several.
func first(from, to string) edit {
	return func(t *testing.T, s string) string {
		t.Helper()
		if n := strings.Count(s, from); n < 2 {
			t.Errorf("%q is there %d times", from, n)
		}
		return strings.Replace(s, from, to, 1)
	}
}

// last replaces the last of several.
func last(from, to string) edit {
	return func(t *testing.T, s string) string {
		t.Helper()
		i := strings.LastIndex(s, from)
		if i < 0 || strings.Count(s, from) < 2 {
			t.Errorf("%q is not there, or only once", from)
			return s
		}
		return s[:i] + to + s[i+len(from):]
	}
}

// cut takes out what stands from one text up to the next place of another.
func cut(from, to string) edit {
	return func(t *testing.T, s string) string {
		t.Helper()
		before, rest, ok := strings.Cut(s, from)
		i := strings.Index(rest, to)
		if !ok || i < 0 {
			t.Errorf("%q … %q is not there", from, to)
			return s
		}
		return before + rest[i:]
	}
}

// times repeats the element of a list that begins with from and has no list in
// it, so that it is there n times.
func times(n int, from string) edit {
	return func(t *testing.T, s string) string {
		t.Helper()
		i := strings.Index(s, from)
		end := strings.Index(s[max(i, 0):], "]")
		if i < 0 || end < 0 {
			t.Errorf("%q … ] is not there", from)
			return s
		}
		return s[:i] + strings.Repeat(s[i:i+end]+",", n-1) + s[i:]
	}
}

func whole(text string) edit {
	return func(*testing.T, string) string { return text }
}

func after(text string) edit {
	return func(_ *testing.T, s string) string { return s + text }
}

// exchange makes two texts, each there once, change places.
func exchange(a, b string) edit {
	return func(t *testing.T, s string) string {
		t.Helper()
		if strings.Count(s, a) != 1 || strings.Count(s, b) != 1 {
			t.Errorf("%q and %q are not there once each", a, b)
		}
		return strings.NewReplacer(a, b, b, a).Replace(s)
	}
}

// layers edits the list of layers of a manifest, or of entries of an index.
func layers(member string, f func([]strictjson.Raw) []strictjson.Raw) edit {
	return func(t *testing.T, s string) string {
		t.Helper()
		before, rest, _ := strings.Cut(s, `"`+member+`":`)
		list, after, ok := strings.Cut(rest, `],"mediaType":"application/vnd.oci.image.`)
		var elements []strictjson.Raw
		if err := strictjson.Unmarshal([]byte(list+"]"), &elements); !ok || err != nil {
			t.Errorf("no list %q: %v", member, err)
			return s
		}
		elements = f(elements)
		if elements == nil {
			elements = []strictjson.Raw{}
		}
		made, err := strictjson.Marshal(elements)
		if err != nil {
			t.Error(err)
		}
		return before + `"` + member + `":` + strings.TrimSuffix(string(made), "]") + `],"mediaType":"application/vnd.oci.image.` + after
	}
}

// total leaves n layers: it takes away the last ones, or repeats the last one.
func total(n int) edit {
	return layers("layers", func(list []strictjson.Raw) []strictjson.Raw {
		for len(list) < n {
			list = append(list, list[len(list)-1])
		}
		return list[:n]
	})
}

// reversed turns the list around.
func reversed(member string) edit {
	return layers(member, func(list []strictjson.Raw) []strictjson.Raw {
		slices.Reverse(list)
		return list
	})
}

// makeInvalid adds the invalid vectors of all kinds.
func (w *world) makeInvalid() {
	t := w.t.(*testing.T)
	for kind, rows := range map[string][]row{
		"wheel": wheelRows, "sdist": sdistRows, "catalog-manifest": catalogManifestRows, "signature": signatureRows,
		"head": headRows, "release-manifest": releaseManifestRows, "subset-manifest": subsetManifestRows,
		"catalog": catalogRows(), "revision": revisionRows(w), "retired": retiredRows(w), "release": releaseRows, "subset": subsetRows,
		"statements/revision": claimsRows, "statements/promotion": promotionRows(), "statements/freshness": freshnessRows,
		"statements/release": releaseStatementRows,
	} {
		for _, r := range rows {
			path := kind + "/valid/" + r.base + ".json"
			base, ok := w.files[path]
			if !ok {
				t.Fatalf("%s/invalid/%s: there is no %s", kind, r.name, path)
			}
			t.Run(kind+"/"+r.name, func(t *testing.T) {
				made := r.edit(t, string(base))
				if made == string(base) {
					t.Error("the edit changes nothing")
				}
				w.put(kind+"/invalid/"+r.name+".json", []byte(made))
			})
		}
	}
	w.invalidGzip()
	w.invalidBundles()
}

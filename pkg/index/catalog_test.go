package index_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

func TestAnyCatalogComesBack(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		c := random(r)
		data, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := index.DecodeCatalog(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if diff := cmp.Diff(c, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("catalog: -in +out\n%s", diff)
		}
		if twice, err := again.Encode(); err != nil || string(twice) != string(data) {
			t.Fatalf("the bytes differ: %v\n%s\n%s", err, data, twice)
		}
	}
}

// TestYankedWithoutReasonStaysYanked: an empty reason is not no reason.
func TestYankedWithoutReasonStaysYanked(t *testing.T) {
	t.Parallel()
	f := pure("alpha", "1.0")
	f.Yanked = new(string)
	data, err := catalog(project("alpha", f)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err := index.DecodeCatalog(data)
	if err != nil || c.Projects[0].Files[0].Yanked == nil {
		t.Errorf("%s: not yanked any more, %v", data, err)
	}
}

// TestEncodeRefuses has what a program can put into a catalog and a document
// cannot hold; documents are in test/vectors.
func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule string
		edit func(*index.Catalog)
	}{
		"nothing":                {"", func(*index.Catalog) {}},
		"serial 2^53-1":          {"", func(c *index.Catalog) { c.Serial = 1<<53 - 1 }},
		"serial 2^53":            {"serial", func(c *index.Catalog) { c.Serial = 1 << 53 }},
		"epoch 2^63":             {"epoch", func(c *index.Catalog) { c.Epoch = 1 << 63 }},
		"size 2^53":              {"size", func(c *index.Catalog) { c.Projects[0].Files[0].Size = 1 << 53 }},
		"no time":                {"issued", func(c *index.Catalog) { c.Issued = time.Time{} }},
		"a nanosecond":           {"issued", func(c *index.Catalog) { c.Issued = day.Add(1) }},
		"another zone":           {"issued", func(c *index.Catalog) { c.Issued = day.In(time.FixedZone("", 3600)) }},
		"a zone that is UTC":     {"", func(c *index.Catalog) { c.Issued = day.In(time.FixedZone("somewhere", 0)) }},
		"year 10000":             {"issued", func(c *index.Catalog) { c.Issued = day.AddDate(8000, 0, 0) }},
		"upload time of no file": {"upload-time", func(c *index.Catalog) { c.Projects[0].Files[0].UploadTime = time.Time{} }},
		"summary not UTF-8":      {"json", func(c *index.Catalog) { c.Projects[0].Summary = "\xff" }},
		"summary of the limit":   {"", func(c *index.Catalog) { c.Projects[0].Summary = strings.Repeat("x", index.MaxSummary) }},
		"summary over the limit": {"summary", func(c *index.Catalog) { c.Projects[0].Summary = strings.Repeat("x", index.MaxSummary+1) }},
		"no-break space is text": {"", func(c *index.Catalog) { c.Projects[0].Summary = "\u00a0" }},
		"null":                   {"summary", func(c *index.Catalog) { c.Projects[0].Summary = "\x00" }},
		"unit separator":         {"summary", func(c *index.Catalog) { c.Projects[0].Summary = "\x1f" }},
		"next line":              {"summary", func(c *index.Catalog) { c.Projects[0].Summary = "\u0085" }},
		"paragraph separator":    {"license", func(c *index.Catalog) { c.Projects[0].License = "\u2029" }},
		"ext not JSON":           {"json", func(c *index.Catalog) { c.Ext = strictjson.Raw(`{"a"`) }},
		"ext twice the same":     {"json", func(c *index.Catalog) { c.Ext = strictjson.Raw(`{"a":1,"a":1}`) }},
		"ext is a string":        {"ext", func(c *index.Catalog) { c.Ext = strictjson.Raw(`"a"`) }},
		"ext with spaces":        {"", func(c *index.Catalog) { c.Ext = strictjson.Raw(`{"b": 1.0, "a": 2}`) }},
		"another package type":   {"package-type", func(c *index.Catalog) { c.Projects[0].Files[0].PackageType = "bdist_rpm" }},
		"project without a name": {"order", func(c *index.Catalog) { c.Projects[0].Name = "" }},
		"project name too long":  {"project", func(c *index.Catalog) { c.Projects = []index.Project{{Name: strings.Repeat("a", 247), Changed: 1}} }},
		"project path":           {"project", func(c *index.Catalog) { c.Projects = []index.Project{{Name: "../etc", Changed: 1}} }},
		"file listed and retired": {"duplicate-filename", func(c *index.Catalog) {
			c.Retired = []index.RetiredFile{{File: pure("alpha", "1.0"), Since: 1, At: day}}
		}},
		"file retired": {"", func(c *index.Catalog) {
			c.Retired = []index.RetiredFile{{File: pure("alpha", "0.9"), Since: 5, At: day}}
		}},
		"listed and withdrawn":     {"withdrawn", func(c *index.Catalog) { c.Withdrawn = withdrawn("alpha-1.0-py3-none-any.whl", 1) }},
		"withdrawn in the future":  {"since", func(c *index.Catalog) { c.Withdrawn = withdrawn("alpha-0.9-py3-none-any.whl", 6) }},
		"withdrawn with an escape": {"withdrawn", func(c *index.Catalog) { c.Withdrawn = withdrawn("\x1b[2J-1.0-py3-none-any.whl", 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := catalog(project("alpha", pure("alpha", "1.0")))
			c.edit(made)
			data, err := made.Encode()
			if got := ruleOf(t, err); got != c.rule {
				t.Fatalf("rule %q, want %q: %v", got, c.rule, err)
			}
			if err != nil {
				return
			}
			if _, err := index.DecodeCatalog(data); err != nil {
				t.Errorf("what was encoded does not decode: %v", err)
			}
		})
	}
}

func withdrawn(filename string, since uint64) []index.Withdrawn {
	return []index.Withdrawn{{Filename: filename, SHA256: blob(filename).Digest.Encoded(), Since: since}}
}

func TestCatalogIsBounded(t *testing.T) {
	t.Parallel()
	if _, err := index.DecodeCatalog(make([]byte, index.MaxCatalog+1)); ruleOf(t, err) != "too-large" {
		t.Errorf("got %v", err)
	}
}

func TestFilesStopsWhenAsked(t *testing.T) {
	t.Parallel()
	c := catalog(project("alpha", pure("alpha", "1.0"), pure("alpha", "1.1")), project("beta", pure("beta", "2.0")))
	var seen []string
	for p, f := range c.Files {
		seen = append(seen, p.Name+" "+f.Version)
		if f.Version == "1.1" {
			break
		}
	}
	if diff := cmp.Diff([]string{"alpha 1.0", "alpha 1.1"}, seen); diff != "" {
		t.Error(diff)
	}
}

func TestCompareSaysWhatChanged(t *testing.T) {
	t.Parallel()
	reason := "broken"
	yanked, unyanked, moved := pure("alpha", "1.0"), pure("alpha", "1.1"), pure("alpha", "1.2")
	before := catalog(project("alpha", yanked, unyanked, moved, pure("alpha", "1.3")), project("beta", pure("beta", "1.0"), pure("beta", "1.1")))
	before.Projects[0].Files[1].Yanked = &reason
	yanked.Yanked, moved.RequiresPython = &reason, ">=3.9"
	after := catalog(project("alpha", yanked, unyanked, moved), project("gamma", pure("gamma", "1.0")))
	after.Serial, after.Target = 6, &index.Target{Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.12"}}
	after.Retired = []index.RetiredFile{{File: pure("beta", "1.0"), Since: 6, At: day}}
	before.Retired = []index.RetiredFile{{File: pure("delta", "1.0"), Since: 4, At: day}, {File: pure("delta", "1.1"), Since: 4, At: day}}
	before.Withdrawn = []index.Withdrawn{{Filename: "eve-1.0-py3-none-any.whl", Reason: "old"}}
	after.Withdrawn = []index.Withdrawn{
		{Filename: "alpha-1.3-py3-none-any.whl", Reason: "malicious"}, {Filename: "delta-1.0-py3-none-any.whl", Reason: "leaked"},
		{Filename: "eve-1.0-py3-none-any.whl", Reason: "old"}, {Filename: "eve-1.1-py3-none-any.whl", Reason: "never listed"},
	}
	d := index.Compare(before, after)
	var got []string
	for _, f := range d.Files {
		got = append(got, f.Change+" "+f.Filename+" "+f.Detail)
	}
	want := []string{
		"changed alpha-1.0-py3-none-any.whl yanked: broken", "changed alpha-1.1-py3-none-any.whl no longer yanked",
		"changed alpha-1.2-py3-none-any.whl other details", "removed alpha-1.3-py3-none-any.whl withdrawn: malicious", "removed beta-1.0-py3-none-any.whl retired: still downloadable",
		"removed beta-1.1-py3-none-any.whl gone", "removed delta-1.0-py3-none-any.whl withdrawn: leaked",
		"removed delta-1.1-py3-none-any.whl no longer kept for locks", "removed eve-1.1-py3-none-any.whl withdrawn: never listed",
		"added gamma-1.0-py3-none-any.whl ",
	}
	if diff := cmp.Diff(want, got); diff != "" || d.From != 5 || d.To != 6 || !d.Target {
		t.Errorf("%+v: -want +got\n%s", d, diff)
	}
	if d := index.Compare(after, after); len(d.Files) != 0 || d.Target {
		t.Errorf("a catalog differs from itself: %+v", d)
	}
}

func TestErrorsOfDocumentsGiveNothing(t *testing.T) {
	t.Parallel()
	if c, err := index.DecodeCatalog([]byte(`{}`)); c != nil || err == nil {
		t.Errorf("got %v, %v", c, err)
	}
	if r, err := index.DecodeRelease([]byte(`{"epoch":0,"format":1,"issued":"2026-03-01T09:30:00Z","product":"a","sequence":1,"series":"1.0","variants":{}}`)); r != nil || ruleOf(t, err) != "epoch" {
		t.Errorf("got %v, %v", r, err)
	}
	if s, err := index.DecodeSubset([]byte(`null`)); s != nil || err == nil {
		t.Errorf("got %v, %v", s, err)
	}
}

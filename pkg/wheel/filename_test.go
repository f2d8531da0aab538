package wheel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

func TestParseFilename(t *testing.T) {
	t.Parallel()
	got, err := wheel.ParseFilename("Foo.Bar-2.9.1+rhaiv.3-04cuda-cp311.cp312-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl")
	if err != nil {
		t.Fatal(err)
	}
	want := wheel.Filename{
		Type: wheel.TypeWheel, Name: "Foo.Bar", Project: "foo-bar", Version: mustVersion(t, "2.9.1+rhaiv.3"),
		Build: wheel.BuildTag{Number: "4", Suffix: "cuda"},
		Tags: []wheel.Tag{
			{Python: "cp311", ABI: "abi3", Platform: "manylinux_2_17_x86_64"}, {Python: "cp311", ABI: "abi3", Platform: "manylinux2014_x86_64"},
			{Python: "cp312", ABI: "abi3", Platform: "manylinux_2_17_x86_64"}, {Python: "cp312", ABI: "abi3", Platform: "manylinux2014_x86_64"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParseSdistFilename(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]wheel.Filename{
		"python-dateutil-2.9.0.post0.tar.gz": {Type: wheel.TypeSdist, Name: "python-dateutil", Project: "python-dateutil", Version: mustVersion(t, "2.9.0.post0")},
		"Foo_Bar-1.0.zip":                    {Type: wheel.TypeSdist, Name: "Foo_Bar", Project: "foo-bar", Version: mustVersion(t, "1.0")},
	} {
		got, err := wheel.ParseAnyFilename(in)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v -want +got\n%s", in, err, diff)
		}
	}
}

func TestParseAnyFilenameRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"nothing": "", "another type": "foo-1.0.tar.bz2", "egg": "foo-1.0-py3.12.egg", "upper case extension": "foo-1.0-py3-none-any.WHL",
		"too few parts": "foo-1.0-py3-none.whl", "too many parts": "a-b-1.0-1-py3-none-any.whl", "no version": "foo-x-py3-none-any.whl",
		"build tag is a word": "foo-1.0-x-py3-none-any.whl", "two underscores": "a__b-1.0-py3-none-any.whl", "name ends in a dot": "a.-1.0-py3-none-any.whl",
		"slash": "a/b-1.0-py3-none-any.whl", "parent": "../foo-1.0-py3-none-any.whl", "backslash": `a\b-1.0-py3-none-any.whl`,
		"newline": "foo-1.0-py3-none-any\n.whl", "NUL": "foo-1.0-py3-none-any\x00.whl", "blank": "foo-1.0-py3-none-a ny.whl",
		"percent": "foo-1.0-py3-none-any%2f.whl", "HTML": `foo-1.0-py3-none-"><script>.whl`, "not ASCII": "fo\u00f6-1.0-py3-none-any.whl",
		"not UTF-8": "fo\xff-1.0-py3-none-any.whl", "empty tag": "foo-1.0-py3-none-any..x.whl", "Python tag is a number": "foo-1.0-3-none-any.whl",
		"247 bytes":            "foo-1.0-py3-none-" + strings.Repeat("a", 247-len("foo-1.0-py3-none-.whl")) + ".whl",
		"too many tags":        "foo-1.0-" + strings.Repeat("a.", 40) + "a-" + strings.Repeat("b.", 40) + "b-any.whl",
		"sdist without a dash": "foo.tar.gz", "sdist without a name": "-1.0.tar.gz", "sdist without a version": "foo-.tar.gz",
	} {
		f, err := wheel.ParseAnyFilename(in)
		var e *wheel.Error
		if !errors.As(err, &e) || e.Rule != wheel.RuleFilename {
			t.Errorf("%s: %q gave %+v, %v", name, in, f, err)
		} else if strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%s: the error holds control characters: %q", name, err)
		}
	}
	longest := "foo-1.0-py3-none-" + strings.Repeat("a", wheel.MaxFilenameLength-len("foo-1.0-py3-none-.whl")) + ".whl"
	if _, err := wheel.ParseAnyFilename(longest); err != nil {
		t.Errorf("a name of %d bytes: %v", len(longest), err)
	}
}

func TestBuildTagOrder(t *testing.T) {
	t.Parallel()
	ordered := []string{"", "0", "1", "1a", "1b", "2", "10", "18446744073709551616"}
	tags := make([]wheel.BuildTag, len(ordered))
	for i, s := range ordered {
		if s == "" {
			continue
		}
		var err error
		if tags[i], err = wheel.ParseBuildTag(s); err != nil || tags[i].String() != s {
			t.Fatalf("%q: %v, %v", s, tags[i], err)
		}
	}
	for i, a := range tags {
		for j, b := range tags {
			if got, want := a.Compare(b), min(1, max(-1, i-j)); got != want {
				t.Errorf("%q against %q: %d, want %d", ordered[i], ordered[j], got, want)
			}
		}
	}
	if !tags[0].IsZero() {
		t.Error("no build tag is not zero")
	}
}

func TestNormalizeName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"Zope.Interface": "zope-interface", "a-_.b": "a-b", "foo": "foo", "_x_": "-x-", "a--b": "a-b", "": ""} {
		if got := wheel.NormalizeName(in); got != want {
			t.Errorf("NormalizeName(%q) is %q, want %q", in, got, want)
		}
	}
	for in, valid := range map[string]bool{"a": true, "A.b_c-1": true, "": false, "a_": false, ".a": false, "a b": false, "\u00e9": false, "a/b": false} {
		if err := wheel.CheckName(in); (err == nil) != valid {
			t.Errorf("CheckName(%q) is %v", in, err)
		}
	}
}

package simple_test

import (
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/simple"
)

const (
	v1JSON = "application/vnd.pypi.simple.v1+json"
	v1HTML = "application/vnd.pypi.simple.v1+html"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	const none = simple.Type(-1)
	for name, row := range map[string]struct {
		accept []string
		want   simple.Type
	}{
		"no header":                       {nil, simple.TextHTML},
		"empty header":                    {[]string{""}, simple.TextHTML},
		"anything":                        {[]string{"*/*"}, simple.TextHTML},
		"anything, little":                {[]string{"*/*;q=0.1"}, simple.TextHTML},
		"pip":                             {[]string{v1JSON + ", " + v1HTML + "; q=0.1, text/html; q=0.01"}, simple.JSON},
		"uv":                              {[]string{v1JSON + ", " + v1HTML + ";q=0.2, text/html;q=0.01"}, simple.JSON},
		"devpi prefers JSON by quality":   {[]string{v1HTML + ";q=0.2, " + v1JSON + ", text/html;q=0.01"}, simple.JSON},
		"hermeto: a tie is JSON":          {[]string{v1HTML + ", " + v1JSON}, simple.JSON},
		"a tie of both HTMLs":             {[]string{"text/html, " + v1HTML}, simple.HTML},
		"poetry":                          {[]string{v1JSON + ", */*;q=0.1"}, simple.JSON},
		"a browser":                       {[]string{"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}, simple.TextHTML},
		"a named type beats */*":          {[]string{"*/*, text/html"}, simple.TextHTML},
		"quality beats order":             {[]string{v1JSON + ";q=0.2, " + v1HTML + ";q=0.8"}, simple.HTML},
		"two headers":                     {[]string{v1HTML + ";q=0.5", v1JSON}, simple.JSON},
		"latest JSON":                     {[]string{"application/vnd.pypi.simple.latest+json"}, simple.JSON},
		"latest HTML":                     {[]string{"application/vnd.pypi.simple.latest+html"}, simple.HTML},
		"case does not matter":            {[]string{"Application/vnd.PyPI.simple.v1+JSON ; Q=0.3"}, simple.JSON},
		"text/*":                          {[]string{"text/*"}, simple.TextHTML},
		"application/*":                   {[]string{"application/*"}, simple.JSON},
		"a specific zero beats a wide 1":  {[]string{"*/*, " + v1JSON + ";q=0, " + v1HTML + ";q=0"}, simple.TextHTML},
		"text/html refused":               {[]string{"text/html;q=0, application/*;q=0.1"}, simple.JSON},
		"nothing we have":                 {[]string{"application/json"}, none},
		"version 2":                       {[]string{"application/vnd.pypi.simple.v2+json"}, none},
		"everything refused":              {[]string{"*/*;q=0"}, none},
		"garbage":                         {[]string{"garbage"}, none},
		"a bad quality says nothing":      {[]string{v1JSON + ";q=high, text/html"}, simple.TextHTML},
		"quality above one says nothing":  {[]string{v1JSON + ";q=1.001, text/html;q=0.1"}, simple.TextHTML},
		"a charset is passed over":        {[]string{"text/html;charset=utf-8"}, simple.TextHTML},
		"a parameter that we do not have": {[]string{v1JSON + ";profile=x, text/html;q=0.1"}, simple.TextHTML},
		"extensions after the weight":     {[]string{v1JSON + ";q=0.5;ext=1, text/html;q=0.1"}, simple.JSON},
		"a comma within quotes":           {[]string{`text/html;x="a,` + v1JSON + `", ` + v1HTML}, simple.HTML},
		"an application's JSON, or ours":  {[]string{"application/json, " + v1JSON + ";q=0.001"}, simple.JSON},
		"blank elements":                  {[]string{", ,, " + v1JSON + ",,"}, simple.JSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := simple.Negotiate(row.accept)
			if !ok {
				got = none
			}
			if got != row.want {
				t.Errorf("Negotiate(%q) = %v, want %v", row.accept, got, row.want)
			}
		})
	}
}

func TestFromQuery(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		query     string
		want      simple.Type
		given, ok bool
	}{
		"none":                     {"", 0, false, true},
		"others":                   {"a=b&formats=x", 0, false, true},
		"json":                     {"format=json", simple.JSON, true, true},
		"JSON":                     {"x=1&format=JSON", simple.JSON, true, true},
		"html":                     {"format=html", simple.TextHTML, true, true},
		"whole type":               {"format=application%2Fvnd.pypi.simple.v1%2Bjson", simple.JSON, true, true},
		"plus that became a space": {"format=application/vnd.pypi.simple.v1+json", simple.JSON, true, true},
		"latest":                   {"format=application/vnd.pypi.simple.latest%2Bhtml", simple.HTML, true, true},
		"the first counts":         {"format=html&format=json", simple.TextHTML, true, true},
		"unknown":                  {"format=xml", 0, true, false},
		"empty":                    {"format=", 0, true, false},
		"bad escape":               {"format=%zz", 0, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, given, ok := simple.FromQuery(row.query)
			if given != row.given || ok != row.ok || ok && given && got != row.want {
				t.Errorf("FromQuery(%q) = %v, %v, %v", row.query, got, given, ok)
			}
		})
	}
}

func TestParseQuality(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int{
		"0": 0, "1": 1000, "0.": 0, "1.": 1000, "0.5": 500, "0.05": 50, "0.001": 1, "0.999": 999, "1.000": 1000,
		"": -1, "1.001": -1, "0.0001": -1, "2": -1, ".5": -1, "-1": -1, "0.x": -1, "01": -1, "1e0": -1,
	} {
		got, ok := simple.ParseQuality(s)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("ParseQuality(%q) = %d, want %d", s, got, want)
		}
	}
}

// FuzzNegotiate: whatever is asked, the answer is one of ours and always the
// same.
func FuzzNegotiate(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", v1JSON + ", " + v1HTML + "; q=0.1, text/html; q=0.01", "text/*;q=0.3;a=\"b,c\"", ",;,=;q=", "a/b;q=0.000,*/*;q=1.000", "\"\\",
	} {
		f.Add(seed, "format="+seed)
	}
	f.Fuzz(func(t *testing.T, accept, query string) {
		got, ok := simple.Negotiate([]string{accept})
		if got < 0 || got >= simple.Types {
			t.Fatalf("%q: type %d", accept, got)
		}
		if again, okAgain := simple.Negotiate([]string{accept}); again != got || okAgain != ok {
			t.Fatalf("%q: two answers", accept)
		}
		if got, given, ok := simple.FromQuery(query); got < 0 || got >= simple.Types || !given && !ok {
			t.Fatalf("%q: %v %v %v", query, got, given, ok)
		}
	})
}

func BenchmarkNegotiatePip(b *testing.B) {
	accept := []string{v1JSON + ", " + v1HTML + "; q=0.1, text/html; q=0.01"}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := simple.Negotiate(accept); !ok {
			b.Fatal("not acceptable")
		}
	}
}

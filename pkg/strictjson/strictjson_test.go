package strictjson_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gowebpki/jcs"

	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

type sample struct {
	Name  string         `json:"name"`
	Count uint64         `json:"count,omitzero"`
	List  []string       `json:"list,omitempty"`
	Inner *sample        `json:"inner,omitempty"`
	Ext   strictjson.Raw `json:"ext,omitempty"`
}

func TestUnmarshalRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"duplicate member":       `{"name":"a","name":"b"}`,
		"unknown member":         `{"name":"a","nam":"b"}`,
		"member in another case": `{"Name":"a"}`,
		"trailing value":         `{"name":"a"}{}`,
		"trailing garbage":       `{"name":"a"} x`,
		"invalid UTF-8":          "{\"name\":\"\xff\"}",
		"lone surrogate":         `{"name":"\ud800"}`,
		"wrong type":             `{"name":1}`,
		"negative count":         `{"name":"a","count":-1}`,
		"fraction":               `{"name":"a","count":1.5}`,
		"nothing":                ``,
		"nested duplicate":       `{"name":"a","inner":{"name":"b","name":"c"}}`,
		"duplicate inside ext":   `{"ext":{"a":1,"a":2},"name":"a"}`,
	} {
		t.Run(name, func(t *testing.T) {
			var s sample
			if err := strictjson.Unmarshal([]byte(doc), &s); err == nil {
				t.Errorf("%s was accepted as %+v", doc, s)
			}
		})
	}
}

func TestUnmarshalCanonicalRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"white space":            `{"name": "a"}`,
		"other order":            `{"name":"a","count":1}`,
		"default spelled out":    `{"count":0,"name":"a"}`,
		"missing name":           `{"count":1}`,
		"escaped angle bracket":  `{"name":"\u003c"}`,
		"number spelled as 1e0":  `{"count":1e0,"name":"a"}`,
		"beyond 2^53":            `{"count":9007199254740993,"name":"a"}`,
		"ext out of order":       `{"ext":{"b":1,"a":2},"name":"a"}`,
		"final newline":          "{\"name\":\"a\"}\n",
		"null for a missing one": `{"inner":null,"name":"a"}`,
	} {
		t.Run(name, func(t *testing.T) {
			var s sample
			err := strictjson.UnmarshalCanonical([]byte(doc), &s)
			if err == nil {
				t.Fatalf("%s was accepted as %+v", doc, s)
			}
			if name != "number spelled as 1e0" && !errors.Is(err, strictjson.ErrNotCanonical) {
				t.Errorf("error is %v, want ErrNotCanonical", err)
			}
		})
	}
}

// TestMarshalAgreesWithAnotherImplementation holds our bytes against an
// independent RFC 8785 library.
func TestMarshalAgreesWithAnotherImplementation(t *testing.T) {
	s := sample{Name: "<&>\u2028\u00e9\U0001f600\x01\"", Count: 1 << 53, List: []string{"b", "a"},
		Inner: &sample{Name: "x"}, Ext: strictjson.Raw(`{"\ud83d\ude00":1e2,"\u20ac":0.1,"a":null,"10":5e-324,"1":-0}`)}
	got, err := strictjson.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want, err := jcs.Transform(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("Marshal gives\n%s\nthe other library\n%s", got, want)
	}
	var back sample
	if err := strictjson.UnmarshalCanonical(got, &back); err != nil {
		t.Error(err)
	}
}

func FuzzUnmarshalCanonical(f *testing.F) {
	f.Add([]byte(`{"name":"a"}`))
	f.Add([]byte(`{"count":9007199254740993,"name":"a"}`))
	f.Add([]byte(`{"ext":{"a":[1e3,0.5]},"list":["x"],"name":"\u00e9"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s sample
		if strictjson.UnmarshalCanonical(data, &s) != nil {
			return
		}
		again, err := strictjson.Marshal(s)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q was accepted but encodes to %q (%v)", data, again, err)
		}
		other, err := jcs.Transform(data)
		if err != nil || !bytes.Equal(other, data) {
			t.Errorf("%q was accepted; the other RFC 8785 library makes it %q (%v)", data, other, err)
		}
	})
}

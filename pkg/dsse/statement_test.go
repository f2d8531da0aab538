package dsse_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

const (
	predicateType = "https://registry.example/predicate/v1"
	subject       = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
)

// encoded is the statement of newStatement, written by hand.
const encoded = `{"_type":"https://in-toto.io/Statement/v1","predicate":{"serial":7},` +
	`"predicateType":"https://registry.example/predicate/v1",` +
	`"subject":[{"digest":{"sha256":"` + subject + `"},"name":"catalog"}]}`

func newStatement(t testing.TB) dsse.Statement {
	t.Helper()
	s, err := dsse.NewStatement(predicateType, "catalog", subject, map[string]int{"serial": 7})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStatementRoundTrip(t *testing.T) {
	t.Parallel()
	bare := newStatement(t)
	bare.Predicate, bare.Subject[0].Name = nil, ""
	empty := newStatement(t)
	empty.Predicate = strictjson.Raw("{}")
	for name, s := range map[string]dsse.Statement{"full": newStatement(t), "no predicate, no name": bare, "empty predicate": empty} {
		data, err := s.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := dsse.DecodeStatement(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(&s, back); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
	s := newStatement(t)
	if data, _ := s.Encode(); string(data) != encoded {
		t.Errorf("Encode gives\n%s\nwant\n%s", data, encoded)
	}
}

func TestDecodeStatementRefuses(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string {
		if !strings.Contains(encoded, old) {
			t.Fatalf("%q is not in the statement", old)
		}
		return strings.Replace(encoded, old, new, 1)
	}
	for name, row := range map[string]struct{ doc, want string }{
		"nothing":                   {"", "EOF"},
		"null":                      {"null", "canonical"},
		"white space":               {encoded + "\n", "canonical"},
		"escaped letter":            {change(`"catalog"`, `"\u0063atalog"`), "canonical"},
		"other order":               {change(`{"digest":{"sha256":"`+subject+`"},"name":"catalog"}`, `{"name":"catalog","digest":{"sha256":"`+subject+`"}}`), "canonical"},
		"trailing value":            {encoded + "{}", "after top-level value"},
		"duplicate predicate type":  {change(`"predicateType":`, `"predicateType":"a","predicateType":`), "duplicate"},
		"duplicate in predicate":    {change(`"serial":7`, `"serial":7,"serial":8`), "duplicate"},
		"unknown member":            {change(`"subject":[`, `"subjects":[],"subject":[`), "unknown"},
		"member in another case":    {change(`"predicateType"`, `"predicatetype"`), "unknown"},
		"another statement version": {change("Statement/v1", "Statement/v0.1"), "_type"},
		"no predicate type":         {change(predicateType, ""), "no predicateType"},
		"no subject":                {encoded[:strings.Index(encoded, "[")] + "[]}", "no subject"},
		"digest too short":          {change("2cf2", "2c"), "64 lower-case hex"},
		"digest in capitals":        {change("2cf2", "2CF2"), "64 lower-case hex"},
		"digest with a prefix":      {change("2cf2", "sha256:2cf2"), "64 lower-case hex"},
		"another algorithm":         {change(`"sha256"`, `"sha512"`), "64 lower-case hex"},
		"two algorithms":            {change(`"sha256"`, `"sha1":"x","sha256"`), "exactly one digest"},
		"empty name spelled out":    {change(`"catalog"`, `""`), "canonical"},
		"predicate is a list":       {change(`{"serial":7}`, `[7]`), "not an object"},
		"predicate is null":         {change(`{"serial":7}`, `null`), "not an object"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dsse.DecodeStatement([]byte(row.doc))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error is %v, want one with %q", err, row.want)
			}
		})
	}
	_, err := dsse.DecodeStatement([]byte(encoded + " "))
	if !errors.Is(err, strictjson.ErrNotCanonical) {
		t.Errorf("error is %v, want ErrNotCanonical", err)
	}
}

func TestEncodeStatementRefuses(t *testing.T) {
	t.Parallel()
	for name, predicate := range map[string]any{"a number": 7, "null": nil, "a list": []int{1}} {
		if _, err := dsse.NewStatement(predicateType, "x", subject, predicate); err == nil {
			t.Errorf("a predicate that is %s was accepted", name)
		}
	}
	if _, err := dsse.NewStatement(predicateType, "x", "sha256:"+subject, struct{}{}); err == nil {
		t.Error("a digest with its algorithm in front was accepted")
	}
	if _, err := (dsse.Statement{}).Encode(); err == nil {
		t.Error("the zero statement was encoded")
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("0", 64)
	two := newStatement(t)
	two.Subject = append(two.Subject, dsse.Subject{Digest: map[string]string{"sha256": other}})
	for name, row := range map[string]struct {
		statement                    dsse.Statement
		predicateType, digest, wrong string
	}{
		"as it is":               {newStatement(t), predicateType, subject, ""},
		"another predicate type": {newStatement(t), predicateType + "/", subject, "predicate type"},
		"another subject":        {newStatement(t), predicateType, other, "subject"},
		"one of two subjects":    {two, predicateType, subject, "2 subjects"},
		"no subject asked for":   {dsse.Statement{PredicateType: predicateType, Subject: make([]dsse.Subject, 1)}, predicateType, "", "SHA-256"},
		"no type asked for":      {dsse.Statement{Subject: newStatement(t).Subject}, "", subject, "predicate type"},
	} {
		t.Run(name, func(t *testing.T) {
			err := row.statement.Require(row.predicateType, row.digest)
			if row.wrong == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), row.wrong) {
				t.Errorf("error is %v, want one with %q", err, row.wrong)
			}
		})
	}
}

func FuzzDecodeStatement(f *testing.F) {
	f.Add([]byte(encoded))
	f.Add([]byte(strings.Replace(encoded, `"predicate":{"serial":7},`, "", 1)))
	f.Add([]byte(`{"_type":null,"predicate":{},"predicateType":"","subject":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := dsse.DecodeStatement(data)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q was accepted but encodes to %q (%v)", data, again, err)
		}
		if len(s.Subject) == 1 {
			if err := s.Require(s.PredicateType, s.Subject[0].Digest["sha256"]); err != nil {
				t.Error(err)
			}
		}
	})
}

package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
)

const (
	hexA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	hexB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func state() *policy.State {
	return &policy.State{
		Catalog: hexA, Counter: 2, Epoch: 1, Name: "tools/3.4/cpu-ubi9", Promotion: hexB, Revision: "sha256:" + hexA, Sequence: 3, Serial: 7, Stage: "live",
		Withdrawn: []index.Withdrawn{{Filename: "demo-1.0-py3-none-any.whl", Reason: "broken", SHA256: hexA, Since: 4}},
	}
}

func TestStateRoundTrip(t *testing.T) {
	t.Parallel()
	data, err := state().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := policy.DecodeState(data)
	if diff := cmp.Diff(state(), got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestDecodeStateRefuses(t *testing.T) {
	t.Parallel()
	good, err := state().Encode()
	if err != nil {
		t.Fatal(err)
	}
	swap := func(old, with string) string {
		t.Helper()
		if strings.Count(string(good), old) != 1 {
			t.Fatalf("%q stands %d times in %s", old, strings.Count(string(good), old), good)
		}
		return strings.Replace(string(good), old, with, 1)
	}
	tests := map[string]string{
		"nothing":                        "",
		"an empty object":                "{}",
		"half of it":                     string(good[:len(good)/2]),
		"something after it":             string(good) + "\n",
		"an unknown member":              swap(`"counter":2`, `"counter":2,"extra":1`),
		"a duplicate member":             swap(`"counter":2`, `"counter":2,"counter":2`),
		"another order":                  swap(`"counter":2,"epoch":1`, `"epoch":1,"counter":2`),
		"no name":                        swap("tools/3.4/cpu-ubi9", ""),
		"a name that is none":            swap("tools/3.4/cpu-ubi9", "tools"),
		"an unknown stage":               swap(`"stage":"live"`, `"stage":"pinned"`),
		"no epoch":                       swap(`"epoch":1`, `"epoch":0`),
		"no serial":                      swap(`"serial":7`, `"serial":0`),
		"a serial beyond JSON":           swap(`"serial":7`, `"serial":9007199254740992`),
		"no revision":                    swap("sha256:"+hexA, ""),
		"a catalog that is no hash":      swap(`"catalog":"`+hexA, `"catalog":"`+hexA[1:]),
		"a promotion that is no hash":    swap(hexB, "b"),
		"a promotion without a sequence": swap(`"sequence":3`, `"sequence":0`),
		"a promotion without a counter":  swap(`"counter":2`, `"counter":0`),
		"a counter without a promotion":  swap(hexB, ""),
		"a withdrawal without a name":    swap("demo-1.0-py3-none-any.whl", ""),
		"a withdrawal since never":       swap(`"since":4`, `"since":0`),
		"a withdrawal with a long story": swap("broken", strings.Repeat("x", index.MaxReason+1)),
		"a withdrawal twice":             swap(`"since":4}`, `"since":4},{"filename":"demo-1.0-py3-none-any.whl","reason":"","sha256":"`+hexA+`","since":4}`),
	}
	for name, data := range tests {
		if s, err := policy.DecodeState([]byte(data)); err == nil {
			t.Errorf("%s: accepted as %+v", name, s)
		}
	}
}

func TestStateIsBounded(t *testing.T) {
	t.Parallel()
	s := state()
	s.Withdrawn = nil
	for i := range 4000 {
		s.Withdrawn = append(s.Withdrawn, index.Withdrawn{
			Filename: fmt.Sprintf("demo-%04d-py3-none-any.whl", i), Reason: strings.Repeat("r", index.MaxReason), SHA256: hexA, Since: 1,
		})
	}
	if _, err := s.Encode(); err == nil || !strings.Contains(err.Error(), "4000 withdrawals") {
		t.Error(err)
	}
}

func TestStateOfSomethingElseSaysNothing(t *testing.T) {
	t.Parallel()
	x := parse(t, withIndex())
	if x.Remembered(policy.Live, state()) == nil || x.Remembered(policy.Pinned, state()) == nil {
		t.Fatal("the state of this index is not used")
	}
	other := func(change func(*policy.State)) *policy.State {
		s := state()
		change(s)
		return s
	}
	for name, s := range map[string]*policy.State{
		"none":          nil,
		"zero":          {},
		"another epoch": other(func(s *policy.State) { s.Epoch = 2 }),
		"another index": other(func(s *policy.State) { s.Name = "tools/3.4/cuda13.0-ubi9" }),
		"another stage": other(func(s *policy.State) { s.Stage = "candidate" }),
	} {
		if x.Remembered(policy.Live, s) != nil {
			t.Errorf("%s: used", name)
		}
	}
}

func FuzzDecodeState(f *testing.F) {
	good, err := state().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{}`))
	f.Add([]byte(strings.Replace(string(good), `"since":4`, `"since":4.0`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := policy.DecodeState(data)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil || string(again) != string(data) {
			t.Errorf("%q became %q, %v", data, again, err)
		}
		if !s.Known(s.Epoch) {
			t.Error("a state that decodes and knows nothing")
		}
	})
}

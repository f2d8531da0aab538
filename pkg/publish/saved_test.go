package publish_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/publish"
)

func TestSavedPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.plan(w.options(w.demo("1.0")))
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := publish.DecodePlan(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loaded.Encode()
	if err != nil || !bytes.Equal(data, again) {
		t.Fatalf("a plan does not survive its file: %v", err)
	}
	for range 2 {
		if err := loaded.Apply(t.Context(), w.store); err != nil {
			t.Fatal(err)
		}
		if at := w.at("test.3.4-cpu-ubi9"); at != p.Revision.Digest {
			t.Fatalf("candidate at %s, the plan said %s", at, p.Revision.Digest)
		}
	}
}

func TestEditedPlanIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data, err := w.plan(w.options(w.demo("1.0"))).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"another kind", `"kind":"publish"`, `"kind":"promote"`, `its kind is "promote"`},
		{"an unknown member", `"kind":`, `"kinds":1,"kind":`, "kinds"},
		{"a member twice", `"kind":`, `"kind":"publish","kind":`, "kind"},
		{"another serial", `"serial":1,`, `"serial":2,`, "must not be edited"},
		{"another name", `"name":"tools/3.4/cpu-ubi9"`, `"name":"tools/3.5/cpu-ubi9"`, "must not be edited"},
		{"another file", `"sha256":"`, `"sha256":"0`, ""},
		{"cut off", `}`, ``, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			edited := strings.ReplaceAll(string(data), tt.old, tt.new)
			if edited == string(data) {
				t.Fatalf("the plan has no %s", tt.old)
			}
			w := newWorld(t)
			p, err := publish.DecodePlan([]byte(edited))
			if err == nil {
				err = p.Apply(t.Context(), w.store)
			}
			var bad *publish.InputError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want an input error that says %q", err, tt.want)
			}
			if tags := w.tags(); len(tags) > 0 {
				t.Errorf("tags %v were written", tags)
			}
		})
	}
}

func TestEditedPromotionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(w.demo("1.0"))
	data, err := w.planPromotion(w.promoteOptions()).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publish.DecodePromotion(data); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"another kind", `"kind":"promote"`, `"kind":"publish"`, `its kind is "publish"`},
		{"another name", `"name":"tools/3.4/cpu-ubi9"`, `"name":"tools/3.5/cpu-ubi9"`, "must not be edited"},
		{"another sequence", `"sequence":1`, `"sequence":7`, "must not be edited"},
		{"another digest", `"digest":"sha256:`, `"digest":"sha256:0`, "must not be edited"},
		{"no head", `"bundles":[`, `"bundles":[],"x":[`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			edited := strings.ReplaceAll(string(data), tt.old, tt.new)
			if edited == string(data) {
				t.Fatalf("the plan has no %s", tt.old)
			}
			_, err := publish.DecodePromotion([]byte(edited))
			var bad *publish.InputError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want an input error that says %q", err, tt.want)
			}
		})
	}
}

package publish_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func TestFirstRevision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.publish(w.demo("1.0"), w.demo("2.0"))
	if p.Serial != 1 || p.Base != nil {
		t.Errorf("serial %d, base %v: want the first revision on nothing", p.Serial, p.Base)
	}
	want := []string{"rev.3.4-cpu-ubi9.1", "test.3.4-cpu-ubi9"}
	if diff := cmp.Diff(want, w.tags()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for _, tag := range want {
		if at := w.at(tag); at != p.Revision.Digest {
			t.Errorf("%s is at %s, the plan said %s", tag, at, p.Revision.Digest)
		}
	}
	c := w.catalog("test.3.4-cpu-ubi9")
	if diff := cmp.Diff([]string{"demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl"}, filenames(c)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if c.Previous != "" || c.Epoch != 1 || !c.Issued.Equal(p.Issued) || len(c.Retired) != 0 {
		t.Errorf("catalog: previous %q, epoch %d, issued %s, %d retired", c.Previous, c.Epoch, c.Issued, len(c.Retired))
	}
}

func TestPlanIsAFunctionOfItsInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options(w.demo("1.0"), w.demo("2.0"))
	first, err := w.plan(o).Encode()
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.plan(o).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(second)); diff != "" {
		t.Errorf("the same input gives another plan:\n%s", diff)
	}
	if tags := w.tags(); len(tags) > 0 {
		t.Errorf("planning wrote tags %v", tags)
	}
}

func TestBase(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		base     publish.Base
		want     []string
		retired  []string
		previous bool
	}{
		{"newest is the candidate", publish.BaseNewest, []string{"demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl", "demo-3.0-py3-none-any.whl"}, []string{}, true},
		{"candidate", publish.BaseCandidate, []string{"demo-1.0-py3-none-any.whl", "demo-2.0-py3-none-any.whl", "demo-3.0-py3-none-any.whl"}, []string{}, true},
		{"live leaves out what was only tested", publish.BaseLive, []string{"demo-1.0-py3-none-any.whl", "demo-3.0-py3-none-any.whl"}, []string{}, true},
		{"none retires what is live", publish.BaseNone, []string{"demo-3.0-py3-none-any.whl"}, []string{"demo-1.0-py3-none-any.whl since 3"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			live := w.release(w.demo("1.0"))
			w.publish(w.demo("2.0"))
			o := w.options(w.demo("3.0"))
			o.Base = tt.base
			w.publishWith(o)
			c := w.catalog("test.3.4-cpu-ubi9")
			if c.Serial != 3 {
				t.Errorf("serial %d, want 3", c.Serial)
			}
			if c.Previous != live {
				t.Errorf("previous is %s, want what is live: %s", c.Previous, live)
			}
			if diff := cmp.Diff(tt.want, filenames(c)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.retired, retired(c)); diff != "" {
				t.Errorf("retired (-want +got):\n%s", diff)
			}
			w.promote()
			w.wantLive(w.at("test.3.4-cpu-ubi9"))
		})
	}
}

func TestRetiredIsCarriedOverAndListedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(w.demo("1.0"))
	upload := w.catalog("3.4-cpu-ubi9").Projects[0].Files[0].UploadTime
	none := func(version string) publish.Options {
		o := w.options(w.demo(version))
		o.Base = publish.BaseNone
		return o
	}
	w.publishWith(none("2.0"))
	w.promote()
	w.publishWith(none("3.0"))
	w.promote()
	c := w.catalog("3.4-cpu-ubi9")
	if diff := cmp.Diff([]string{"demo-1.0-py3-none-any.whl since 2", "demo-2.0-py3-none-any.whl since 3"}, retired(c)); diff != "" {
		t.Fatalf("retired (-want +got):\n%s", diff)
	}
	w.wantLive(w.at("3.4-cpu-ubi9"))

	p := w.publish(w.demo("1.0"))
	if len(p.Uploads) > 0 {
		t.Errorf("a file that is still downloadable is sent again")
	}
	c = w.catalog("test.3.4-cpu-ubi9")
	if diff := cmp.Diff([]string{"demo-1.0-py3-none-any.whl", "demo-3.0-py3-none-any.whl"}, filenames(c)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"demo-2.0-py3-none-any.whl since 3"}, retired(c)); diff != "" {
		t.Errorf("retired (-want +got):\n%s", diff)
	}
	if got := c.Projects[0].Files[0].UploadTime; !got.Equal(upload) {
		t.Errorf("upload time %s, want that of the first publication, %s", got, upload)
	}
	w.promote()
	w.wantLive(w.at("3.4-cpu-ubi9"))
}

func TestReplace(t *testing.T) {
	t.Parallel()
	build := func(w *world, tag string) publish.Candidate {
		return w.file(wheeltest.Wheel{Name: "demo", Version: "1.0", Build: tag})
	}
	w := newWorld(t)
	w.release(build(w, ""), w.file(wheeltest.Wheel{Name: "demo", Version: "1.0", Tags: "cp312-cp312-linux_x86_64"}))
	// 10 sorts before 2 as text: of builds published together the highest stays.
	o := w.options(build(w, "10"), build(w, "2"))
	o.Replace = true
	p := w.publishWith(o)
	c := w.catalog("test.3.4-cpu-ubi9")
	if diff := cmp.Diff([]string{"demo-1.0-10-py3-none-any.whl", "demo-1.0-cp312-cp312-linux_x86_64.whl"}, filenames(c)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"demo-1.0-py3-none-any.whl since 2"}, retired(c)); diff != "" {
		t.Errorf("retired (-want +got):\n%s", diff)
	}
	var lines []string
	for _, x := range p.Changes {
		lines = append(lines, string(x.Action)+" "+x.Filename)
	}
	if diff := cmp.Diff([]string{"add demo-1.0-10-py3-none-any.whl", "retire demo-1.0-py3-none-any.whl"}, lines); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"demo-1.0-2-py3-none-any.whl"}, p.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if len(p.Uploads) != 1 {
		t.Errorf("%d uploads, want that of build 10 alone", len(p.Uploads))
	}
	w.promote()
	w.wantLive(p.Revision.Digest)

	// The same directory again, and a build below the listed one: nothing to do.
	o = w.options(build(w, "10"), build(w, "2"), build(w, "1"))
	o.Replace = true
	again, err := publish.NewPlan(t.Context(), w.store, o)
	if !errors.Is(err, publish.ErrNothingToDo) || len(again.Skipped) != 2 {
		t.Errorf("%v, skipped %v", err, again.Skipped)
	}
}

func TestNothingToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.publish(w.demo("1.0"))
	p, err := publish.NewPlan(t.Context(), w.store, w.options(w.demo("1.0")))
	if !errors.Is(err, publish.ErrNothingToDo) {
		t.Fatalf("error %v, want ErrNothingToDo", err)
	}
	if p.Serial != 1 || p.Revision != first.Revision {
		t.Errorf("the plan names revision %d %s, want 1 %s", p.Serial, p.Revision.Digest, first.Revision.Digest)
	}
}

// TestRevisionWithoutNewFiles has what changes an index although it lists the
// same files.
func TestRevisionWithoutNewFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*publish.Options)
	}{
		{"another target", func(o *publish.Options) {
			o.Target = &index.Target{Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.12"}}
		}},
		{"a higher epoch", func(o *publish.Options) { o.Epoch = 2 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.publish(w.demo("1.0"))
			o := w.options(w.demo("1.0"))
			tt.change(&o)
			if p := w.publishWith(o); p.Serial != 2 || len(p.Uploads) > 0 {
				t.Errorf("serial %d with %d uploads, want 2 with none", p.Serial, len(p.Uploads))
			}
		})
	}
}

func TestTwoSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.options(w.demo("1.0"))
	o.Signers = []sign.Signer{w.key("release"), w.key("second")}
	p := w.publishWith(o)
	for _, key := range []string{"release", "second"} {
		rules := policy.Trusting(tools, 1, w.public(key))
		v := w.reader(w.store, 1)
		v.Rules = rules
		r, err := v.Candidate(t.Context(), nil)
		if err != nil || r.Digest != p.Revision.Digest {
			t.Errorf("who trusts %s alone: %v", key, err)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(w *world) publish.Options
		want string // in the message
		code policy.Code
	}{
		{"one name with other bytes than the base has", func(w *world) publish.Options {
			w.publish(w.demo("1.0"))
			return w.options(w.file(wheeltest.Wheel{Name: "demo", Version: "1.0", Summary: "other"}))
		}, "a name never changes its bytes; rebuild with a higher build tag", ""},
		{"one name with other bytes than a retired file", func(w *world) publish.Options {
			w.release(w.demo("1.0"))
			o := w.options(w.demo("2.0"))
			o.Base = publish.BaseNone
			w.publishWith(o)
			w.promote()
			return w.options(w.file(wheeltest.Wheel{Name: "demo", Version: "1.0", Summary: "other"}))
		}, "a name never changes its bytes", ""},
		{"one name with two contents at once", func(w *world) publish.Options {
			a := w.demo("1.0")
			w.dir = w.TempDir()
			return w.options(a, w.file(wheeltest.Wheel{Name: "demo", Version: "1.0", Summary: "other"}))
		}, "two files of that name with different bytes", ""},
		{"a file that the target cannot install", func(w *world) publish.Options {
			o := w.options(w.file(wheeltest.Wheel{Name: "demo", Tags: "cp311-cp311-linux_x86_64"}))
			o.Target = &index.Target{Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.12"}}
			return o
		}, "demo-1.0-cp311-cp311-linux_x86_64.whl: no environment of the index's target can install it", ""},
		{"a target that the base's files do not fit", func(w *world) publish.Options {
			w.publish(w.file(wheeltest.Wheel{Name: "demo", Tags: "cp311-cp311-linux_x86_64"}))
			o := w.options(w.demo("2.0"))
			o.Target = &index.Target{Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.12"}}
			return o
		}, "demo-1.0-cp311-cp311-linux_x86_64.whl: no environment", ""},
		{"an epoch below the base's", func(w *world) publish.Options {
			o := w.options(w.demo("1.0"))
			o.Epoch = 3
			w.publishWith(o)
			o = w.options(w.demo("2.0"))
			o.Epoch = 2
			return o
		}, "epoch 2 is below the base's 3", ""},
		{"a candidate that is not there", func(w *world) publish.Options {
			o := w.options(w.demo("1.0"))
			o.Base = publish.BaseCandidate
			return o
		}, "base candidate: there is none", ""},
		{"a live revision that is not there", func(w *world) publish.Options {
			w.publish(w.demo("1.0"))
			o := w.options(w.demo("2.0"))
			o.Base = publish.BaseLive
			return o
		}, "base live: nothing is live", ""},
		{"a base that nobody we trust has signed", func(w *world) publish.Options {
			w.publish(w.demo("1.0"))
			o := w.options(w.demo("2.0"))
			o.Signers = []sign.Signer{w.key("stranger")}
			return o
		}, "name the key that signed it with --trust FILE", policy.ReleaseSignature},
		{"a tag with a revision of another index", func(w *world) publish.Options {
			other := w.options(w.demo("1.0"))
			other.Name.Variant = "cpu"
			w.publishWith(other)
			desc, err := w.store.Resolve(w.Context(), "test.3.4-cpu")
			if err == nil {
				err = w.store.Tag(w.Context(), desc, "test.3.4-cpu-ubi9")
			}
			if err != nil {
				w.Fatal(err)
			}
			return w.options(w.demo("2.0"))
		}, "holds a revision of tools/3.4/cpu, not of tools/3.4/cpu-ubi9", policy.WrongName},
		{"no key", func(w *world) publish.Options {
			o := w.options(w.demo("1.0"))
			o.Signers = nil
			return o
		}, "no signing key", ""},
		{"a name that is none", func(w *world) publish.Options {
			o := w.options(w.demo("1.0"))
			o.Name.Series = "3"
			return o
		}, "3", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := tt.do(w)
			before := w.tags()
			_, err := publish.NewPlan(t.Context(), w.store, o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
			var refusal *policy.Refusal
			if errors.As(err, &refusal); tt.code != "" && (refusal == nil || refusal.Code != tt.code) {
				t.Errorf("error %v, want a refusal with code %s", err, tt.code)
			}
			if diff := cmp.Diff(before, w.tags()); diff != "" {
				t.Errorf("tags changed:\n%s", diff)
			}
		})
	}
}

func TestTrustedBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(w.demo("1.0"))
	o := w.options(w.demo("2.0"))
	o.Signers, o.Trusted = []sign.Signer{w.key("new")}, []dsse.PublicKey{w.public("release")}
	if p := w.publishWith(o); p.Serial != 2 {
		t.Errorf("serial %d, want 2", p.Serial)
	}
}

// TestDescription takes summary and licence from the newest version, whatever
// the order of publication, and makes them one bounded line.
func TestDescription(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", index.MaxSummary)
	for _, tt := range []struct {
		name  string
		files []wheeltest.Wheel // one publication each
		want  string
	}{
		{"one version", []wheeltest.Wheel{{Version: "1.0", Summary: "one"}}, "one"},
		{"newer later", []wheeltest.Wheel{{Version: "1.0", Summary: "one"}, {Version: "2.0", Summary: "two"}}, "two"},
		{"older later", []wheeltest.Wheel{{Version: "2.0", Summary: "two"}, {Version: "1.0", Summary: "one"}}, "two"},
		{"tenth is newer than ninth", []wheeltest.Wheel{{Version: "10.0", Summary: "ten"}, {Version: "9.0", Summary: "nine"}}, "ten"},
		{"tabs and controls", []wheeltest.Wheel{{Version: "1.0", Summary: "a\tb\x1b[31mc\u2028d\u0085e"}}, "a b [31mc d e"},
		{"too long, cut between characters", []wheeltest.Wheel{{Version: "1.0", Summary: "x" + long}}, "x" + long[:index.MaxSummary-2]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, f := range tt.files {
				w.publish(w.file(f))
			}
			if diff := cmp.Diff(tt.want, w.catalog("test.3.4-cpu-ubi9").Projects[0].Summary); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

package publish_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func (w *world) rollbackOptions(to string) publish.RollbackOptions {
	o := publish.RollbackOptions{To: to, Publish: w.options(), Promote: w.promoteOptions()}
	o.Promote.Trusted = nil // the release key signs the new revision
	o.Promote.Repository = "registry.example/tools/wheels"
	return o
}

func (w *world) planRollback(to string) *publish.Rollback {
	w.Helper()
	r, err := publish.NewRollback(w.Context(), w.store, w.rollbackOptions(to))
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// mistaken is an index whose third revision is to be taken back: it has another
// target, yanks 1.0, withdraws 0.9, drops other and adds 2.0.
func mistaken(t testing.TB) *world {
	w := newWorld(t)
	w.release(w.demo("0.9"), w.file(wheeltest.Wheel{Name: "stable", Version: "1.0"}))
	w.release(w.demo("1.0"), w.file(wheeltest.Wheel{Name: "other", Version: "1.0"}))
	o := w.options(w.demo("2.0"))
	o.Target = &index.Target{Platforms: []string{"linux_x86_64"}, Pythons: []string{"3.12"}}
	o.Yank, o.Withdraw, o.Remove = marks(t, "old", demo10), marks(t, "malicious", demo09), []publish.Selector{selector(t, "other")}
	w.publishWith(o)
	w.promote()
	return w
}

func TestRollback(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]func(w *world) string{
		"to a serial": func(*world) string { return "2" },
		"to a digest": func(w *world) string { return string(w.at("rev.3.4-cpu-ubi9.2")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mistaken(t)
			was := w.at("3.4-cpu-ubi9")
			r := w.planRollback(to(w))
			want := []string{"add " + other10, "retire " + demo20, "unyank " + demo10, "target"}
			if diff := cmp.Diff(want, lines(r.Publish)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if len(r.Publish.Uploads) > 0 {
				t.Errorf("%d uploads", len(r.Publish.Uploads))
			}
			if err := r.Apply(t.Context(), w.store); err != nil {
				t.Fatal(err)
			}
			w.wantLive(r.Publish.Revision.Digest)
			c := w.catalog("3.4-cpu-ubi9")
			if c.Serial != 4 || c.Previous != was || c.Target != nil {
				t.Errorf("serial %d after %s, target %v", c.Serial, c.Previous, c.Target)
			}
			for what, diff := range map[string]string{
				"files":     cmp.Diff([]string{demo10, other10, "stable-1.0-py3-none-any.whl"}, filenames(c)),
				"retired":   cmp.Diff([]string{demo20 + " since 4"}, retired(c)),
				"withdrawn": cmp.Diff([]string{demo09 + " since 3: malicious"}, withdrawn(c)),
			} {
				if diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			var changed []uint64
			for _, p := range c.Projects {
				changed = append(changed, p.Changed)
			}
			if diff := cmp.Diff([]uint64{4, 4, 1}, changed); diff != "" {
				t.Errorf("last changed (-want +got):\n%s", diff)
			}
			w.release(w.demo("3.0")) // and life goes on
			w.wantLive(w.at("rev.3.4-cpu-ubi9.5"))
		})
	}
}

// TestRollbackWrites counts what it costs beside small objects: the new index
// under its three tags, and no wheel.
func TestRollbackWrites(t *testing.T) {
	t.Parallel()
	w := mistaken(t)
	m := &mortal{Store: w.store}
	if err := w.planRollback("2").Apply(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"tag rev.3.4-cpu-ubi9.4", "tag test.3.4-cpu-ubi9", "tag of signatures", "tag of signatures", "tag 3.4-cpu-ubi9.retired",
		"tag rev.3.4-cpu-ubi9.head.4", "tag 3.4-cpu-ubi9.head", "tag 3.4-cpu-ubi9",
	}
	if diff := cmp.Diff(want, m.tagWrites()); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	for _, x := range m.writes {
		if strings.Contains(x, "pinwheel.wheel") {
			t.Errorf("%s", x)
		}
	}
}

// TestRollbackIsJudged tells the gates that these contents were live before.
func TestRollbackIsJudged(t *testing.T) {
	t.Parallel()
	for _, pass := range []bool{true, false} {
		w := mistaken(t)
		o := w.rollbackOptions("2")
		o.Promote.AllowUngated = false
		asked := false
		o.Publish.Judge = func(ctx context.Context, d *publish.Draft) (*publish.Verdict, error) {
			asked = d.Rollback && d.Candidate.Serial == 4 && d.Live.Serial == 3
			return verdict(pass)(ctx, d)
		}
		r, err := publish.NewRollback(t.Context(), w.store, o)
		if pass == errors.Is(err, publish.ErrFailed) || !asked {
			t.Errorf("passed %t, asked as for a rollback %t: error %v", pass, asked, err)
		}
		if r.Publish.Report() == nil {
			t.Error("there is no report")
		}
	}
}

func TestRollbackInARegistry(t *testing.T) {
	t.Parallel()
	w, rec := openRegistry(t, registrytest.Quirks{})
	w.release(w.demo("1.0"))
	w.release(w.demo("2.0"))
	w.reopen(rec)
	rec.Reset()
	r := w.planRollback("1")
	if err := r.Apply(t.Context(), w.store); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests", len(rec.Requests()))
	w.wantLive(r.Publish.Revision.Digest)
}

func TestRollbackRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, to string
		change   func(w *world, o *publish.RollbackOptions)
		want     string
	}{
		{"to nothing", "", nil, `rollback to "": want the serial of a revision or its sha256:`},
		{"to no serial", "last", nil, `rollback to "last": want`},
		{"to a revision that is not there", "9", nil, "rollback to rev.3.4-cpu-ubi9.9"},
		{"to what is live", "3", nil, "nothing to publish: revision 3"},
		{"signed by nobody we know", "2", func(w *world, o *publish.RollbackOptions) { o.Publish.Signers = w.options().Signers[:0] }, "no signing key"},
		{"to what a stranger signed", "2", func(w *world, o *publish.RollbackOptions) {
			o.Publish.Signers[0] = w.key("stranger")
		}, "is not signed by the signing key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := mistaken(t)
			o := w.rollbackOptions(tt.to)
			if tt.change != nil {
				tt.change(w, &o)
			}
			before := w.positions()
			_, err := publish.NewRollback(t.Context(), w.store, o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
			if diff := cmp.Diff(before, w.positions()); diff != "" {
				t.Errorf("tags moved (-before +after):\n%s", diff)
			}
		})
	}
}

func TestSavedRollback(t *testing.T) {
	t.Parallel()
	w := mistaken(t)
	r := w.savedRollback(w.planRollback("2"))
	for range 2 {
		if err := r.Apply(t.Context(), w.store); err != nil {
			t.Fatal(err)
		}
		w.wantLive(r.Publish.Revision.Digest)
	}
	for name, edit := range map[string]func(r *publish.Rollback){
		"another revision": func(r *publish.Rollback) { r.Promote.Revision = r.Publish.CatalogManifest },
		"no promotion":     func(r *publish.Rollback) { r.Promote = nil },
		"another index":    func(r *publish.Rollback) { r.Promote.Name = "tools/3.4/cpu" },
	} {
		t.Run(name, func(t *testing.T) {
			x := w.savedRollback(r)
			edit(x)
			data, err := x.Encode()
			if err != nil {
				t.Fatal(err)
			}
			var bad *publish.InputError
			if _, err := publish.DecodeRollback(data); !errors.As(err, &bad) {
				t.Errorf("error %v, want an input error", err)
			}
		})
	}
}

func (w *world) savedRollback(r *publish.Rollback) *publish.Rollback {
	w.Helper()
	data, err := r.Encode()
	if err == nil {
		r, err = publish.DecodeRollback(data)
	}
	if err != nil {
		w.Fatal(err)
	}
	return r
}

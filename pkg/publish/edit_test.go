package publish_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func selector(t testing.TB, s string) publish.Selector {
	t.Helper()
	x, err := publish.ParseSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func marks(t testing.TB, reason string, selectors ...string) []publish.Mark {
	var list []publish.Mark
	for _, s := range selectors {
		list = append(list, publish.Mark{Selector: selector(t, s), Reason: reason})
	}
	return list
}

// lines are the changes of a plan as text.
func lines(p *publish.Plan) []string {
	list := []string{}
	for _, c := range p.Changes {
		list = append(list, strings.TrimSpace(strings.Join([]string{string(c.Action), c.Filename + c.Project, c.Detail}, " ")))
	}
	return list
}

func withdrawn(c *index.Catalog) []string {
	list := []string{}
	for _, x := range c.Withdrawn {
		list = append(list, fmt.Sprintf("%s since %d: %s", x.Filename, x.Since, x.Reason))
	}
	return list
}

// shop is an index with demo 1.0, 1.5rc1 and 2.0 and other 1.0 live, and demo 0.9
// retired.
func shop(t testing.TB) *world {
	w := newWorld(t)
	w.release(w.demo("0.9"))
	o := w.options(w.demo("1.0"), w.demo("1.5rc1"), w.demo("2.0"), w.file(wheeltest.Wheel{Name: "other", Version: "1.0"}))
	o.Base = publish.BaseNone
	w.publishWith(o)
	w.promote()
	return w
}

const (
	demo09  = "demo-0.9-py3-none-any.whl"
	demo10  = "demo-1.0-py3-none-any.whl"
	demo15  = "demo-1.5rc1-py3-none-any.whl"
	demo20  = "demo-2.0-py3-none-any.whl"
	other10 = "other-1.0-py3-none-any.whl"
)

// TestEdit has each way to change an index without adding a file. Each is one
// revision that goes live like any other, and done twice it is nothing to do.
func TestEdit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		edit      func(t testing.TB, o *publish.Options)
		changes   []string
		files     []string
		retired   []string
		withdrawn []string
		touched   []string
	}{
		{
			"remove one file",
			func(t testing.TB, o *publish.Options) { o.Remove = []publish.Selector{selector(t, demo10)} },
			[]string{"retire " + demo10}, []string{demo15, demo20, other10}, []string{demo09 + " since 2", demo10 + " since 3"}, []string{}, []string{"demo"},
		},
		{
			"remove versions of a project, a pre-release among them",
			func(t testing.TB, o *publish.Options) { o.Remove = []publish.Selector{selector(t, "Demo<2")} },
			[]string{"retire " + demo10, "retire " + demo15}, []string{demo20, other10}, []string{demo09 + " since 2", demo10 + " since 3", demo15 + " since 3"}, []string{}, []string{"demo"},
		},
		{
			"remove a project",
			func(t testing.TB, o *publish.Options) { o.Remove = []publish.Selector{selector(t, "other")} },
			[]string{"retire " + other10}, []string{demo10, demo15, demo20}, []string{demo09 + " since 2", other10 + " since 3"}, []string{}, []string{},
		},
		{
			"yank",
			func(t testing.TB, o *publish.Options) { o.Yank = marks(t, "crashes", "demo==1.0") },
			[]string{"yank " + demo10 + " crashes"}, []string{demo10, demo15, demo20, other10}, []string{demo09 + " since 2"}, []string{}, []string{"demo"},
		},
		{
			"withdraw a listed and a retired file",
			func(t testing.TB, o *publish.Options) { o.Withdraw = marks(t, "malicious", "demo<=1.0") },
			[]string{"withdraw " + demo09 + " malicious", "withdraw " + demo10 + " malicious"},
			[]string{demo15, demo20, other10}, []string{}, []string{demo09 + " since 3: malicious", demo10 + " since 3: malicious"}, []string{"demo"},
		},
		{
			"withdraw what the index forgot",
			func(t testing.TB, o *publish.Options) {
				o.Withdraw = marks(t, "malicious", "gone-1.0-py3-none-any.whl@sha256:"+strings.Repeat("ab", 32))
			},
			[]string{"withdraw gone-1.0-py3-none-any.whl malicious"},
			[]string{demo10, demo15, demo20, other10}, []string{demo09 + " since 2"}, []string{"gone-1.0-py3-none-any.whl since 3: malicious"}, []string{},
		},
		{
			"archive a project",
			func(_ testing.TB, o *publish.Options) {
				o.Status = []publish.StatusMark{{Project: "Demo", Status: publish.StatusArchived, Reason: "use other"}}
			},
			[]string{"status demo archived: use other"}, []string{demo10, demo15, demo20, other10}, []string{demo09 + " since 2"}, []string{}, []string{"demo"},
		},
		{
			"all at once",
			func(t testing.TB, o *publish.Options) {
				o.Remove, o.Yank, o.Withdraw = []publish.Selector{selector(t, "other")}, marks(t, "", "demo==2.0"), marks(t, "bad", demo10)
			},
			[]string{"retire " + other10, "withdraw " + demo10 + " bad", "yank " + demo20},
			[]string{demo15, demo20}, []string{demo09 + " since 2", other10 + " since 3"}, []string{demo10 + " since 3: bad"}, []string{"demo"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := shop(t)
			o := w.options()
			tt.edit(t, &o)
			p := w.publishWith(o)
			if p.Serial != 3 || len(p.Uploads) > 0 {
				t.Errorf("serial %d with %d uploads, want 3 with none", p.Serial, len(p.Uploads))
			}
			c := w.catalog("test.3.4-cpu-ubi9")
			for what, diff := range map[string]string{
				"changes": cmp.Diff(tt.changes, lines(p)), "files": cmp.Diff(tt.files, filenames(c)),
				"retired": cmp.Diff(tt.retired, retired(c)), "withdrawn": cmp.Diff(tt.withdrawn, withdrawn(c)),
			} {
				if diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			touched := []string{}
			for i := range c.Projects {
				if c.Projects[i].Changed == 3 {
					touched = append(touched, c.Projects[i].Name)
				}
			}
			if diff := cmp.Diff(tt.touched, touched); diff != "" {
				t.Errorf("projects changed (-want +got):\n%s", diff)
			}
			w.promote()
			w.wantLive(p.Revision.Digest)
			o.Now = w.tick()
			if _, err := publish.NewPlan(t.Context(), w.store, o); !errors.Is(err, publish.ErrNothingToDo) {
				t.Errorf("again: error %v, want ErrNothingToDo", err)
			}
		})
	}
}

func TestUnyankAndReopen(t *testing.T) {
	t.Parallel()
	w := shop(t)
	o := w.options()
	o.Yank, o.Status = marks(t, "crashes", "demo"), []publish.StatusMark{{Project: "demo", Status: publish.StatusDeprecated}}
	w.publishWith(o)
	o = w.options()
	o.Unyank, o.Status = []publish.Selector{selector(t, "demo>=2")}, []publish.StatusMark{{Project: "demo", Status: publish.StatusActive}}
	p := w.publishWith(o)
	if diff := cmp.Diff([]string{"unyank " + demo20, "status demo active"}, lines(p)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	c := w.catalog("test.3.4-cpu-ubi9")
	demo := c.Projects[0]
	if demo.Status != nil || demo.Files[0].Yanked == nil || demo.Files[2].Yanked != nil {
		t.Errorf("status %v, 1.0 yanked %v, 2.0 yanked %v", demo.Status, demo.Files[0].Yanked, demo.Files[2].Yanked)
	}
}

// TestWithdrawnStaysAway tries each way back for a withdrawn file.
func TestWithdrawnStaysAway(t *testing.T) {
	t.Parallel()
	withdraw := func(t *testing.T) *world {
		w := shop(t)
		o := w.options()
		o.Withdraw = marks(t, "malicious", demo10)
		w.publishWith(o)
		w.promote()
		return w
	}
	want := []string{demo10 + " since 3: malicious"}
	t.Run("published again", func(t *testing.T) {
		t.Parallel()
		w := withdraw(t)
		_, err := publish.NewPlan(t.Context(), w.store, w.options(w.demo("1.0")))
		if err == nil || !strings.Contains(err.Error(), "was withdrawn (malicious)") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("on no base", func(t *testing.T) {
		t.Parallel()
		w := withdraw(t)
		o := w.options(w.demo("3.0"))
		o.Base = publish.BaseNone
		w.publishWith(o)
		if diff := cmp.Diff(want, withdrawn(w.catalog("test.3.4-cpu-ubi9"))); diff != "" {
			t.Errorf("withdrawn (-want +got):\n%s", diff)
		}
	})
	t.Run("in a candidate that lists it still", func(t *testing.T) {
		t.Parallel()
		w := shop(t)
		old := w.publish(w.demo("3.0")) // has 1.0
		o := w.options()
		o.Base, o.Withdraw = publish.BaseLive, marks(t, "malicious", demo10)
		w.publishWith(o)
		w.promote()
		w.alias("rev.3.4-cpu-ubi9.3", "test.3.4-cpu-ubi9")
		if w.at("test.3.4-cpu-ubi9") != old.Revision.Digest {
			t.Fatal("the old candidate is not back")
		}
		o = w.options(w.demo("4.0"))
		o.Base = publish.BaseCandidate // by itself it would build on live, which is newer
		w.publishWith(o)
		c := w.catalog("test.3.4-cpu-ubi9")
		if diff := cmp.Diff([]string{demo15, demo20, "demo-3.0-py3-none-any.whl", "demo-4.0-py3-none-any.whl", other10}, filenames(c)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	})
	t.Run("the head tells readers", func(t *testing.T) {
		t.Parallel()
		w := withdraw(t)
		r := w.wantLive(w.at("3.4-cpu-ubi9"))
		if got := r.Head.Promotion.Withdrawn; len(got) != 1 || got[0].Filename != demo10 || got[0].Reason != "malicious" {
			t.Errorf("the head withdraws %v", got)
		}
	})
}

func TestRetention(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name      string
		after     time.Duration
		retention time.Duration
		want      []string
	}{
		{"within it", 9 * day, 10 * day, []string{demo09 + " since 2"}},
		{"after it", 11 * day, 10 * day, []string{}},
		{"without one", 4000 * day, 0, []string{demo09 + " since 2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := shop(t)
			w.now = w.now.Add(tt.after)
			o := w.options(w.demo("3.0"))
			o.Retention = tt.retention
			p := w.publishWith(o)
			if diff := cmp.Diff(tt.want, retired(w.catalog("test.3.4-cpu-ubi9"))); diff != "" {
				t.Errorf("retired (-want +got):\n%s", diff)
			}
			if expired := strings.Contains(strings.Join(lines(p), "\n"), "expire "+demo09); expired != (len(tt.want) == 0) {
				t.Errorf("the plan says %v", lines(p))
			}
			w.promote()
			w.wantLive(p.Revision.Digest)
		})
	}
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		edit func(t testing.TB, w *world, o *publish.Options)
		want string
	}{
		{"to remove what there never was", func(t testing.TB, _ *world, o *publish.Options) {
			o.Remove = []publish.Selector{selector(t, "demo==9")}
		}, "remove demo==9: no file of the index matches"},
		{"to yank what is retired", func(t testing.TB, _ *world, o *publish.Options) { o.Yank = marks(t, "", demo09) }, "yank " + demo09 + ": no file"},
		{"to withdraw what there never was", func(t testing.TB, _ *world, o *publish.Options) { o.Withdraw = marks(t, "x", "nothing") }, "withdraw nothing: no file"},
		{"a status of no project", func(_ testing.TB, _ *world, o *publish.Options) {
			o.Status = []publish.StatusMark{{Project: "nothing", Status: "archived"}}
		}, "the index has no such project"},
		{"a status that is none", func(_ testing.TB, _ *world, o *publish.Options) {
			o.Status = []publish.StatusMark{{Project: "demo", Status: "old"}}
		}, `"old": want archived, quarantined, deprecated or active`},
		{"a reason with a line end", func(t testing.TB, _ *world, o *publish.Options) { o.Yank = marks(t, "a\nb", "demo") }, "control character"},
		{"a file for an archived project", func(_ testing.TB, w *world, o *publish.Options) {
			archive := w.options()
			archive.Status = []publish.StatusMark{{Project: "demo", Status: "archived", Reason: "done"}}
			w.publishWith(archive)
			o.Files = []publish.Candidate{w.demo("3.0")}
		}, "project demo is archived: done and takes no files; 'pinwheel mark status demo active' opens it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := shop(t)
			o := w.options()
			tt.edit(t, w, &o)
			_, err := publish.NewPlan(t.Context(), w.store, o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestParseSelector(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0a", 32)
	for _, tt := range []struct{ name, text, want string }{
		{"a wheel", demo10, ""},
		{"an sdist", "demo-1.0.tar.gz", ""},
		{"a wheel with its hash", demo10 + "@sha256:" + hash, ""},
		{"a project", "demo", ""},
		{"versions", "demo >=1, !=1.3", ""},
		{"half a hash", demo10 + "@sha256:0a", "want 64"},
		{"an extra", "demo[x]", "select no files"},
		{"a marker", "demo; python_version<'3'", "select no files"},
		{"an address", "demo @ file:///x", "select no files"},
		{"nothing", "", "neither the name of a file nor a project"},
		{"a path", "dist/" + demo10, "neither the name of a file nor a project"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := publish.ParseSelector(tt.text)
			if tt.want == "" && (err != nil || s.String() != tt.text) {
				t.Errorf("%q, error %v", s, err)
			}
			var bad *publish.InputError
			if tt.want != "" && (!errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want an input error that says %q", err, tt.want)
			}
		})
	}
}

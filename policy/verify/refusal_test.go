package verify_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// provocation makes a verifier give one reason.
type provocation struct {
	name string
	step int
	code policy.Code
	// do gets a world where revision 1 is live and gives the answer.
	do func(w *world) error
}

func polled(s *shim) error {
	_, err := s.Live(s.w.t.Context(), s.state)
	return err
}

// headWith answers with a head that was changed.
func headWith(edit func(*world, *handHead)) func(*world) error {
	return func(w *world) error {
		h := w.head()
		edit(w, &h)
		w.writeHead(w.store, h)
		return polled(w.shim())
	}
}

// catalogWith answers with a revision 2, live, whose catalog was changed.
func catalogWith(edit func(*world, *index.Catalog), members ...string) func(*world) error {
	return func(w *world) error {
		c := w.catalog(name.LiveTag())
		c.Previous, c.Serial, c.Issued = w.at(name.LiveTag()).Digest, 2, w.now
		edit(w, c)
		w.goLive(w.store, handRevision{catalog: c})
		return polled(w.shim(members...))
	}
}

func provocations() []provocation {
	return append(storeProvocations(), append(headProvocations(), revisionProvocations()...)...)
}

func storeProvocations() []provocation {
	empty := func(w *world, members ...string) *shim { return w.shim(members...).from(registry.NewMemory()) }
	return []provocation{
		{"a manifest without end", 1, policy.TooLarge, func(w *world) error {
			return polled(w.shim().from(&liar{Memory: w.store, lie: func(_ ocispec.Descriptor, _ io.Reader) (io.Reader, error) { return endless{}, nil }}))
		}},
		{"a registry that is down", 1, policy.Unavailable, func(w *world) error {
			return polled(w.shim().from(&liar{Memory: w.store, lie: func(ocispec.Descriptor, io.Reader) (io.Reader, error) { return nil, errors.New("503") }}))
		}},
		{"an index for a head", 1, policy.Malformed, func(w *world) error {
			w.must(w.store.Tag(w.t.Context(), w.at(name.LiveTag()), name.HeadTag()))
			return polled(w.shim())
		}},
		{"no head", 1, policy.HeadMissing, func(w *world) error { return polled(empty(w)) }},
		{"nothing live", 1, policy.LiveMissing, func(w *world) error { return polled(empty(w, "freshness: none")) }},
		{"no candidate", 1, policy.CandidateMissing, func(w *world) error {
			_, err := empty(w).Candidate(w.t.Context(), nil)
			return err
		}},
		{"no release", 1, policy.ReleaseMissing, func(w *world) error { return polled(w.shim("follow: release", "freshness: none")) }},
		{"a release of other variants", 1, policy.NotInRelease, func(w *world) error {
			w.writeRelease(1, map[string]index.Released{"other": w.released(1, 1)[name.Variant]})
			return polled(w.shim("follow: release", "freshness: none"))
		}},
		{"a pin that nothing names", 1, policy.NotNamed, func(w *world) error {
			_, err := w.shim().Pinned(w.t.Context(), digest.FromString("x"), nil)
			return err
		}},
		{"a revision that is gone", 5, policy.RevisionMissing, headWith(func(_ *world, h *handHead) { h.Promotion.Revision = digest.FromString("gone") })},
		{"a mirror of nothing that was live", 4, policy.Lag, func(w *world) error {
			h := w.head()
			h.Promotion.Revision = digest.FromString("gone")
			w.writeHead(w.store, h)
			return polled(w.shim("maxLag: 1d"))
		}},
		{"other bytes for the catalog", 7, policy.WrongDigest, func(w *world) error {
			l, err := w.shim().Load(w.t.Context(), name.LiveTag())
			w.must(err)
			flip := &liar{Memory: w.store, lie: func(d ocispec.Descriptor, r io.Reader) (io.Reader, error) {
				if d.Digest == l.CatalogEntry.Digest {
					return flipped(r, 0)
				}
				return r, nil
			}}
			return polled(w.shim().from(flip))
		}},
	}
}

func headProvocations() []provocation {
	return []provocation{
		{"a promotion by a stranger", 2, policy.HeadSignature, headWith(func(w *world, h *handHead) { h.promote[0] = w.key("stranger") })},
		{"a promotion of another index", 2, policy.HeadName, headWith(func(_ *world, h *handHead) {
			h.Promotion.Name, h.Freshness.Name = "tools/3.4/cuda13.0-ubi9", "tools/3.4/cuda13.0-ubi9"
		})},
		{"a promotion of another epoch", 2, policy.HeadEpoch, headWith(func(_ *world, h *handHead) { h.Promotion.Epoch, h.Freshness.Epoch = 2, 2 })},
		{"a promotion from the future", 2, policy.HeadFuture, headWith(func(w *world, h *handHead) {
			h.Promotion.Issued = w.now.Add(policy.DefaultSkew + time.Second)
		})},
		{"a freshness from the future", 3, policy.HeadFuture, headWith(func(w *world, h *handHead) {
			h.Freshness.Issued = w.now.Add(policy.DefaultSkew + time.Second)
		})},
		{"a freshness of another promotion", 3, policy.FreshnessSignature, headWith(func(_ *world, h *handHead) { h.Freshness.Promotion = hex64 })},
		{"a freshness of another index", 3, policy.FreshnessSignature, headWith(func(_ *world, h *handHead) { h.Freshness.Name = "tools/3.4/other" })},
		{"a freshness by a release key", 3, policy.FreshnessSignature, headWith(func(w *world, h *handHead) { h.fresh = w.release })},
		{"an old freshness", 3, policy.Expired, headWith(func(w *world, h *handHead) {
			h.Freshness.Issued, h.Freshness.Expires = w.now.Add(-week), w.now
		})},
		{"a lower sequence", 4, policy.Rollback, func(w *world) error { return afterState(w, func(s *policy.State) { s.Sequence = 2 }) }},
		{"a lower counter", 4, policy.Rollback, func(w *world) error { return afterState(w, func(s *policy.State) { s.Counter = 2 }) }},
		{"another promotion with this sequence", 4, policy.Equivocation, func(w *world) error {
			return afterState(w, func(s *policy.State) { s.Promotion = hex64 })
		}},
		{"a release of another epoch", 2, policy.HeadEpoch, func(w *world) error {
			w.writeRelease(1, w.released(1, 1), func(r *index.Release) { r.Epoch = 2 })
			return polled(w.shim("follow: release", "freshness: none"))
		}},
		{"a release of another product", 2, policy.HeadName, func(w *world) error {
			w.writeRelease(1, w.released(1, 1), func(r *index.Release) { r.Product = "other" })
			return polled(w.shim("follow: release", "freshness: none"))
		}},
		{"a release from the future", 2, policy.HeadFuture, func(w *world) error {
			w.writeRelease(1, w.released(1, 1), func(r *index.Release) { r.Issued = w.now.Add(time.Hour) })
			return polled(w.shim("follow: release", "freshness: none"))
		}},
		{"a release with the signature of another", 2, policy.HeadSignature, func(w *world) error {
			r := index.Release{Epoch: 1, Format: 1, Issued: w.now, Product: "tools", Sequence: 1, Series: "3.4", Variants: w.released(1, 1)}
			other := r
			other.Sequence = 2
			w.signRelease(&r, &other, w.promote...)
			return polled(w.shim("follow: release", "freshness: none"))
		}},
		{"a release by a release key", 2, policy.HeadSignature, func(w *world) error {
			r := index.Release{Epoch: 1, Format: 1, Issued: w.now, Product: "tools", Sequence: 1, Series: "3.4", Variants: w.released(1, 1)}
			w.signRelease(&r, &r, w.release...)
			return polled(w.shim("follow: release", "freshness: none"))
		}},
	}
}

// afterState answers with a state that was changed after the first poll.
func afterState(w *world, edit func(*policy.State)) error {
	s := w.shim()
	s.serves(w.at(name.LiveTag()).Digest)
	edit(s.state)
	return polled(s)
}

func revisionProvocations() []provocation {
	return []provocation{
		{"a revision by a stranger", 9, policy.ReleaseSignature, func(w *world) error {
			w.release[0] = w.key("stranger")
			return catalogWith(func(*world, *index.Catalog) {})(w)
		}},
		{"a revision of another index", 10, policy.WrongName, catalogWith(func(_ *world, c *index.Catalog) { c.Variant = "other" })},
		{"a revision of another epoch", 10, policy.WrongEpoch, catalogWith(func(_ *world, c *index.Catalog) { c.Epoch = 2 })},
		{"another serial than the head's", 10, policy.WrongSerial, headWith(func(_ *world, h *handHead) { h.Promotion.Serial = 2 })},
		{"another serial than the release's", 10, policy.WrongSerial, func(w *world) error {
			e := w.released(1, 1)[name.Variant]
			e.Serial = 2
			w.writeRelease(1, map[string]index.Released{name.Variant: e})
			return polled(w.shim("follow: release", "freshness: none"))
		}},
		{"a serial below the floor", 10, policy.MinSerial, func(w *world) error { return polled(w.shim("minSerial: 2")) }},
		{"a jump", 10, policy.MaxJump, func(w *world) error { return jump(w, "maxJump: 5") }},
		{"a jump that is not the recorded one", 10, policy.MaxJump, func(w *world) error { return jump(w, "maxJump: 5", "allowJumpTo: 8") }},
		{"a lower serial", 10, policy.Rollback, func(w *world) error { return afterState(w, func(s *policy.State) { s.Serial = 2 }) }},
		{"another catalog with this serial", 10, policy.Equivocation, func(w *world) error {
			return afterState(w, func(s *policy.State) { s.Catalog = hex64 })
		}},
		{"a wheel for another machine", 11, policy.OutsideTarget, func(w *world) error {
			w.publish(wheeltest.Wheel{Tags: "cp312-cp312-manylinux_2_28_x86_64", Version: "3.0"})
			c := w.catalog(name.CandidateTag())
			c.Target = &index.Target{Platforms: []string{"linux_aarch64"}, Pythons: []string{"3.12"}}
			w.goLive(w.store, handRevision{catalog: c})
			return polled(w.shim())
		}},
		{"an index that is not its catalog's", 12, policy.IndexMismatch, func(w *world) error {
			c := w.catalog(name.LiveTag())
			more := *c
			more.Evidence = []artifact.Blob{{Digest: digest.FromString("x"), Size: 1}}
			_, catalogEntry, signatureEntry := w.writeRevision(w.store, handRevision{catalog: c})
			data, err := index.Build(catalogEntry, signatureEntry, &more)
			w.must(err)
			w.tag(w.store, artifact.MediaTypeIndex, w.put(w.store, artifact.MediaTypeIndex, data), name.CandidateTag())
			_, err = w.shim().Candidate(w.t.Context(), nil)
			return err
		}},
		{"nothing new for too long", 13, policy.TooOld, func(w *world) error {
			w.pass(31 * 24 * time.Hour)
			return polled(w.shim("freshness: maxAge", "maxAge: 30d"))
		}},
		{"a catalog that will never be old", 13, policy.CatalogFuture, catalogWith(func(w *world, c *index.Catalog) {
			c.Issued = w.now.Add(time.Hour)
		}, "freshness: maxAge", "maxAge: 30d")},
		{"no gates", 14, policy.GatesNotPassed, func(w *world) error { return polled(w.shim("requireGates: true")) }},
		{"failed gates", 14, policy.GatesNotPassed, catalogWith(func(_ *world, c *index.Catalog) {
			c.Gates = &index.Gates{Result: "fail"}
		}, "requireGates: true")},
		{"more withdrawals than can be kept", 15, policy.TooLarge, catalogWith(func(_ *world, c *index.Catalog) {
			for i := range 4000 {
				c.Withdrawn = append(c.Withdrawn, index.Withdrawn{
					Filename: "gone-" + strconv.Itoa(10000+i) + "-py3-none-any.whl", Reason: strings.Repeat("r", index.MaxReason), SHA256: hex64, Since: 1,
				})
			}
		})},
	}
}

// jump answers a reader that knows serial 1 with serial 7.
func jump(w *world, members ...string) error {
	s := w.shim(members...)
	s.serves(w.at(name.LiveTag()).Digest)
	w.pass(time.Hour)
	c := w.catalog(name.LiveTag())
	c.Serial, c.Issued = 7, w.now
	w.goLive(w.store, handRevision{catalog: c})
	return polled(s)
}

func TestEveryReason(t *testing.T) {
	t.Parallel()
	for _, p := range provocations() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ship("1.0")
			wantRefusal(t, p.do(w), p.step, p.code)
		})
	}
}

func TestWhatIsAllowedNextToTheReasons(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*world) error{
		"the recorded jump": func(w *world) error { return jump(w, "maxJump: 5", "allowJumpTo: 7") },
		"passed gates": catalogWith(func(_ *world, c *index.Catalog) {
			c.Gates = &index.Gates{Result: "pass"}
		}, "requireGates: true"),
		"a clock that is a little behind": headWith(func(w *world, h *handHead) {
			h.Promotion.Issued = w.now.Add(policy.DefaultSkew)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ship("1.0")
			w.must(do(w))
		})
	}
}

// The table above provokes every code that package policy declares.
func TestEveryCodeIsProvoked(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "../refusal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	provoked := map[string]bool{}
	for _, p := range provocations() {
		provoked[string(p.code)] = true
	}
	declared := 0
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" {
			t.Errorf("%v is not declared as a Code", spec.Names)
			return true
		}
		for _, v := range spec.Values {
			code, _ := strconv.Unquote(v.(*ast.BasicLit).Value)
			declared++
			if !provoked[code] {
				t.Errorf("no test provokes %q", code)
			}
		}
		return true
	})
	if declared < 30 {
		t.Errorf("found %d codes only", declared)
	}
}

// liar is a registry that gives other bytes than it should.
type liar struct {
	*registry.Memory
	lie func(ocispec.Descriptor, io.Reader) (io.Reader, error)
}

func (l *liar) Fetch(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	rc, err := l.Memory.Fetch(ctx, desc)
	if err != nil {
		return nil, err
	}
	r, err := l.lie(desc, rc)
	return io.NopCloser(r), err
}

func (l *liar) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	desc, err := l.Resolve(ctx, reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	rc, err := l.Fetch(ctx, desc)
	return desc, rc, err
}

// endless is data that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// flipped changes one bit.
func flipped(r io.Reader, at int) (io.Reader, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	data[at%len(data)] ^= 4
	return strings.NewReader(string(data)), nil
}

package verify_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
)

// fetched are the distinct objects that one verification reads, in order.
func fetched(w *world) []digest.Digest {
	w.t.Helper()
	var list []digest.Digest
	spy := &liar{Memory: w.store, lie: func(d ocispec.Descriptor, r io.Reader) (io.Reader, error) {
		if !slices.Contains(list, d.Digest) {
			list = append(list, d.Digest)
		}
		return r, nil
	}}
	_, err := w.shim().from(spy).poll()
	w.must(err)
	return list
}

func TestEveryObjectIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ship("1.0")
	objects := fetched(w)
	if len(objects) != 8 { // head, promotion, freshness, index, catalog manifest, catalog, signature manifest, signature
		t.Errorf("%d objects, want 8", len(objects))
	}
	lies := map[string]func(io.Reader) (io.Reader, error){
		"first bit flipped":  func(r io.Reader) (io.Reader, error) { return flipped(r, 0) },
		"middle bit flipped": func(r io.Reader) (io.Reader, error) { return flipped(r, 101) },
		"one byte more":      func(r io.Reader) (io.Reader, error) { return io.MultiReader(r, bytes.NewReader([]byte("\n"))), nil },
		"cut short":          func(r io.Reader) (io.Reader, error) { return io.LimitReader(r, 40), nil },
		"nothing":            func(io.Reader) (io.Reader, error) { return bytes.NewReader(nil), nil },
	}
	for i, object := range objects {
		for what, lie := range lies {
			s := w.shim().from(&liar{Memory: w.store, lie: func(d ocispec.Descriptor, r io.Reader) (io.Reader, error) {
				if d.Digest == object {
					return lie(r)
				}
				return r, nil
			}})
			r, err := s.poll()
			if err == nil || s.state != nil {
				t.Errorf("object %d, %s: accepted as %s", i, what, r.Digest)
				continue
			}
			wantCode(t, err, policy.WrongDigest)
		}
	}
}

func wantCode(t testing.TB, err error, code policy.Code) {
	t.Helper()
	var r *policy.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Errorf("got %v, want (%s)", err, code)
	}
}

// counted is endless data that counts how much of it was read.
type counted struct {
	mu sync.Mutex
	n  int64
}

func (c *counted) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += int64(len(p))
	return len(p), nil
}

func TestEndlessData(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ship("1.0")
	for i, object := range fetched(w) {
		data := &counted{}
		s := w.shim().from(&liar{Memory: w.store, lie: func(d ocispec.Descriptor, r io.Reader) (io.Reader, error) {
			if d.Digest == object {
				return data, nil
			}
			return r, nil
		}})
		if _, err := s.poll(); err == nil {
			t.Errorf("object %d: accepted", i)
		}
		// What has an announced size is not read beyond it, the rest to its limit.
		if data.n > index.MaxRevision+1<<20 {
			t.Errorf("object %d: %d bytes read", i, data.n)
		}
	}
}

func TestAnnouncedSizesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ship("1.0")
	c := w.catalog(name.LiveTag())
	_, catalogEntry, signatureEntry := w.writeRevision(w.store, handRevision{catalog: c})
	for what, entries := range map[string][2]artifact.Blob{
		"catalog":   {{Digest: catalogEntry.Digest, Size: artifact.MaxManifest + 1}, signatureEntry},
		"signature": {catalogEntry, {Digest: signatureEntry.Digest, Size: artifact.MaxManifest + 1}},
	} {
		data, err := index.Build(entries[0], entries[1], c)
		w.must(err)
		w.tag(w.store, artifact.MediaTypeIndex, w.put(w.store, artifact.MediaTypeIndex, data), name.CandidateTag())
		_, err = w.shim().Candidate(t.Context(), nil)
		t.Log(what, err)
		wantCode(t, err, policy.TooLarge)
	}
}

// TestSignaturesThatAreNotOnThisCatalog embeds good signatures that say
// something else; each is ignored, and alone is not enough.
func TestSignaturesThatAreNotOnThisCatalog(t *testing.T) {
	t.Parallel()
	type maker = func(w *world, entry artifact.Blob, c index.Claims) [][]byte
	claim := func(edit func(*index.Claims)) maker {
		return func(w *world, entry artifact.Blob, c index.Claims) [][]byte {
			edit(&c)
			return w.origins(entry, c, w.release...)
		}
	}
	tests := map[string]maker{
		"transplanted from the last revision": func(w *world, _ artifact.Blob, _ index.Claims) [][]byte {
			l, err := w.shim().Load(w.t.Context(), name.LiveTag())
			w.must(err)
			c := index.Claims{Catalog: l.CatalogSHA256, Epoch: 1, Issued: l.Catalog.Issued, Name: name.String(), Serial: 1}
			return w.origins(l.CatalogEntry, c, w.release...)
		},
		"an SBOM on the same subject": func(w *world, entry artifact.Blob, c index.Claims) [][]byte {
			s, err := dsse.NewStatement("https://spdx.dev/Document", c.Name, entry.Digest.Encoded(), c)
			w.must(err)
			return [][]byte{w.bundle(w.release[0], s)}
		},
		"two subjects": func(w *world, entry artifact.Blob, c index.Claims) [][]byte {
			s, err := c.Statement(entry.Digest)
			w.must(err)
			s.Subject = append(s.Subject, dsse.Subject{Digest: map[string]string{"sha256": hex64}})
			return [][]byte{w.bundle(w.release[0], s)}
		},
		"about another index":   claim(func(c *index.Claims) { c.Name = "tools/3.4/other" }),
		"of another epoch":      claim(func(c *index.Claims) { c.Epoch = 2 }),
		"of another serial":     claim(func(c *index.Claims) { c.Serial = 3 }),
		"of another time":       claim(func(c *index.Claims) { c.Issued = c.Issued.Add(-time.Second) }),
		"of another catalog":    claim(func(c *index.Claims) { c.Catalog = hex64 }),
		"no bundle":             func(*world, artifact.Blob, index.Claims) [][]byte { return [][]byte{[]byte("hello")} },
		"by a key of promotion": func(w *world, entry artifact.Blob, c index.Claims) [][]byte { return w.origins(entry, c, w.promote...) },
		"by a stranger": func(w *world, entry artifact.Blob, c index.Claims) [][]byte {
			return w.origins(entry, c, w.key("stranger"))
		},
	}
	for what, foreign := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.ship("1.0")
			w.pass(time.Hour)
			c := w.catalog(name.LiveTag())
			c.Serial, c.Issued, c.Previous = 2, w.now, first
			w.goLive(w.store, handRevision{catalog: c, bundles: func(entry artifact.Blob, c index.Claims) [][]byte { return foreign(w, entry, c) }})
			w.shim().refuses(9, policy.ReleaseSignature)

			// Beside a good one it does no harm.
			both := w.goLive(w.store, handRevision{catalog: c, bundles: func(entry artifact.Blob, c index.Claims) [][]byte {
				return append(foreign(w, entry, c), w.origins(entry, c, w.release...)...)
			}})
			if r := w.shim().serves(both); r.Ignored != 1 || len(r.Keys) != 1 {
				t.Errorf("%d ignored, signed by %v", r.Ignored, r.Keys)
			}
		})
	}
}

// edited changes the index's JSON and spells it canonically again.
func edited(t testing.TB, edit func(map[string]any)) func([]byte) []byte {
	return func(data []byte) []byte {
		t.Helper()
		var v map[string]any
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		edit(v)
		out, err := strictjson.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func entry(v map[string]any, i int) map[string]any { return v["manifests"].([]any)[i].(map[string]any) }

func TestIndexesThatAreNotTheirCatalogs(t *testing.T) {
	t.Parallel()
	swap := func(i, j int) func(map[string]any) {
		return func(v map[string]any) {
			m := v["manifests"].([]any)
			m[i], m[j] = m[j], m[i]
		}
	}
	set := func(i int, member string, value any) func(map[string]any) {
		return func(v map[string]any) { entry(v, i)[member] = value }
	}
	tests := []struct {
		name string
		step int
		code policy.Code
		edit func(map[string]any)
	}{
		{"one child more", 12, policy.IndexMismatch, func(v map[string]any) {
			extra := map[string]any{"digest": "sha256:" + hex64, "mediaType": artifact.MediaTypeManifest, "size": 7, "platform": entry(v, 0)["platform"]}
			v["manifests"] = append(v["manifests"].([]any), extra)
		}},
		{"one child less", 12, policy.IndexMismatch, func(v map[string]any) { v["manifests"] = v["manifests"].([]any)[:3] }},
		{"another order", 12, policy.IndexMismatch, swap(2, 3)},
		{"another child", 12, policy.IndexMismatch, set(3, "digest", "sha256:"+hex64)},
		{"another size", 12, policy.IndexMismatch, set(3, "size", 7)},
		{"a file with a role", 12, policy.IndexMismatch, set(3, "annotations", map[string]any{"io.github.pinwheel-oci.role": "evidence"})},
		{"signature before catalog", 6, policy.Malformed, swap(0, 1)},
		{"two catalogs", 6, policy.Malformed, func(v map[string]any) { entry(v, 2)["annotations"] = entry(v, 0)["annotations"] }},
		{"no signature", 6, policy.Malformed, func(v map[string]any) { v["manifests"] = v["manifests"].([]any)[:1] }},
		{"nothing", 6, policy.Malformed, func(v map[string]any) { v["manifests"] = []any{} }},
		{"a child twice", 6, policy.Malformed, func(v map[string]any) { v["manifests"].([]any)[3] = v["manifests"].([]any)[2] }},
		{"a nested index", 6, policy.Malformed, set(3, "mediaType", artifact.MediaTypeIndex)},
		{"a child with an address", 6, policy.Malformed, set(3, "urls", []string{"https://registry.example/x"})},
		{"a child with its data", 6, policy.Malformed, set(3, "data", "aGVsbG8=")},
		{"a child for one platform", 6, policy.Malformed, set(3, "platform", map[string]any{"os": "linux", "architecture": "amd64"})},
		{"a child with a title", 6, policy.Malformed, set(3, "annotations", map[string]any{"org.opencontainers.image.title": "x"})},
		{"a subject", 6, policy.Malformed, func(v map[string]any) { v["subject"] = entry(v, 0) }},
		{"an artifact type", 6, policy.Malformed, func(v map[string]any) { v["artifactType"] = "x/y" }},
		{"annotations", 6, policy.Malformed, func(v map[string]any) { v["annotations"] = map[string]string{"a": "b"} }},
		{"another media type inside", 6, policy.Malformed, func(v map[string]any) { v["mediaType"] = artifact.MediaTypeManifest }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ship("1.0", "2.0")
			c := w.catalog(name.LiveTag())
			// With the promoter's word for it: the signatures are all good.
			w.goLive(w.store, handRevision{catalog: c, index: edited(t, test.edit)})
			w.shim().refuses(test.step, test.code)
		})
	}
	t.Run("white space", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.ship("1.0")
		w.goLive(w.store, handRevision{catalog: w.catalog(name.LiveTag()), index: func(b []byte) []byte { return append(b, '\n') }})
		w.shim().refuses(6, policy.Malformed)
	})
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err == nil {
		_, err = z.Write(data)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCatalogLayers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		code policy.Code // "" is good
		gzip func(t testing.TB, decoded []byte) []byte
	}{
		{"compressed", "", func(t testing.TB, d []byte) []byte { return zipped(t, d) }},
		{"a bomb", policy.TooLarge, func(t testing.TB, _ []byte) []byte { return zipped(t, make([]byte, index.MaxCatalog+1)) }},
		{"data after the end", policy.Malformed, func(t testing.TB, d []byte) []byte { return append(zipped(t, d), 0) }},
		{"two members", policy.Malformed, func(t testing.TB, d []byte) []byte { return append(zipped(t, d[:9]), zipped(t, d[9:])...) }},
		{"cut short", policy.Malformed, func(t testing.TB, d []byte) []byte { z := zipped(t, d); return z[:len(z)-4] }},
		{"not compressed at all", policy.Malformed, func(_ testing.TB, d []byte) []byte { return d }},
		{"a duplicate member", policy.Malformed, func(t testing.TB, d []byte) []byte {
			return zipped(t, bytes.Replace(d, []byte(`"epoch":1`), []byte(`"epoch":1,"epoch":1`), 1))
		}},
		{"an unknown member", policy.Malformed, func(t testing.TB, d []byte) []byte {
			return zipped(t, bytes.Replace(d, []byte(`"epoch":1`), []byte(`"epoch":1,"extra":1`), 1))
		}},
		{"another spelling", policy.Malformed, func(t testing.TB, d []byte) []byte { return zipped(t, append(d, ' ')) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ship("1.0")
			c := w.catalog(name.LiveTag())
			decoded, err := c.Encode()
			w.must(err)
			live := w.goLive(w.store, handRevision{catalog: c, gzip: test.gzip(t, slices.Clone(decoded))})
			if test.code != "" {
				w.shim().refuses(7, test.code)
				return
			}
			w.shim().serves(live)
		})
	}
}

func TestHeadsThatDisagree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ship("1.0")
	h := w.head()
	one, err := h.Promotion.Statement()
	w.must(err)
	h.Promotion.Reason = "another"
	two, err := h.Promotion.Statement()
	w.must(err)
	second := w.key("promote-2")
	keys := w.standard() + w.policyKey("promote-2", "promote")
	w.writeBundles(w.store, w.bundle(w.promote[0], one), w.bundle(second, two), w.bundle(w.refresh, one))
	w.shimWith(keys).refuses(2, policy.Malformed)

	// The freshness may not be a promotion, nor the other way round.
	w.writeBundles(w.store, w.bundle(w.promote[0], one), w.bundle(w.promote[0], one))
	w.shim().refuses(3, policy.Malformed)
	h.Freshness.Promotion = hex64
	f, err := h.Freshness.Statement()
	w.must(err)
	w.writeBundles(w.store, w.bundle(w.promote[0], f), w.bundle(w.promote[0], f))
	w.shim().refuses(2, policy.Malformed)
	w.writeBundles(w.store, []byte("hello"), w.bundle(w.promote[0], f))
	w.shim().refuses(2, policy.HeadSignature)
}

func FuzzGunzip(f *testing.F) {
	f.Add(zipped(f, []byte("hello")))
	f.Add(append(zipped(f, []byte("hello")), zipped(f, nil)...))
	f.Add(zipped(f, make([]byte, 5000)))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 4096
		out, err := verify.Gunzip(data, limit)
		if err == nil && len(out) > limit {
			t.Errorf("%d bytes, the limit is %d", len(out), limit)
		}
		if err == nil {
			// One member and nothing else: another byte would be too much.
			if _, err := verify.Gunzip(append(slices.Clone(data), 0), limit); err == nil {
				t.Errorf("%x and one more byte is accepted", data)
			}
		}
	})
}

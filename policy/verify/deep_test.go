package verify_test

import (
	"archive/zip"
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

func TestDeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(append(platforms("1.0"), wheeltest.Wheel{Name: "packed", Deflate: true})...)
	first := w.promoteCandidate().Revision.Digest
	s := w.shim()
	r := s.serves(first)
	if n, err := s.Deep(t.Context(), r); err != nil || n != 4 {
		t.Errorf("%d artifacts, %v", n, err)
	}
	w.pass(time.Hour)
	second := w.publishOn(publish.BaseNone, nil, demo("2.0")...).Revision.Digest
	w.promoteCandidate()
	r = s.serves(second)
	if n, err := s.Deep(t.Context(), r); err != nil || n != 5 {
		t.Errorf("%d artifacts with the retired ones, %v", n, err)
	}
	w.must(w.store.Untag(t.Context(), name.RetiredTag()))
	_, err := s.Deep(t.Context(), r)
	wantRefusal(t, err, 18, policy.IndexMismatch)
	w.tag(w.store, artifact.MediaTypeIndex, artifact.Blob{Digest: second, Size: w.at(name.LiveTag()).Size}, name.RetiredTag())
	_, err = s.Deep(t.Context(), r)
	wantRefusal(t, err, 18, policy.IndexMismatch)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Deep(ctx, r); err == nil {
		t.Error("goes on after it was cancelled")
	}
}

// forged makes revision 2 live with one wheel that an honest publisher would
// not have taken; the keys are all good.
func (w *world) forged(data []byte, edit func(*index.File), metadata string) {
	w.t.Helper()
	f := index.File{
		Filename: "demo-9.0-py3-none-any.whl", PackageType: index.Wheel, Version: "9.0", UploadTime: w.now,
		SHA256: digest.FromBytes(data).Encoded(), Size: int64(len(data)),
		Metadata: &index.Hash{SHA256: digest.FromString(metadata).Encoded(), Size: int64(len(metadata))},
	}
	w.put(w.store, artifact.MediaTypeWheel, data)
	w.put(w.store, artifact.MediaTypeMetadata, []byte(metadata))
	m, err := artifact.FileManifest(artifact.File{
		Filename: f.Filename, Blob: artifact.Blob{Digest: digest.FromBytes(data), Size: f.Size},
		Metadata: &artifact.Blob{Digest: digest.FromString(metadata), Size: f.Metadata.Size},
	})
	w.must(err)
	encoded, err := m.Encode()
	w.must(err)
	f.Manifest = w.put(w.store, artifact.MediaTypeManifest, encoded)
	if edit != nil {
		edit(&f)
	}
	c := w.next()
	c.Projects[0].Files = append(c.Projects[0].Files, f)
	w.goLive(w.store, handRevision{catalog: c})
}

// next is the catalog of a second revision, so far as the first.
func (w *world) next() *index.Catalog {
	c := w.catalog(name.LiveTag())
	c.Previous, c.Serial, c.Issued = w.at(name.LiveTag()).Digest, 2, w.now
	return c
}

// judged makes a revision live that has one layer of evidence and names a report.
func (w *world) judged(evidence artifact.Layer, report artifact.Blob) {
	c := w.next()
	c.Evidence = []artifact.Blob{w.artifactOf(w.store, artifact.TypeEvidence, evidence)}
	c.Gates = &index.Gates{Result: "pass", Report: &report}
	w.goLive(w.store, handRevision{catalog: c})
}

func TestDeepRefuses(t *testing.T) {
	t.Parallel()
	nine := wheeltest.Wheel{Version: "9.0"}
	tests := []struct {
		name string
		code policy.Code
		part string // of the message
		do   func(w *world)
	}{
		{"METADATA beside the wheel that is not in it", policy.IndexMismatch, "METADATA", func(w *world) {
			w.forged(wheeltest.Build(t, nine), nil, nine.METADATA()+"Requires-Dist: evil\n")
		}},
		{"a manifest of another file", policy.IndexMismatch, "does not hold", func(w *world) {
			w.forged(wheeltest.Build(t, nine), func(f *index.File) {
				f.Manifest = w.catalog(name.LiveTag()).Projects[0].Files[0].Manifest
			}, nine.METADATA())
		}},
		{"a manifest with other bytes for the file", policy.IndexMismatch, "does not hold", func(w *world) {
			w.forged(wheeltest.Build(t, nine), func(f *index.File) { f.Size++ }, nine.METADATA())
		}},
		{"a manifest of another kind", policy.Malformed, "manifest", func(w *world) {
			l, err := w.shim().Load(t.Context(), name.LiveTag())
			w.must(err)
			w.forged(wheeltest.Build(t, nine), func(f *index.File) {
				f.Manifest = w.artifactOf(w.store, artifact.TypeCatalog, artifact.Layer{MediaType: artifact.MediaTypeCatalog, Blob: l.CatalogEntry})
			}, nine.METADATA())
		}},
		{"a manifest that is gone", policy.RevisionMissing, "sha256:", func(w *world) {
			w.forged(wheeltest.Build(t, nine), func(f *index.File) {
				f.Manifest = artifact.Blob{Digest: digest.FromString("gone"), Size: 4}
			}, nine.METADATA())
		}},
		{"a truncated wheel", policy.Malformed, "demo-9.0", func(w *world) {
			data := wheeltest.Build(t, nine)
			w.forged(data[:len(data)-30], nil, nine.METADATA())
		}},
		{"a wheel of another version", policy.Malformed, "demo-9.0", func(w *world) {
			w.forged(wheeltest.Build(t, wheeltest.Wheel{Version: "1.0"}), nil, nine.METADATA())
		}},
		{"a wheel without RECORD", policy.Malformed, "RECORD", func(w *world) {
			w.forged(wheeltest.Build(t, wheeltest.Wheel{Version: "9.0", Omit: []string{"RECORD"}}), nil, nine.METADATA())
		}},
		{"a member that is not what RECORD says", policy.Malformed, "RECORD says", func(w *world) {
			// The module says 9.1, and the checksums of the archive agree.
			other := wheeltest.Wheel{Version: "9.0", Files: map[string]string{"demo/__init__.py": "__version__ = \"9.1\"\n"}}
			w.forged(withRecordOf(t, other, nine), nil, nine.METADATA())
		}},
		{"a report that is gone", policy.RevisionMissing, "evidence", func(w *world) {
			gone := artifact.Layer{MediaType: artifact.MediaTypeReport, Blob: artifact.Blob{Digest: digest.FromString("gone"), Size: 4}}
			w.judged(gone, gone.Blob)
		}},
		{"a report that no evidence holds", policy.IndexMismatch, "report of the gates", func(w *world) {
			w.judged(w.layer(w.store, artifact.MediaTypeReport, []byte("one")), artifact.Blob{Digest: digest.FromString("two"), Size: 3})
		}},
		{"facts with a layer that is gone", policy.RevisionMissing, "facts", func(w *world) {
			c := w.next()
			c.Facts = []artifact.Blob{w.artifactOf(w.store, artifact.TypeFacts, artifact.Layer{MediaType: artifact.MediaTypeFacts, Blob: artifact.Blob{Digest: digest.FromString("gone"), Size: 4}})}
			w.goLive(w.store, handRevision{catalog: c})
		}},
		{"evidence that is gone", policy.RevisionMissing, "evidence", func(w *world) {
			c := w.next()
			c.Evidence = []artifact.Blob{{Digest: digest.FromString("gone"), Size: 4}}
			w.goLive(w.store, handRevision{catalog: c})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ship("1.0")
			w.pass(time.Hour)
			test.do(w)
			s := w.shim()
			r, err := s.poll() // good so far: all of it is signed
			w.must(err)
			_, err = s.Deep(t.Context(), r)
			wantRefusal(t, err, 18, test.code)
			if !strings.Contains(err.Error(), test.part) {
				t.Errorf("%q is missing from: %v", test.part, err)
			}
		})
	}
}

// withRecordOf is a wheel with the RECORD of another one of the same size.
func withRecordOf(t *testing.T, w, other wheeltest.Wheel) []byte {
	t.Helper()
	parts := [2]map[string][]byte{}
	var order []string
	for i, x := range []wheeltest.Wheel{w, other} {
		data := wheeltest.Build(t, x)
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		parts[i], order = map[string][]byte{}, nil
		for _, f := range z.File {
			rc, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			parts[i][f.Name], err = io.ReadAll(rc)
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, f.Name)
		}
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range order {
		content := parts[0][name]
		if strings.HasSuffix(name, "/RECORD") {
			content = parts[1][name]
		}
		h := &zip.FileHeader{Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(content), CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content))}
		f, err := z.CreateRaw(h)
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDeepChecksEveryByteAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	w := newWorld(t)
	first := w.ship("1.0")
	s := w.shim()
	r := s.serves(first)
	wheel := artifact.HexDigest(r.Catalog.Projects[0].Files[0].SHA256)
	for what, lie := range map[string]func(io.Reader) (io.Reader, error){
		"a flipped bit": func(r io.Reader) (io.Reader, error) { return flipped(r, 60) },
		"cut short":     func(r io.Reader) (io.Reader, error) { return io.LimitReader(r, 100), nil },
		"endless":       func(io.Reader) (io.Reader, error) { return endless{}, nil },
	} {
		s.from(&liar{Memory: w.store, lie: func(d ocispec.Descriptor, r io.Reader) (io.Reader, error) {
			if d.Digest == wheel {
				return lie(r)
			}
			return r, nil
		}})
		_, err := s.Deep(t.Context(), r)
		t.Log(what, err)
		wantRefusal(t, err, 18, policy.WrongDigest)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

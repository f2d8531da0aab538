package vectors_test

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
	"github.com/pinwheel-oci/pinwheel/test/signtest"
)

// world makes the valid vectors. They belong together: the wheels are in the
// catalogs, the catalogs in the revisions, the revisions in the promotions.
type world struct {
	t     testing.TB
	files map[string][]byte // by path in this directory
	built []build           // build.json
	keys  map[string]sign.Signer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, files: map[string][]byte{}, keys: map[string]sign.Signer{}}
	w.makeKeys()
	first := w.revision("first", w.firstCatalog(), "ed25519")
	w.revision("empty", w.emptyCatalog(), "ed25519")
	fullCatalog := w.fullCatalog(first)
	full := w.revision("full", fullCatalog, "ed25519", "ecdsa")
	w.retired("full", fullCatalog)
	w.heads(first, full, fullCatalog)
	w.releases(full)
	w.subsets(full, fullCatalog)
	w.otherArtifacts()
	w.put("build.json", must(strictjson.Marshal(w.built))(t))
	return w
}

// must turns (value, error) into a function that fails the test on an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// put records a file and returns what names it.
func (w *world) put(path string, data []byte) artifact.Blob {
	if _, ok := w.files[path]; ok {
		w.t.Fatalf("%s is made twice", path)
	}
	w.files[path] = data
	return blobOf(data)
}

func blobOf(data []byte) artifact.Blob {
	return artifact.Blob{Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// text stands for content that is not among the vectors: its bytes are the text.
func text(s string) artifact.Blob { return blobOf([]byte(s)) }

func at(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 30, 0, 0, time.UTC) }

func (w *world) makeKeys() {
	for name, kind := range map[string]string{"ed25519": dsse.Ed25519, "ecdsa": dsse.ECDSAP256, "stranger": dsse.Ed25519} {
		pair := signtest.Key
		if kind == dsse.ECDSAP256 {
			pair = signtest.ECDSA
		}
		signer, _, _, public := pair(w.t, "vectors "+name)
		w.keys[name] = signer
		w.put("bundles/keys/"+name+".pub", public)
	}
}

// distribution is the artifact of one or more files, each with METADATA unless
// its name ends in "!".
func distribution(t testing.TB, filenames ...string) (artifact.Manifest, []byte) {
	t.Helper()
	var files []artifact.File
	for _, name := range filenames {
		bare, lacks := strings.CutSuffix(name, "!")
		f := artifact.File{Filename: bare, Blob: text("bytes of " + bare)}
		if !lacks {
			m := text("metadata of " + bare)
			f.Metadata = &m
		}
		files = append(files, f)
	}
	m := must(artifact.FileManifest(files...))(t)
	return m, must(m.Encode())(t)
}

// file is the entry of a catalog for a file in the artifact with these files.
func (w *world) file(version, filename string, pack ...string) index.File {
	names := append([]string{filename}, pack...)
	slices.Sort(names)
	_, manifest := distribution(w.t, names...)
	bare, lacks := strings.CutSuffix(filename, "!")
	f := index.File{
		Filename: bare, Manifest: blobOf(manifest), PackageType: index.Wheel, SHA256: text("bytes of " + bare).Digest.Encoded(),
		Size: text("bytes of " + bare).Size, UploadTime: at(1, 9), Version: version,
	}
	if !strings.HasSuffix(bare, ".whl") {
		f.PackageType = index.Sdist
	}
	if !lacks {
		m := text("metadata of " + bare)
		f.Metadata = &index.Hash{SHA256: m.Digest.Encoded(), Size: m.Size}
	}
	return f
}

const (
	alpha08 = "alpha-0.8-py3-none-any.whl"
	alpha09 = "alpha-0.9-py3-none-any.whl"
	alpha10 = "alpha-1.0-py3-none-any.whl"
	sdist10 = "alpha-1.0.tar.gz"
	betaARM = "beta-2.1.0-3-cp312-cp312-manylinux_2_34_aarch64.whl"
	betaX86 = "beta-2.1.0-3-cp312-cp312-manylinux_2_34_x86_64.whl"
	gamma11 = "gamma-1.0-cp311-cp311-linux_x86_64.whl"
	gamma12 = "gamma-1.0-cp312-cp312-linux_x86_64.whl"
)

func (w *world) firstCatalog() *index.Catalog {
	return &index.Catalog{
		Format: 1, Product: "tools", Series: "3.4", Variant: "cpu-ubi9", Serial: 1, Epoch: 1, Issued: at(1, 9),
		Projects: []index.Project{{Name: "alpha", Changed: 1, Files: []index.File{w.file("0.8", alpha08)}}},
	}
}

func (w *world) emptyCatalog() *index.Catalog {
	return &index.Catalog{Format: 1, Product: "tools", Series: "3.5ea1", Variant: "rocm7.0-ubi9", Serial: 1, Epoch: 1, Issued: at(1, 9)}
}

// fullCatalog uses every member that there is.
func (w *world) fullCatalog(previous artifact.Blob) *index.Catalog {
	silently, reason := "", "built against the wrong library"
	provenance, report := text("provenance of "+betaX86), text("report of the gates")
	old, now, source := w.file("0.9", alpha09), w.file("1.0", alpha10), w.file("1.0", sdist10)
	arm, x86 := w.file("2.1.0", betaARM), w.file("2.1.0", betaX86)
	old.Yanked, arm.Yanked, x86.Provenance, now.RequiresPython = &silently, &reason, &provenance, ">=3.11"
	withdrawn := text("bytes of epsilon-1.0-py3-none-any.whl").Digest.Encoded()
	return &index.Catalog{
		Format: 1, Product: "tools", Series: "3.4", Variant: "cpu-ubi9", Serial: 3, Epoch: 1, Issued: at(3, 12), Previous: previous.Digest,
		Target: &index.Target{
			Accelerator: &index.Accelerator{Kind: "cuda", Version: "13.0"},
			Base: []index.Base{
				{Platform: "linux_aarch64", Libraries: []string{"libc.so.6"}},
				{Platform: "linux_x86_64", Libraries: []string{"libc.so.6", "libstdc++.so.6"}, Python: map[string]map[string]string{"3.12": {"pip": "26.3", "setuptools": "80.1.0"}}},
			},
			Gates: map[string]string{"provenance": "off", "sbom": "warn"},
			Glibc: "2.34", Glibcxx: "3.4.29", PackageTypes: []string{index.Wheel, index.Sdist},
			Partial: []index.Partial{{Project: "gamma", Platforms: []string{"linux_x86_64"}, Reason: "the vendor supports no other"}},
			Pins:    map[string]string{"torch": "==2.9.*"},
			Waivers: []index.Waiver{
				{Gate: "glibc", Project: "beta", Reason: "loads the library only on demand", Ticket: "TOOLS-17", Expires: at(30, 0)},
				{Gate: "symbols", Project: "gamma", Versions: "==1.0", Reason: "not imported by default", Ticket: "TOOLS-18", Expires: at(30, 0)},
			},
			Platforms: []string{"linux_aarch64", "linux_x86_64"}, Pythons: []string{"3.11", "3.12", "3.14t"},
		},
		Facts: []artifact.Blob{text("facts")}, Evidence: []artifact.Blob{text("evidence 1"), text("evidence 2")},
		Gates: &index.Gates{Live: previous.Digest, Report: &report, Result: "pass"},
		Ext:   strictjson.Raw(`{"io.example":{"list":[true,null,"é"],"number":1.5}}`),
		Projects: []index.Project{
			{Name: "alpha", Changed: 3, License: "Apache-2.0", Summary: `Ünïcode, "quotes", back\slash & <angle>`, Files: []index.File{old, now, source}},
			{Name: "beta", Changed: 2, Files: []index.File{arm, x86}},
			{Name: "delta-tools", Changed: 2, Status: &index.Status{Status: "archived", Reason: "use alpha"}},
			{Name: "gamma", Changed: 3, Status: &index.Status{Status: "deprecated"}, Files: []index.File{w.file("1.0", gamma11, gamma12), w.file("1.0", gamma12, gamma11)}},
		},
		Retired:   []index.RetiredFile{{File: w.file("0.8", alpha08), Since: 2, At: at(2, 12)}},
		Withdrawn: []index.Withdrawn{{Filename: "epsilon-1.0-py3-none-any.whl", Reason: "malicious code", SHA256: withdrawn, Since: 3}},
	}
}

// otherArtifacts are the manifests of files.
func (w *world) otherArtifacts() {
	long := strings.Repeat("long_", 43) + "name-1.0-py3-none-any.whl"
	for path, names := range map[string][]string{
		"wheel/valid/single.json":           {alpha10},
		"wheel/valid/build-tag.json":        {betaX86},
		"wheel/valid/pack.json":             {gamma11, gamma12},
		"wheel/valid/longest-name.json":     {strings.Repeat("x", artifact.MaxFilename-len(long)) + long},
		"sdist/valid/with-metadata.json":    {sdist10},
		"sdist/valid/without-metadata.json": {sdist10 + "!"},
		"sdist/valid/zip.json":              {"alpha-1.0.zip"},
	} {
		_, data := distribution(w.t, names...)
		w.put(path, data)
	}
}

// revision makes everything from the catalog to the index and returns what
// names the index.
func (w *world) revision(name string, c *index.Catalog, signers ...string) artifact.Blob {
	decoded := must(c.Encode())(w.t)
	w.put("catalog/valid/"+name+".json", decoded)
	layer := artifact.Layer{MediaType: artifact.MediaTypeCatalog, Blob: blobOf(decoded)}
	if name == "full" {
		layer = artifact.Layer{MediaType: artifact.MediaTypeCatalogGzip, Blob: w.put("catalog-gzip/valid/full.json.gz", w.gzipped(decoded))}
	}
	manifest := w.manifest("catalog-manifest/valid/"+name+".json", artifact.TypeCatalog, layer)
	claims := index.Claims{Catalog: digest.FromBytes(decoded).Encoded(), Epoch: c.Epoch, Issued: c.Issued, Name: c.Name().String(), Serial: c.Serial}
	statement := must(claims.Statement(manifest.Digest))(w.t)
	signature := w.manifest("signature/valid/"+name+".json", artifact.TypeSignature, w.bundles("revision", name, statement, signers...)...)
	data := must(index.Build(manifest, signature, c))(w.t)
	w.built = append(w.built, build{
		Index: "revision/valid/" + name + ".json", Catalog: "catalog/valid/" + name + ".json",
		CatalogEntry: &manifest, SignatureEntry: &signature,
	})
	return w.put("revision/valid/"+name+".json", data)
}

// gzipped stores without compressing, so that the bytes are the same with
// every version of the compressor.
func (w *world) gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := must(gzip.NewWriterLevel(&b, gzip.NoCompression))(w.t)
	must(z.Write(data))(w.t)
	must(0, z.Close())(w.t)
	return b.Bytes()
}

func (w *world) manifest(path, artifactType string, layers ...artifact.Layer) artifact.Blob {
	return w.put(path, must(artifact.Manifest{ArtifactType: artifactType, Layers: layers}.Encode())(w.t))
}

// bundles records a statement and a bundle over it for each signer.
func (w *world) bundles(kind, name string, s dsse.Statement, signers ...string) []artifact.Layer {
	w.put("statements/"+kind+"/valid/"+name+".json", must(s.Encode())(w.t))
	var layers []artifact.Layer
	for _, signer := range signers {
		blob := w.put("bundles/valid/"+kind+"-"+name+"-"+signer+".json", must(sign.Bundle(w.keys[signer], s))(w.t))
		layers = append(layers, artifact.Layer{MediaType: artifact.MediaTypeBundle, Blob: blob})
	}
	return layers
}

func (w *world) retired(name string, c *index.Catalog) {
	w.put("retired/valid/"+name+".json", must(index.BuildRetired(c))(w.t))
	w.built = append(w.built, build{Index: "retired/valid/" + name + ".json", Catalog: "catalog/valid/" + name + ".json"})
}

func (w *world) heads(first, full artifact.Blob, c *index.Catalog) {
	p := index.Promotion{
		By: "release team", Epoch: 1, Issued: at(1, 10), Name: "tools/3.4/cpu-ubi9", Reason: "first revision",
		Revision: first.Digest, Sequence: 1, Serial: 1, Stage: index.StageLive,
	}
	w.head("first", p, "ed25519")
	p.Recent = []index.Recent{{From: p.Issued, Revision: first.Digest, Sequence: 1, Serial: 1, Until: at(3, 14)}}
	p.Issued, p.Reason, p.Revision, p.Sequence, p.Serial, p.Withdrawn = at(3, 14), "gamma 1.0", full.Digest, 2, 3, c.Withdrawn
	w.head("full", p, "ed25519", "ecdsa")
}

// head has the promotion signed by each signer and the freshness by the first.
func (w *world) head(name string, p index.Promotion, signers ...string) {
	statement := must(p.Statement())(w.t)
	layers := w.bundles("promotion", name, statement, signers...)
	f := index.Freshness{
		Counter: 1, Epoch: p.Epoch, Issued: p.Issued, Expires: p.Issued.Add(7 * 24 * time.Hour), Name: p.Name,
		Promotion: digest.FromBytes(must(statement.Encode())(w.t)).Encoded(), Stage: p.Stage,
	}
	layers = append(layers, w.bundles("freshness", name, must(f.Statement())(w.t), signers[0])...)
	w.manifest("head/valid/"+name+".json", artifact.TypeHead, layers...)
}

func (w *world) releases(full artifact.Blob) {
	for name, signers := range map[string][]string{"one": {"ed25519"}, "two": {"ed25519", "ecdsa"}} {
		r := index.Release{
			Epoch: 1, Format: 1, Issued: at(4, 8), Product: "tools", Sequence: 1, Series: "3.4",
			Variants: map[string]index.Released{"cpu-ubi9": {HeadSequence: 2, Revision: full.Digest, Serial: 3}},
		}
		if name == "two" {
			r.Sequence, r.Variants["cuda13.0-ubi9"] = 2, index.Released{HeadSequence: 5, Revision: text("revision of cuda13.0-ubi9").Digest, Serial: 7}
		}
		layer := artifact.Layer{MediaType: artifact.MediaTypeRelease, Blob: w.put("release/valid/"+name+".json", must(r.Encode())(w.t))}
		bundles := w.bundles("release", name, must(r.Statement())(w.t), signers...)
		w.manifest("release-manifest/valid/"+name+".json", artifact.TypeRelease, append([]artifact.Layer{layer}, bundles...)...)
	}
}

func (w *world) subsets(full artifact.Blob, c *index.Catalog) {
	entries := w.built[len(w.built)-2] // those of full
	for name, s := range map[string]index.Subset{
		"newest":    {Newest: 1},
		"platforms": {Platforms: []string{"linux_aarch64"}},
		"both":      {Newest: 1, Platforms: []string{"linux_aarch64", "linux_x86_64"}},
	} {
		s.Format, s.Name, s.Revision = 1, c.Name().String(), full.Digest
		blob := w.put("subset/valid/"+name+".json", must(s.Encode())(w.t))
		w.manifest("subset-manifest/valid/"+name+".json", artifact.TypeSubset, artifact.Layer{MediaType: artifact.MediaTypeSubset, Blob: blob})
		path := "revision/valid/subset-" + name + ".json"
		w.put(path, must(s.Build(*entries.CatalogEntry, *entries.SignatureEntry, c))(w.t))
		w.built = append(w.built, build{
			Index: path, Catalog: entries.Catalog, CatalogEntry: entries.CatalogEntry, SignatureEntry: entries.SignatureEntry,
			Subset: "subset/valid/" + name + ".json",
		})
	}
	slices.SortFunc(w.built, func(a, b build) int { return strings.Compare(a.Index, b.Index) })
}

// build says what an index is built from: paths of vectors, and the two
// entries that are not in the catalog. A retired index has no entries.
type build struct {
	Catalog        string         `json:"catalog"`
	CatalogEntry   *artifact.Blob `json:"catalog-entry,omitzero"`
	Index          string         `json:"index"`
	SignatureEntry *artifact.Blob `json:"signature-entry,omitzero"`
	Subset         string         `json:"subset,omitzero"`
}

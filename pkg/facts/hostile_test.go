package facts_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

func (s *store) put(data []byte) artifact.Blob {
	d := digest.FromBytes(data)
	s.content[d] = data
	return artifact.Blob{Digest: d, Size: int64(len(data))}
}

func packed(data string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(data))
	z.Close()
	return b.Bytes()
}

func (s *store) chunk(data string) artifact.Layer {
	return artifact.Layer{MediaType: artifact.MediaTypeFacts, Blob: s.put(packed(data))}
}

func (s *store) exports(data string) artifact.Layer {
	return artifact.Layer{MediaType: artifact.MediaTypeExports, Blob: s.put(packed(data))}
}

func (s *store) manifest(t testing.TB, layers ...artifact.Layer) artifact.Blob {
	t.Helper()
	data, err := artifact.Manifest{ArtifactType: artifact.TypeFacts, Layers: layers}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return s.put(data)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const some = `{"format":1,"names":{"a":"%s"}}`
	one := fmt.Sprintf(some, sha(1))
	chunk := func(data string) func(t *testing.T, s *store) artifact.Blob {
		return func(t *testing.T, s *store) artifact.Blob { return s.manifest(t, s.chunk(data)) }
	}
	wheel := func(members string) func(t *testing.T, s *store) artifact.Blob {
		return chunk(fmt.Sprintf(`{"format":1,"wheels":[{%s"sha256":"%s"}]}`, members, sha(1)))
	}
	for name, c := range map[string]struct {
		rule string
		make func(t *testing.T, s *store) artifact.Blob
	}{
		"a good one":                {"", chunk(one)},
		"a wheel":                   {"", wheel(`"extras":["a","b"],`)},
		"another version":           {"format", chunk(strings.Replace(one, "1", "2", 1))},
		"an unknown member":         {"json", chunk(`{"format":1,"more":1}`)},
		"white space":               {"canonical", chunk(one + " ")},
		"an empty list":             {"canonical", chunk(`{"format":1,"wheels":[]}`)},
		"a wheel that is null":      {"json", chunk(`{"format":1,"wheels":[null]}`)},
		"a name without characters": {"filename", chunk(strings.Replace(one, `"a"`, `""`, 1))},
		"a sha256 that is none":     {"sha256", chunk(strings.Replace(one, sha(1), sha(1)[1:], 1))},
		"a wheel with a bad sha256": {"sha256", chunk(`{"format":1,"wheels":[{"sha256":"x"}]}`)},
		"a wheel twice":             {"order", chunk(fmt.Sprintf(`{"format":1,"wheels":[{"sha256":"%[1]s"},{"sha256":"%[1]s"}]}`, sha(1)))},
		"requirements unsorted":     {"order", wheel(`"requires":["b","a"],`)},
		"libraries unsorted":        {"order", wheel(`"libraries":[{"member":"b"},{"member":"a"}],`)},
		"imports that repeat":       {"order", wheel(`"libraries":[{"imports":["a","a"],"member":"b"}],`)},
		"versions unsorted":         {"order", wheel(`"libraries":[{"member":"b","versions":[{"library":"b","version":"1"},{"library":"a","version":"1"}]}],`)},
		"fewer exports than none":   {"size", wheel(`"libraries":[{"exports":-1,"member":"b"}],`)},
		"facts that are too large":  {"too-large", wheel(`"extras":["` + strings.Repeat("x", facts.MaxWheel) + `"],`)},
		"exports of no wheel":       {"exports", chunk(fmt.Sprintf(`{"exports":{"%s":{"digest":"%s","size":1}},"format":1}`, sha(1), digest.FromString("")))},
		"exports that are no blob":  {"digest", chunk(fmt.Sprintf(`{"exports":{"%[1]s":{"digest":"x","size":1}},"format":1,"wheels":[{"sha256":"%[1]s"}]}`, sha(1)))},
		"exports without a layer":   {"exports", chunk(fmt.Sprintf(`{"exports":{"%[1]s":{"digest":"%[2]s","size":1}},"format":1,"wheels":[{"sha256":"%[1]s"}]}`, sha(1), digest.FromString("")))},
		"a layer that nothing names": {"exports", func(t *testing.T, s *store) artifact.Blob {
			return s.manifest(t, s.chunk(one), s.exports("{}"))
		}},
		"a chunk behind exports": {"exports", func(t *testing.T, s *store) artifact.Blob {
			return s.manifest(t, s.chunk(one), s.exports("{}"), s.chunk(one))
		}},
		"exports alone": {"layer-count", func(t *testing.T, s *store) artifact.Blob { return s.manifest(t, s.exports("{}")) }},
		"too many chunks": {"layer-count", func(t *testing.T, s *store) artifact.Blob {
			var layers []artifact.Layer
			for range facts.MaxChunks + 1 {
				layers = append(layers, s.chunk(one))
			}
			return s.manifest(t, layers...)
		}},
		"a name for two files": {"names", func(t *testing.T, s *store) artifact.Blob {
			return s.manifest(t, s.chunk(one), s.chunk(fmt.Sprintf(some, sha(2))))
		}},
		"no gzip": {"gzip", func(t *testing.T, s *store) artifact.Blob {
			return s.manifest(t, artifact.Layer{MediaType: artifact.MediaTypeFacts, Blob: s.put([]byte(one))})
		}},
		"gzip that is cut off": {"gzip", func(t *testing.T, s *store) artifact.Blob {
			return s.manifest(t, artifact.Layer{MediaType: artifact.MediaTypeFacts, Blob: s.put(packed(one)[:30])})
		}},
		"two gzip members": {"gzip", func(t *testing.T, s *store) artifact.Blob {
			return s.manifest(t, artifact.Layer{MediaType: artifact.MediaTypeFacts, Blob: s.put(append(packed(one), packed(one)...))})
		}},
		"another artifact": {"artifact-type", func(t *testing.T, s *store) artifact.Blob {
			data, err := artifact.Manifest{ArtifactType: artifact.TypeEvidence, Layers: []artifact.Layer{{MediaType: artifact.MediaTypeReport, Blob: s.put([]byte("{}"))}}}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			return s.put(data)
		}},
		"a chunk beyond all limits": {"too-large", func(t *testing.T, s *store) artifact.Blob {
			return s.manifest(t, artifact.Layer{MediaType: artifact.MediaTypeFacts, Blob: artifact.Blob{Digest: digest.FromString(""), Size: facts.MaxBook + 1}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			_, err := facts.Load(context.Background(), s, c.make(t, s))
			var v *artifact.Violation
			switch {
			case err == nil && c.rule == "":
			case !errors.As(err, &v) || v.Rule != c.rule:
				t.Errorf("got %v, want rule %q", err, c.rule)
			}
		})
	}
}

// TestBombs: what unpacks to more than a book may hold is stopped there.
func TestBombs(t *testing.T) {
	t.Parallel()
	s := newStore()
	e := fmt.Sprintf(`{"format":1,"symbols":["%s"]}`, strings.Repeat("x", facts.MaxExports))
	blob := s.exports(e)
	data, err := strictjson.Marshal(map[string]any{
		"exports": map[string]artifact.Blob{sha(1): blob.Blob}, "format": 1, "wheels": []*facts.Wheel{{SHA256: sha(1)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := s.load(t, s.manifest(t, s.chunk(string(data)), blob))
	var v *artifact.Violation
	if _, err := b.Exports(context.Background(), sha(1)); !errors.As(err, &v) || v.Rule != "too-large" {
		t.Errorf("got %v", err)
	}
}

func TestStoreThatLies(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{
		"other bytes":  func(b []byte) []byte { return append(bytes.Clone(b[:len(b)-1]), b[len(b)-1]^1) },
		"fewer bytes":  func(b []byte) []byte { return b[:len(b)-1] },
		"more bytes":   func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"nothing else": func(b []byte) []byte { return b },
	} {
		s, b := newStore(), facts.New()
		add(t, b, 1)
		manifest, _ := s.seal(t, b, all)
		for d, data := range s.content {
			was := data
			s.content[d] = change(data)
			_, err := facts.Load(context.Background(), s, manifest)
			if ok := name == "nothing else"; ok != (err == nil) {
				t.Errorf("%s of %s: %v", name, d, err)
			}
			s.content[d] = was
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(`{"format":1,"names":{"a":"%s"}}`, sha(1))))
	data, err := strictjson.Marshal(map[string]any{
		"exports": map[string]artifact.Blob{}, "format": 1, "names": map[string]string{name(1): sha(1)}, "wheels": []*facts.Wheel{wheelFacts(1)},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.Replace(data, []byte(`"exports":{},`), nil, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newStore()
		b, err := facts.Load(context.Background(), s, s.manifest(t, s.chunk(string(data))))
		var v *artifact.Violation
		if err != nil {
			if !errors.As(err, &v) {
				t.Fatalf("not a violation: %v", err)
			}
			return
		}
		// What was taken can be written again, and is the same.
		manifest, blobs, err := b.Seal(all)
		if err != nil || manifest.Size > 0 && len(blobs) > 0 {
			t.Fatalf("sealed with %d new blobs, %v", len(blobs), err)
		}
	})
}

func FuzzExports(f *testing.F) {
	f.Add([]byte(`{"format":1,"symbols":["a","b"]}`))
	f.Add([]byte(`{"format":2,"symbols":["b","a"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newStore()
		layer := s.exports(string(data))
		chunk := fmt.Sprintf(`{"exports":{"%[1]s":{"digest":"%s","size":%d}},"format":1,"wheels":[{"sha256":"%[1]s"}]}`, sha(1), layer.Digest, layer.Size)
		e, err := s.load(t, s.manifest(t, s.chunk(chunk), layer)).Exports(context.Background(), sha(1))
		var v *artifact.Violation
		if err != nil && !errors.As(err, &v) || err == nil && e.SHA256 != sha(1) {
			t.Fatalf("%v, %v", e, err)
		}
	})
}

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/registry"
	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// TestMirrors copies a live revision with its head by each tool; the digest
// stays, and a shim serves pip and uv from the copy under the vendor's key.
func TestMirrors(t *testing.T) {
	source := registrytest.Distribution(t, registrytest.DistributionOptions{})
	v := newVendor(t, "--plain-http")
	from := source.Host + "/demo/wheels"
	digest := v.release(from, realWheels(t, "first"))

	// Each copies one tag to a repository or a layout, and says where it went.
	target := registrytest.Distribution(t, registrytest.DistributionOptions{})
	layout := "oci-layout:" + filepath.Join(t.TempDir(), "layout")
	for name, m := range map[string]struct {
		to   string
		copy func(tag string)
	}{
		"skopeo": {target.Host + "/skopeo/wheels", func(tag string) {
			v.run(tools.Need(t, "skopeo"), "copy", "--quiet", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
				"docker://"+from+":"+tag, "docker://"+target.Host+"/skopeo/wheels:"+tag)
		}},
		"oras": {target.Host + "/oras/wheels", func(tag string) {
			v.run(tools.Need(t, "oras"), "cp", "--no-tty", "--from-plain-http", "--to-plain-http", from+":"+tag, target.Host+"/oras/wheels:"+tag)
		}},
		"oras to a layout": {layout, func(tag string) {
			v.run(tools.Need(t, "oras"), "cp", "--no-tty", "--from-plain-http", "--to-oci-layout", from+":"+tag, strings.TrimPrefix(layout, "oci-layout:")+":"+tag)
		}},
		"crane": {target.Host + "/crane/wheels", func(tag string) {
			v.run(tools.Need(t, "crane"), "copy", "--insecure", from+":"+tag, target.Host+"/crane/wheels:"+tag)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m.copy("1.0-cpu")
			m.copy("1.0-cpu.head")
			got := v.run(program(t, "pinwheel"), "verify", "--plain-http", "--policy", v.policy, "--deep", "--format", "json", m.to)
			var verified []struct{ Revision string }
			if err := json.Unmarshal([]byte(got), &verified); err != nil || len(verified) != 1 || verified[0].Revision != digest {
				t.Fatalf("the copy is %s (%v), want revision %s", got, err, digest)
			}
			s := v.serve(m.to, "--plain-http")
			if six := pipInstall(t, "--index-url", s.simple()); six != "1.16.0" {
				t.Errorf("pip installed six %s", six)
			}
		})
	}
}

// TestOrasPullIsAFindLinksDirectory: a revision can be used without any server.
func TestOrasPullIsAFindLinksDirectory(t *testing.T) {
	source := registrytest.Distribution(t, registrytest.DistributionOptions{})
	v := newVendor(t, "--plain-http")
	from := source.Host + "/demo/wheels"
	v.release(from, realWheels(t, "first"))
	dir := t.TempDir()
	v.run(tools.Need(t, "oras"), "pull", "--no-tty", "--plain-http", "--output", dir, from+":1.0-cpu")
	if six := pipInstall(t, "--no-index", "--find-links", dir); six != "1.16.0" {
		t.Errorf("pip installed six %s", six)
	}
}

// TestSignaturesForOtherTools: cosign accepts the revision, and the library of
// podman and skopeo the catalog, under the vendor's key.
func TestSignaturesForOtherTools(t *testing.T) {
	source := registrytest.Distribution(t, registrytest.DistributionOptions{})
	v := newVendor(t, "--plain-http")
	from := source.Host + "/demo/wheels"
	digest := v.release(from, realWheels(t, "first"))
	cosign := tools.Need(t, "cosign")
	verify := []string{"verify", "--key", v.pub, "--insecure-ignore-tlog", "--allow-http-registry"}
	for _, ref := range []string{from + ":1.0-cpu", from + "@" + digest} {
		v.run(cosign, append(verify, ref)...)
	}
	other := newVendor(t)
	if _, err := v.try(cosign, "verify", "--key", other.pub, "--insecure-ignore-tlog", "--allow-http-registry", from+":1.0-cpu"); err == nil {
		t.Error("cosign accepts another key")
	}

	image := tools.Need(t, "imagepolicy")
	conf := t.TempDir()
	write(t, filepath.Join(conf, "default.yaml"), "default-docker:\n  use-sigstore-attachments: true\n")
	catalog := catalogManifest(t, source, digest)
	for key, good := range map[string]bool{v.pub: true, other.pub: false} {
		policy, err := json.Marshal(map[string]any{"default": []any{map[string]any{"type": "sigstoreSigned", "keyPath": key}}})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "policy.json")
		write(t, file, string(policy))
		_, err = v.try(image, "--policy", file, "--registries.d", conf, "//"+from+"@"+catalog, t.TempDir())
		if (err == nil) != good {
			t.Errorf("policy.json with %s: %v", filepath.Base(key), err)
		}
	}
}

// catalogManifest is the digest of the first entry of a revision.
func catalogManifest(t *testing.T, s *registrytest.Server, revision string) string {
	t.Helper()
	ref, err := registry.ParseReference(s.Host + "/demo/wheels@" + revision)
	if err != nil {
		t.Fatal(err)
	}
	store, err := registry.Open(t.Context(), ref, s.Options())
	if err != nil {
		t.Fatal(err)
	}
	_, rc, err := store.FetchReference(t.Context(), revision)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	var index struct {
		Manifests []struct{ Digest string }
	}
	if err := json.NewDecoder(rc).Decode(&index); err != nil {
		t.Fatal(err)
	}
	return index.Manifests[0].Digest
}

// TestTags counts what a publication leaves behind: no fallback tags for
// referrers, which break old mirroring tools, on any kind of registry.
func TestTags(t *testing.T) {
	for name, quirks := range map[string]registrytest.Quirks{
		"with the referrers API":                     {},
		"without the referrers API":                  {NoReferrersAPI: true},
		"with the referrers API, without its header": {ReferrersWithoutSubjectHeader: true},
	} {
		t.Run(name, func(t *testing.T) {
			host := registrytest.InProcess(t, quirks)
			v := newVendor(t, "--plain-http")
			to := host + "/demo/wheels"
			revision := v.release(to, realWheels(t, "first"))
			ref, err := registry.ParseReference(to)
			if err != nil {
				t.Fatal(err)
			}
			store, err := registry.Open(t.Context(), ref, registry.Options{PlainHTTP: true})
			if err != nil {
				t.Fatal(err)
			}
			var tags, sigs []string
			if err := store.Tags(t.Context(), "", func(page []string) error {
				for _, tag := range page {
					if strings.HasSuffix(tag, ".sig") {
						sigs = append(sigs, tag)
					} else {
						tags = append(tags, tag)
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			slices.Sort(tags)
			want := []string{"1.0-cpu", "1.0-cpu.head", "rev.1.0-cpu.1", "rev.1.0-cpu.head.1", "test.1.0-cpu"}
			if !slices.Equal(tags, want) {
				t.Errorf("tags %q, want %q and no more", tags, want)
			}
			if len(sigs) != 2 || !slices.Contains(sigs, strings.Replace(revision, ":", "-", 1)+".sig") {
				t.Errorf(".sig tags %q, want those of the revision and of its catalog", sigs)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

package e2e

import (
	"encoding/json"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/test/registrytest"
	"github.com/pinwheel-oci/pinwheel/test/tools"
	"github.com/pinwheel-oci/pinwheel/test/wheeltest"
)

// TestPrune removes old revisions, lets the registry collect its garbage, and
// looks at everything that was to be kept: every file of it is opened, and pip
// installs what is live, what is pinned, and what is only retired.
func TestPrune(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (to string, flags []string, collect func(t *testing.T), files string){
		"layout": func(t *testing.T) (string, []string, func(*testing.T), string) {
			dir := filepath.Join(t.TempDir(), "layout")
			return "oci-layout:" + dir, nil, func(*testing.T) {}, dir
		},
		"registry": func(t *testing.T) (string, []string, func(*testing.T), string) {
			dir := t.TempDir()
			s := registrytest.Distribution(t, registrytest.DistributionOptions{Dir: dir})
			return s.Host + "/demo/wheels", []string{"--plain-http"}, func(t *testing.T) { collectGarbage(t, dir) }, dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			to, flags, collect, files := open(t)
			v := newVendor(t, flags...)
			v.env = append(v.env, "PINWHEEL_LEASE_WAIT=300ms") // the registry is near
			digests := v.history(to)
			// Old heads and leases go with any collection.
			collect(t)
			size := bytesBelow(t, files)

			args := append([]string{"prune", "--to", to, "--index", indexName, "--older-than", "0d", "--keep-last", "0", "--keep", "3"}, flags...)
			v.run(program(t, "pinwheel"), args...)
			collect(t)
			if got := bytesBelow(t, files); got != size {
				t.Errorf("a dry run and garbage collection left %d of %d bytes", got, size)
			}
			answer := v.run(program(t, "pinwheel"), append(args, "--grace", "0d", "--yes", "--format", "json")...)
			var pruned struct {
				Remove []struct{ Serial int }
				Bytes  int64
			}
			if err := json.Unmarshal([]byte(answer), &pruned); err != nil {
				t.Fatal(err)
			}
			if len(pruned.Remove) != 2 || pruned.Remove[0].Serial != 1 || pruned.Remove[1].Serial != 2 || pruned.Bytes < 1<<20 {
				t.Errorf("pruned %+v, want revisions 1 and 2, of more than 1 MiB", pruned)
			}
			collect(t)
			if freed := size - bytesBelow(t, files); freed < pruned.Bytes {
				t.Errorf("%d bytes were freed, %d were promised", freed, pruned.Bytes)
			}
			v.wantKept(to, digests)
		})
	}
}

// history makes five revisions: the first wheels, live once; with a large wheel,
// never live; the second wheels, live once; without the older six, live once; and
// one that differs little, live. It returns their digests.
func (v *vendor) history(to string) []string {
	v.t.Helper()
	var digests []string
	publish := func(args ...string) {
		digests = append(digests, v.pinwheel("publish", to, args...)["revision"].(string))
	}
	small := wheeltest.Wheel{Name: "small", Version: "1.0"}
	large := wheeltest.Wheel{Name: "large", Version: "1.0", Files: map[string]string{"large/data.bin": string(registrytest.Random(1, 2<<20))}}
	publish(realWheels(v.t, "first"))
	v.pinwheel("promote", to)
	publish(wheeltest.Write(v.t, v.home, large))
	publish("--base", "live", realWheels(v.t, "second"))
	v.pinwheel("promote", to)
	publish("--remove", "six==1.16.0")
	v.pinwheel("promote", to)
	publish(wheeltest.Write(v.t, v.home, small))
	v.pinwheel("promote", to)
	return digests
}

// wantKept opens and installs what was to be kept, and looks for the rest.
func (v *vendor) wantKept(to string, digests []string) {
	v.t.Helper()
	verify := append([]string{"verify", "--policy", v.policy, "--deep", to}, v.flags...)
	out := v.run(program(v.t, "pinwheel"), verify...)
	if !strings.Contains(out, digests[4]) {
		v.t.Errorf("live is %s, want %s", out, digests[4])
	}
	for _, kept := range digests[2:] {
		v.run(program(v.t, "pinwheel"), append(verify, "--revision", kept)...)
	}
	for i, gone := range digests[:2] {
		if out, err := v.try(program(v.t, "pinwheel"), append(verify, "--revision", gone)...); err == nil {
			v.t.Errorf("revision %d is still there: %s", i+1, out)
		}
	}
	s := v.serve(to, v.flags...)
	if six := pipInstall(v.t, "--index-url", s.simple()); six != "1.17.0" {
		v.t.Errorf("pip installed six %s from what is live", six)
	}
	pinned := s.url + "/" + indexName + "/-/" + strings.Replace(digests[2], ":", "-", 1) + "/simple/"
	if six := pipInstall(v.t, "--index-url", pinned, "six==1.16.0"); six != "1.16.0" {
		v.t.Errorf("pip installed six %s from the pinned revision", six)
	}
}

// collectGarbage is what the operator of a registry does.
func collectGarbage(t *testing.T, dir string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config.yml")
	text, err := json.Marshal(map[string]any{"version": "0.1", "storage": map[string]any{
		"filesystem": map[string]any{"rootdirectory": dir}, "delete": map[string]any{"enabled": true}}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, config, string(text))
	cmd := exec.CommandContext(t.Context(), tools.Need(t, "registry"), "garbage-collect", "--delete-untagged", config)
	cmd.Env = []string{"OTEL_TRACES_EXPORTER=none", "HOME=" + t.TempDir()}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("collect garbage: %v\n%s", err, out)
	}
}

func bytesBelow(t *testing.T, dir string) int64 {
	t.Helper()
	var n int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

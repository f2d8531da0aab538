package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// maxTarget bounds a target file, in bytes.
const maxTarget = 4 << 20

// targetFile is a target as YAML: the members of the catalog's target
// (docs/format.md, "The target"), in any order.
type targetFile struct {
	Accelerator *struct {
		Kind    string `yaml:"kind"`
		Version string `yaml:"version"`
	} `yaml:"accelerator"`
	Base []struct {
		Libraries []string          `yaml:"libraries"`
		Platform  string            `yaml:"platform"`
		Python    map[string]string `yaml:"python"`
	} `yaml:"base"`
	Gates        map[string]string `yaml:"gates"`
	Glibc        string            `yaml:"glibc"`
	Glibcxx      string            `yaml:"glibcxx"`
	PackageTypes []string          `yaml:"package-types"`
	Partial      []struct {
		Platforms []string `yaml:"platforms"`
		Project   string   `yaml:"project"`
		Reason    string   `yaml:"reason"`
	} `yaml:"partial"`
	Pins      map[string]string `yaml:"pins"`
	Platforms []string          `yaml:"platforms"`
	Pythons   []string          `yaml:"pythons"`
	Waivers   []struct {
		// A string: the YAML library takes what is no time for the year 1.
		Expires  string `yaml:"expires"`
		Gate     string `yaml:"gate"`
		Project  string `yaml:"project"`
		Reason   string `yaml:"reason"`
		Ticket   string `yaml:"ticket"`
		Versions string `yaml:"versions"`
	} `yaml:"waivers"`
}

// loadTarget reads a target file; "" is no target.
func loadTarget(file string) (*index.Target, error) {
	if file == "" {
		return nil, nil
	}
	fail := func(err error) (*index.Target, error) {
		return nil, option.Input(fmt.Errorf("target %s: %w", file, err))
	}
	info, err := os.Stat(file)
	if err != nil {
		return fail(err)
	}
	if info.Size() > maxTarget || !info.Mode().IsRegular() {
		return fail(fmt.Errorf("not a file of at most %d bytes", maxTarget))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fail(err)
	}
	var f targetFile
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return fail(err)
	}
	target, err := f.target()
	if err != nil {
		return fail(err)
	}
	target.Sort()
	if err := target.Check(); err != nil {
		return fail(err)
	}
	return target, nil
}

func (f *targetFile) target() (*index.Target, error) {
	t := &index.Target{
		Gates: f.Gates, Glibc: f.Glibc, Glibcxx: f.Glibcxx, PackageTypes: f.PackageTypes,
		Pins: f.Pins, Platforms: f.Platforms, Pythons: f.Pythons,
	}
	if a := f.Accelerator; a != nil {
		t.Accelerator = &index.Accelerator{Kind: a.Kind, Version: a.Version}
	}
	for _, b := range f.Base {
		t.Base = append(t.Base, index.Base{Libraries: b.Libraries, Platform: b.Platform, Python: b.Python})
	}
	for _, p := range f.Partial {
		t.Partial = append(t.Partial, index.Partial{Platforms: p.Platforms, Project: p.Project, Reason: p.Reason})
	}
	for _, w := range f.Waivers {
		expires, err := parseDay(w.Expires)
		if err != nil {
			return nil, fmt.Errorf("waiver of %s for %s: expires: %w", w.Gate, w.Project, err)
		}
		t.Waivers = append(t.Waivers, index.Waiver{
			Expires: expires, Gate: w.Gate, Project: w.Project, Reason: w.Reason, Ticket: w.Ticket, Versions: w.Versions,
		})
	}
	return t, nil
}

// parseDay takes a day, which begins at midnight UTC, or a time.
func parseDay(s string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%q is neither a day (2027-01-31) nor a time (2027-01-31T12:00:00Z)", s)
	}
	return t.UTC(), nil
}

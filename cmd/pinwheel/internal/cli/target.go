package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictyaml"
)

// maxTarget bounds a target file, in bytes.
const maxTarget = 4 << 20

// targetFile is a target as YAML: the members of the catalog's target
// (docs/format.md, "The target"), in any order.
type targetFile struct {
	Accelerator  *targetAccelerator         `yaml:"accelerator"`
	Base         []targetBase               `yaml:"base"`
	Gates        map[string]strictyaml.Text `yaml:"gates"`
	Glibc        strictyaml.Text            `yaml:"glibc"`
	Glibcxx      strictyaml.Text            `yaml:"glibcxx"`
	PackageTypes []strictyaml.Text          `yaml:"package-types"`
	Partial      []targetPartial            `yaml:"partial"`
	Pins         map[string]strictyaml.Text `yaml:"pins"`
	Platforms    []strictyaml.Text          `yaml:"platforms"`
	Pythons      []strictyaml.Text          `yaml:"pythons"`
	Waivers      []targetWaiver             `yaml:"waivers"`
}

type targetAccelerator struct {
	Kind    strictyaml.Text `yaml:"kind"`
	Version strictyaml.Text `yaml:"version"`
}

type targetBase struct {
	Libraries []strictyaml.Text                     `yaml:"libraries"`
	Platform  strictyaml.Text                       `yaml:"platform"`
	Python    map[string]map[string]strictyaml.Text `yaml:"python"`
}

type targetPartial struct {
	Platforms []strictyaml.Text `yaml:"platforms"`
	Project   strictyaml.Text   `yaml:"project"`
	Reason    strictyaml.Text   `yaml:"reason"`
}

type targetWaiver struct {
	Expires  day             `yaml:"expires"`
	Gate     strictyaml.Text `yaml:"gate"`
	Project  strictyaml.Text `yaml:"project"`
	Reason   strictyaml.Text `yaml:"reason"`
	Ticket   strictyaml.Text `yaml:"ticket"`
	Versions strictyaml.Text `yaml:"versions"`
}

// day is a day, which begins at midnight UTC, or a time. A type of its own,
// because the YAML library takes what is no time for the year 1.
type day time.Time

// UnmarshalYAML reads a day.
func (d *day) UnmarshalYAML(node ast.Node) error {
	return strictyaml.Scalar(node, func(s string) error {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t, err = time.Parse(time.RFC3339, s)
		}
		if err != nil {
			return fmt.Errorf("%q is neither a day (2027-01-31) nor a time (2027-01-31T12:00:00Z)", s)
		}
		*d = day(t.UTC())
		return nil
	})
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
	if err := strictyaml.Unmarshal(data, &f); err != nil {
		return fail(err)
	}
	target := f.target()
	target.Sort()
	if err := target.Check(); err != nil {
		return fail(err)
	}
	return target, nil
}

func (f *targetFile) target() *index.Target {
	t := &index.Target{
		Gates: textMap(f.Gates), Glibc: string(f.Glibc), Glibcxx: string(f.Glibcxx), PackageTypes: texts(f.PackageTypes),
		Pins: textMap(f.Pins), Platforms: texts(f.Platforms), Pythons: texts(f.Pythons),
	}
	if a := f.Accelerator; a != nil {
		t.Accelerator = &index.Accelerator{Kind: string(a.Kind), Version: string(a.Version)}
	}
	for _, b := range f.Base {
		base := index.Base{Libraries: texts(b.Libraries), Platform: string(b.Platform)}
		for python, installed := range b.Python {
			if base.Python == nil {
				base.Python = map[string]map[string]string{}
			}
			base.Python[python] = textMap(installed)
		}
		t.Base = append(t.Base, base)
	}
	for _, p := range f.Partial {
		t.Partial = append(t.Partial, index.Partial{Platforms: texts(p.Platforms), Project: string(p.Project), Reason: string(p.Reason)})
	}
	for _, w := range f.Waivers {
		t.Waivers = append(t.Waivers, index.Waiver{
			Expires: time.Time(w.Expires), Gate: string(w.Gate), Project: string(w.Project), Reason: string(w.Reason),
			Ticket: string(w.Ticket), Versions: string(w.Versions),
		})
	}
	return t
}

func texts(list []strictyaml.Text) []string {
	var out []string
	for _, t := range list {
		out = append(out, string(t))
	}
	return out
}

func textMap(m map[string]strictyaml.Text) map[string]string {
	var out map[string]string
	for k, t := range m {
		if out == nil {
			out = map[string]string{}
		}
		out[k] = string(t)
	}
	return out
}

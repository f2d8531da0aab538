package gate

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// runtime matches the libraries whose SONAME has the major version of CUDA or
// ROCm, and up to CUDA 11 the minor one. Others, such as libcusolver, count on
// their own.
var runtime = regexp.MustCompile(`^lib(cudart|cublas|cublasLt|nvrtc|nvJitLink|amdhip64)\.so\.([0-9]+)(?:\.[0-9]+)*$`)

// coherence wants one ABI in an index: what is pinned to be within its pins,
// one minor version of torch, and one major version of CUDA or ROCm, that of the
// target.
func (j *judge) coherence(context.Context) error {
	j.pins()
	j.torchMinors()
	used := map[string][]string{}
	for _, f := range j.now.files {
		c := f.content()
		if c != nil && f.counts() && f.fits != 0 {
			j.accelerators(f, c, used)
		}
	}
	if len(used) > 1 {
		var list []string
		for _, kind := range slices.Sorted(maps.Keys(used)) {
			list = append(list, fmt.Sprintf("%s (%s)", kind, unique(used[kind])))
		}
		j.add(Finding{Severity: Error, Rule: "accelerator-majors", Message: "the index needs " + strings.Join(list, " and "),
			Fix: "declare the accelerator of the target, and remove what is for another one"})
	}
	return nil
}

// pins holds listed versions against the pins; local versions count as the
// public ones.
func (j *judge) pins() {
	pins := j.in.Candidate.Target.Pins
	for _, name := range slices.Sorted(maps.Keys(pins)) {
		set, err := wheel.ParseSpecifiers(pins[name])
		p := j.now.projects[name]
		if err != nil || p == nil {
			continue
		}
		for _, rel := range p.releases {
			if !slices.ContainsFunc(rel.files, (*file).counts) || set.Contains(rel.version, true) || set.Contains(rel.version.Public(), true) {
				continue
			}
			j.add(Finding{Severity: Error, Rule: "pin", Project: name, Version: rel.text,
				Message: fmt.Sprintf("is not within the pin %q of the target", pins[name]), Fix: "remove it, or yank it"})
		}
	}
}

func (j *judge) torchMinors() {
	p := j.now.projects["torch"]
	if p == nil || j.in.Candidate.Target.Pins["torch"] != "" {
		return
	}
	minors := map[string][]string{}
	for _, rel := range p.releases {
		if slices.ContainsFunc(rel.files, func(f *file) bool { return f.counts() && f.fits != 0 }) {
			minors[minor(rel.version)] = append(minors[minor(rel.version)], rel.text)
		}
	}
	if len(minors) < 2 {
		return
	}
	var tried []string
	for _, rel := range p.releases {
		tried = append(tried, rel.String())
	}
	j.add(Finding{Severity: Error, Rule: "torch-minors", Project: "torch", Tried: tried[:min(len(tried), maxTried)],
		Message: fmt.Sprintf("the index has %d minor versions of torch: %s", len(minors), strings.Join(slices.Sorted(maps.Keys(minors)), ", ")),
		Fix:     "keep one, or declare the versions in the pins of the target"})
}

// accelerators judges what a file needs of CUDA and ROCm outside of itself.
func (j *judge) accelerators(f *file, c *content, used map[string][]string) {
	declared := j.in.Candidate.Target.Accelerator
	fits := func(i int) bool {
		return !slices.ContainsFunc(needs(c, i), func(n acceleratorNeed) bool { return declared != nil && !n.matches(declared) })
	}
	for i, l := range c.libraries {
		where := j.now.loading(f, l)
		for _, n := range needs(c, i) {
			if where == 0 {
				break
			}
			if declared == nil {
				if severity, _ := c.severity(i, func(k int) bool { return len(needs(c, k)) == 0 }); severity == Error {
					used[n.String()] = append(used[n.String()], f.project.name)
				}
				continue
			}
			if n.matches(declared) {
				continue
			}
			severity, why := c.severity(i, fits)
			finding := Finding{Severity: severity, Rule: "accelerator", Member: l.Member, Requirement: n.soname,
				Message: fmt.Sprintf("needs %s of %s, the target has %s%s", n.soname, n, accelerator(j.in.Candidate.Target), why)}
			if severity == Error {
				finding.Fix = "build it for the accelerator of the target"
			}
			j.addFile(f, finding, j.now.named(where)...)
		}
	}
}

// acceleratorNeed is a runtime library that is needed from elsewhere.
type acceleratorNeed struct {
	soname, kind, major string
}

func (n acceleratorNeed) String() string {
	return map[string]string{"cuda": "CUDA ", "rocm": "ROCm "}[n.kind] + n.major
}

func (n acceleratorNeed) matches(a *index.Accelerator) bool {
	major, _, _ := strings.Cut(a.Version, ".")
	return n.kind == a.Kind && n.major == major
}

func needs(c *content, i int) []acceleratorNeed {
	var list []acceleratorNeed
	for _, name := range c.libraries[i].Needed {
		m := runtime.FindStringSubmatch(name)
		if m == nil || len(c.own[name]) > 0 {
			continue
		}
		kind := "cuda"
		if m[1] == "amdhip64" {
			kind = "rocm"
		}
		list = append(list, acceleratorNeed{name, kind, m[2]})
	}
	return list
}

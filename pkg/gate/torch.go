package gate

import (
	"fmt"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// undeclaredTorch wants wheels that link torch's C++ to say for which minor
// version: its inline layouts differ between them, which no symbol shows.
func (j *judge) undeclaredTorch(list []*importer) {
	done := map[*file]bool{}
	for _, i := range list {
		f, fits := i.file, j.now.loading(i.file, *i.library())
		if done[f] || fits == 0 || len(i.symbols[facts.Torch]) == 0 || f.provides(0) {
			continue
		}
		done[f] = true
		built := j.builtWith(f)
		for env, e := range j.now.environments {
			if !fits.has(env) || j.now.projects["torch"] == nil {
				continue
			}
			admitted, declared := offers(j.now, f, "torch", env)
			if built == "" && !pinsMinor(declared) && j.in.Candidate.Target.Pins["torch"] == "" {
				j.addFile(f, Finding{Severity: Error, Rule: "undeclared-torch", Member: i.library().Member, Requirement: texts(declared),
					Message: "links torch's C++, and says for which minor version of torch neither in Requires-Dist nor in its build requirements",
					Fix:     "require the torch that it was built with (torch==X.Y.*), record the build requirements, or declare a pin of torch in the target"}, e.Environment)
				continue
			}
			var other []string
			for _, rel := range admitted {
				if built != "" && minor(rel.version) != built && j.now.together(f, rel, env) {
					other = append(other, rel.String())
				}
			}
			if len(other) > 0 {
				j.addFile(f, Finding{Severity: Error, Rule: "torch-minor", Member: i.library().Member, Requirement: texts(declared), Tried: other[:min(len(other), maxTried)],
					Message: fmt.Sprintf("links torch's C++ and was built with torch %s, but admits %s", built, several(other)),
					Fix:     "require torch==" + built + ".*, or rebuild it"}, e.Environment)
			}
		}
	}
}

// builtWith is the minor version of torch that the build requirements pin, ""
// if they do not.
func (j *judge) builtWith(f *file) string {
	for _, text := range f.facts.BuildRequires {
		r := j.now.requirement(text)
		if r.broken != nil || r.project != "torch" {
			continue
		}
		if m := pinnedMinor(r.spec); m != "" {
			return m
		}
	}
	return ""
}

func pinsMinor(list []*requirement) bool {
	for _, r := range list {
		if pinnedMinor(r.spec) != "" {
			return true
		}
	}
	return false
}

// pinnedMinor is the one X.Y that a specifier admits, "" if it admits more or
// none.
func pinnedMinor(spec string) string {
	set, err := wheel.ParseSpecifiers(spec)
	if err != nil || set.IsZero() {
		return ""
	}
	for clause := range strings.SplitSeq(spec, ",") {
		if exact, ok := strings.CutPrefix(clause, "=="); ok && !strings.HasSuffix(exact, ".*") {
			if v, err := wheel.ParseVersion(strings.TrimPrefix(exact, "=")); err == nil {
				return minor(v)
			}
		}
	}
	found := ""
	for major := range 5 {
		for m := range 60 {
			for p := range 12 {
				v, err := wheel.ParseVersion(fmt.Sprintf("%d.%d.%d", major, m, p))
				if err != nil || !set.Contains(v, true) {
					continue
				}
				if found != "" && found != minor(v) {
					return ""
				}
				found = minor(v)
			}
		}
	}
	return found
}

// minor is X.Y of a version.
func minor(v wheel.Version) string {
	parts := strings.Split(v.Release(), ".")
	if len(parts) == 1 {
		parts = append(parts, "0")
	}
	return parts[0] + "." + parts[1]
}

package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// level is what the target has of one family of symbol versions.
type level struct {
	rule   string
	prefix string // of the versions: "GLIBC_"
	limit  string // the highest version that is there, without prefix
	has    string // in words
	likely bool   // most systems of that glibc have no more, some do
}

// compilers says what GCC has in libstdc++ and libgcc_s, by the GLIBCXX that
// it came with first: they are built together.
var compilers = []struct{ glibcxx, cxxabi, gcc string }{
	{"3.4.18", "1.3.7", "4.8"}, {"3.4.20", "1.3.8", "4.9"}, {"3.4.21", "1.3.9", "5"}, {"3.4.22", "1.3.10", "6"}, {"3.4.23", "1.3.11", "7"},
	{"3.4.25", "1.3.11", "8"}, {"3.4.26", "1.3.12", "9"}, {"3.4.28", "1.3.12", "10"}, {"3.4.29", "1.3.13", "11"}, {"3.4.30", "1.3.13", "12"},
	{"3.4.31", "1.3.14", "13"}, {"3.4.33", "1.3.15", "14"}, {"3.4.34", "1.3.16", "15"}, {"3.4.35", "", ""},
}

// levels lists what is known of the target.
func levels(t *index.Target) []level {
	var list []level
	if t.Glibc != "" {
		list = append(list, level{rule: "glibc", prefix: "GLIBC_", limit: t.Glibc, has: t.Glibc})
		zlib := "1.2.9"
		if facts.CompareNumbers(t.Glibc, "2.36") > 0 {
			zlib = "1.2.12"
		}
		list = append(list, level{rule: "newer-system", prefix: "ZLIB_", limit: zlib, has: "glibc " + t.Glibc, likely: true})
		if facts.CompareNumbers(t.Glibc, "2.36") < 0 {
			list = append(list, level{rule: "newer-system", prefix: "GLIBC_ABI_DT_RELR", has: "glibc " + t.Glibc, likely: true})
		}
	}
	if t.Glibcxx == "" {
		return list
	}
	list = append(list, level{rule: "glibcxx", prefix: "GLIBCXX_", limit: t.Glibcxx, has: t.Glibcxx})
	for i := len(compilers) - 1; i >= 0; i-- {
		c := compilers[i]
		if facts.CompareNumbers(t.Glibcxx, c.glibcxx) < 0 {
			continue
		}
		if c.gcc != "" { // else it is newer than this table
			has := "libstdc++ " + t.Glibcxx + " of GCC " + c.gcc
			list = append(list, level{rule: "glibcxx", prefix: "CXXABI_", limit: c.cxxabi, has: has}, level{rule: "gcc", prefix: "GCC_", limit: c.gcc + ".99", has: has})
		}
		break
	}
	return list
}

// exceeds is the highest version of the level's family that a library needs
// and the target does not have, without the prefix; ok is false for none.
func (v level) exceeds(c *content, l facts.Library) (need string, ok bool) {
	if v.limit == "" {
		return "", slices.ContainsFunc(l.Versions, func(w facts.SymbolVersion) bool { return w.Version == v.prefix })
	}
	need = highest(c, l, v.prefix)
	return need, need != "" && facts.CompareNumbers(need, v.limit) > 0
}

// glibc holds the symbol versions that libraries need against the levels of
// the target and against what the wheel's own tags promise.
func (j *judge) glibc(context.Context) error {
	known := levels(j.in.Candidate.Target)
	for _, f := range j.now.files {
		c := f.content()
		if c == nil || !f.counts() || f.fits == 0 {
			continue
		}
		promised := manylinuxFloor(f)
		for i, l := range c.libraries {
			if j.now.loading(f, l) == 0 {
				continue
			}
			for _, v := range known {
				j.level(f, c, i, v)
			}
			if need := highest(c, l, "GLIBC_"); need != "" && promised != "" && facts.CompareNumbers(need, promised) > 0 {
				j.addFile(f, Finding{Severity: Warn, Rule: "tag", Member: l.Member, Requirement: "GLIBC_" + need,
					Message: fmt.Sprintf("needs glibc %s, its tag promises %s", need, promised), Fix: "correct the tag: auditwheel show names the right one"})
			}
		}
	}
	return nil
}

func (j *judge) level(f *file, c *content, i int, v level) {
	need, ok := v.exceeds(c, c.libraries[i])
	if !ok {
		return
	}
	severity, why := c.severity(i, func(k int) bool {
		_, exceeds := v.exceeds(c, c.libraries[k])
		return !exceeds
	})
	finding := Finding{Severity: severity, Rule: v.rule, Member: c.libraries[i].Member, Requirement: v.prefix + need}
	switch {
	case v.likely:
		finding.Message = fmt.Sprintf("needs %s, which few systems with %s have%s", finding.Requirement, v.has, why)
	case v.rule == "glibc" || v.prefix == "GLIBCXX_":
		finding.Message = fmt.Sprintf("needs %s %s, the target has %s%s", v.rule, need, v.has, why)
	default:
		finding.Message = fmt.Sprintf("needs %s, the target has %s%s", finding.Requirement, v.has, why)
	}
	if severity == Error {
		finding.Fix = "build it on the oldest image that the target supports"
		if v.likely {
			finding.Severity = Warn
		}
	}
	j.addFile(f, finding, j.now.named(j.now.loading(f, c.libraries[i]))...)
}

// highest is the highest version of a family that a library needs of libraries
// which are not in its own wheel, without the prefix.
func highest(c *content, l facts.Library, prefix string) string {
	most := ""
	for _, v := range l.Versions {
		level, ok := strings.CutPrefix(v.Version, prefix)
		if !ok || level == "" || level[0] < '0' || level[0] > '9' || len(c.own[v.Library]) > 0 {
			continue
		}
		if most == "" || facts.CompareNumbers(level, most) > 0 {
			most = level
		}
	}
	return most
}

// manylinuxFloor is the glibc that the lowest of the file's manylinux tags
// promises to do with, "" without such tags.
func manylinuxFloor(f *file) string {
	floor := ""
	for _, tag := range f.name.Tags {
		if level, ok := manylinuxLevel(tag.Platform); ok {
			if text := fmt.Sprintf("2.%d", level); floor == "" || facts.CompareNumbers(text, floor) < 0 {
				floor = text
			}
		}
	}
	return floor
}

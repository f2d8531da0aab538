package gate

import (
	"context"
	"fmt"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
)

// glibc holds the symbol versions that libraries need against the levels of
// the target and against what the wheel's own tags promise.
func (j *judge) glibc(context.Context) error {
	t := j.in.Candidate.Target
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
			if need := highest(c, l, "GLIBC_"); need != "" {
				j.level(f, c, i, "glibc", need, t.Glibc)
				if promised != "" && compareLevels(need, promised) > 0 {
					j.addFile(f, Finding{Severity: Warn, Rule: "tag", Member: l.Member, Requirement: "GLIBC_" + need,
						Message: fmt.Sprintf("needs glibc %s, its tag promises %s", need, promised), Fix: "correct the tag: auditwheel show names the right one"})
				}
			}
			if need := highest(c, l, "GLIBCXX_"); need != "" {
				j.level(f, c, i, "glibcxx", need, t.Glibcxx)
			}
		}
	}
	return nil
}

func (j *judge) level(f *file, c *content, i int, rule, need, has string) {
	if has == "" || compareLevels(need, has) <= 0 {
		return
	}
	ok := func(k int) bool {
		prefix := map[string]string{"glibc": "GLIBC_", "glibcxx": "GLIBCXX_"}[rule]
		other := highest(c, c.libraries[k], prefix)
		return other == "" || compareLevels(other, has) <= 0
	}
	severity, why := c.severity(i, ok)
	finding := Finding{Severity: severity, Rule: rule, Member: c.libraries[i].Member, Requirement: strings.ToUpper(rule) + "_" + need,
		Message: fmt.Sprintf("needs %s %s, the target has %s%s", rule, need, has, why)}
	if severity == Error {
		finding.Fix = "build it on the oldest image that the target supports"
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
		if most == "" || compareLevels(level, most) > 0 {
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
			if text := fmt.Sprintf("2.%d", level); floor == "" || compareLevels(text, floor) < 0 {
				floor = text
			}
		}
	}
	return floor
}

package wheel

import (
	"slices"
	"strings"
)

// checkWheelFile holds WHEEL against the file name.
func (r *report) checkWheelFile(data []byte, member string, f Filename, elf string) error {
	w, err := ParseWheelFile(data)
	if err != nil {
		return r.take(inMember(member, err))
	}
	r.checkTags(w.Tags, member, f.Tags)
	r.checkBuild(w.Build, member, f.Build)
	if w.RootIsPurelib && elf != "" {
		r.warn(RulePurelib, member, "says Root-Is-Purelib: true, but %s is an ELF file; on systems with lib and lib64 it goes to the wrong one", printable(elf))
	}
	return nil
}

func (r *report) checkTags(inside []Tag, member string, named []Tag) {
	if len(inside) == 0 {
		r.warn(RuleTags, member, "has no Tag")
		return
	}
	missing, extra := without(named, inside), without(inside, named)
	if len(missing) == 0 && len(extra) == 0 {
		return
	}
	if renamed(named, inside) {
		r.warn(RuleTags, member, "has platform tags other than the file name, for the same processors: the file was renamed")
		return
	}
	if len(missing) > 0 {
		r.refuse(RuleTags, member, "does not have the tag %s of the file name", missing[0])
	} else {
		r.refuse(RuleTags, member, "has the tag %s, which the file name does not have", extra[0])
	}
}

// without gives the tags of a that are not in b.
func without(a, b []Tag) []Tag {
	var list []Tag
	for _, t := range a {
		if !slices.Contains(b, t) {
			list = append(list, t)
		}
	}
	return list
}

// renamed is true if both sets are the same but for what kind of Linux they
// promise, which is what changing "linux" to "manylinux" in a file name does.
func renamed(named, inside []Tag) bool {
	reduce := func(tags []Tag) (list []Tag, ok bool) {
		for _, t := range tags {
			arch, linux := linuxArch(t.Platform)
			if !linux {
				return nil, false
			}
			list = append(list, Tag{t.Python, t.ABI, arch})
		}
		return list, true
	}
	a, okA := reduce(named)
	b, okB := reduce(inside)
	return okA && okB && len(without(a, b)) == 0 && len(without(b, a)) == 0
}

func (r *report) checkBuild(inside, member string, named BuildTag) {
	if inside == "" {
		if !named.IsZero() {
			r.warn(RuleBuild, member, "has no Build, the file name has %s", named)
		}
		return
	}
	switch build, err := ParseBuildTag(inside); {
	case err != nil:
		r.refuse(RuleBuild, member, "has Build %q, which is no build tag", inside)
	case build.Compare(named) != 0 && named.IsZero():
		r.refuse(RuleBuild, member, "has Build %s, the file name has none", build)
	case build.Compare(named) != 0:
		r.refuse(RuleBuild, member, "has Build %s, the file name has %s", build, named)
	}
}

// checkLicenses finds licence files and SBOMs and says which of those that
// METADATA names are not there. Before metadata 2.4 they lay beside METADATA.
func (info *Info) checkLicenses(r *report, members []zipMember, d distInfo, named []string) {
	present := make(map[string]bool)
	for i := range members {
		m := &members[i]
		rest, ok := strings.CutPrefix(m.name, d.directory+"/")
		if !ok || m.isDirectory() {
			continue
		}
		present[rest] = true
		directory, _, below := strings.Cut(rest, "/")
		switch {
		case below && directory == "licenses", !below && isLicenseName(rest) || !below && slices.Contains(named, rest):
			info.Licenses = append(info.Licenses, m.name)
		case below && directory == "sboms":
			info.SBOMs = append(info.SBOMs, m.name)
		}
	}
	slices.Sort(info.Licenses)
	slices.Sort(info.SBOMs)
	for _, name := range named {
		base := name[strings.LastIndexByte(name, '/')+1:]
		if !present["licenses/"+name] && !present[name] && !present[base] {
			r.warn(RuleLicenseFiles, d.metadata.name, "names the licence file %s, which is not in the wheel", printable(name))
		}
	}
}

// isLicenseName is true for what old builders copied beside METADATA.
func isLicenseName(name string) bool {
	upper := strings.ToUpper(name)
	for _, prefix := range []string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS"} {
		if strings.HasPrefix(upper, prefix) {
			return true
		}
	}
	return false
}

package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// system are the libraries of glibc and of its loader, and those of the
// compiler that every image with a C++ program has; they need not be declared.
var system = strings.Fields(`libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libutil.so.1 libresolv.so.2 libanl.so.1
	libmvec.so.1 libnsl.so.1 libnss_files.so.2 libnss_dns.so.2 libthread_db.so.1 libBrokenLocale.so.1
	ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 ld-linux.so.2 ld-linux-armhf.so.3 ld-linux-riscv64-lp64d.so.1 ld64.so.1 ld64.so.2
	linux-vdso.so.1 libgcc_s.so.1`)

// driver are libraries that come with the driver of the host.
var driver = strings.Fields(`libcuda.so libcuda.so.1 libnvidia-ml.so.1 libnvcuvid.so.1 libnvidia-encode.so.1 libnvidia-opticalflow.so.1 libnvoptix.so.1`)

// manylinux are the libraries that wheels with a manylinux tag may take for
// granted (PEP 513, 571, 599, 600); they count where no base is declared.
var manylinux = strings.Fields(`libstdc++.so.6 libatomic.so.1 libz.so.1 libexpat.so.1 libX11.so.6 libXext.so.6 libXrender.so.1
	libICE.so.6 libSM.so.6 libGL.so.1 libgobject-2.0.so.0 libgthread-2.0.so.0 libglib-2.0.so.0`)

// libraries wants everything that a library needs (DT_NEEDED) in its wheel, in
// a wheel of the index, or in the base image.
func (j *judge) libraries(context.Context) error {
	for _, f := range j.now.files {
		c := f.content()
		if c == nil || !f.counts() {
			continue
		}
		for env := range j.now.environments {
			if f.fits.has(env) {
				j.resolveLibraries(f, c, env)
				j.forOtherPythons(f, c, env)
			}
		}
		j.runpaths(f)
	}
	return nil
}

func (j *judge) resolveLibraries(f *file, c *content, env int) {
	where := j.now.environments[env]
	complete := func(i int) bool {
		return where.loads(c.libraries[i]) && !slices.ContainsFunc(c.libraries[i].Needed, func(name string) bool { return !j.now.resolves(f, c, name, env) })
	}
	for i, l := range c.libraries {
		if !where.loads(l) {
			continue
		}
		if l.Defect != "" {
			j.unreadable(f, c, i, env)
		}
		var missing []string
		for _, name := range l.Needed {
			switch {
			case j.now.given(c, name, env):
			case j.now.supply(f, name, env).way == nowhere:
				missing = append(missing, name)
			default:
				j.supplied(f, c, i, name, env, complete)
			}
		}
		if len(missing) > 0 {
			severity, why := c.severity(i, complete)
			finding := Finding{Severity: severity, Rule: "unresolved", Member: l.Member, Symbols: missing,
				Message: fmt.Sprintf("needs %s, found neither in the wheel, in the index, nor in %s%s", several(missing), where.provider(), why)}
			switch {
			case severity == Error:
				if where.base == nil && c.alternative(i, func(int) bool { return true }) != stranger {
					finding.Severity = Warn // made for what a host has, of which nothing is declared
				}
				finding.Fix = "publish a wheel that has it, put it into this wheel, or declare it in the base of the target"
			case c.reached[i]:
				finding.Rule = "alternative"
			default:
				finding.Rule = "unreached"
			}
			j.addFile(f, finding, where.Environment)
		}
	}
}

func (e *environment) provider() string {
	if e.base == nil {
		return "the libraries that manylinux tags take for granted (the target declares no base)"
	}
	return "the base image"
}

// resolves reports whether the loader finds a library for the file in an
// environment, whatever is installed with it. Search paths are not looked at:
// much is found because another wheel was imported before.
func (w *world) resolves(f *file, c *content, name string, env int) bool {
	if w.given(c, name, env) {
		return true
	}
	s := w.supply(f, name, env)
	return s.way == always || s.way == unasked
}

// given reports whether a library is there without another wheel.
func (w *world) given(c *content, name string, env int) bool {
	if len(c.own[name]) > 0 || slices.Contains(system, name) || slices.Contains(driver, name) {
		return true
	}
	if base := w.environments[env].base; base != nil {
		_, found := slices.BinarySearch(base.Libraries, name)
		return found
	}
	return slices.Contains(manylinux, name)
}

// providing lists the other wheels that have a library of that name.
func (w *world) providing(f *file, name string, env int) []*file {
	if vendored.MatchString(name) {
		return nil
	}
	var list []*file
	for _, p := range w.sonames[name] {
		if p.project != f.project && p.fits.has(env) && p.counts() {
			list = append(list, p)
		}
	}
	return list
}

// reachable has the projects that installing f may bring along.
func (w *world) reachable(f *file, env int) map[*project]bool {
	if w.reached.file == f && w.reached.env == env {
		return w.reached.projects
	}
	type item struct {
		file  *file
		extra string
	}
	found, known := map[*project]bool{f.project: true}, map[string]bool{}
	queue := []item{{f, ""}}
	add := func(p *project, extra string) {
		if key := p.name + "[" + extra; !known[key] {
			known[key], found[p] = true, true
			for _, rel := range p.releases {
				if best := rel.best[env]; best != nil && (p != f.project || best == f) {
					queue = append(queue, item{best, extra})
				}
			}
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, r := range queue[0].file.requires {
			p := w.projects[r.project]
			if p == nil || !r.in(queue[0].extra).has(env) {
				continue
			}
			add(p, "")
			for _, extra := range r.extras {
				add(p, extra)
			}
		}
	}
	w.reached = reached{f, env, found}
	return found
}

// reached is the last answer of reachable: files are judged one by one.
type reached struct {
	file     *file
	env      int
	projects map[*project]bool
}

// runpaths notes absolute search paths: whoever can write there decides what
// the library loads.
func (j *judge) runpaths(f *file) {
	for _, l := range f.facts.Libraries {
		var absolute []string
		for _, p := range l.Runpath {
			if strings.HasPrefix(p, "/") {
				absolute = append(absolute, p)
			}
		}
		if len(absolute) > 0 {
			j.addFile(f, Finding{Severity: Note, Rule: "runpath", Member: l.Member, Message: "looks for libraries in " + several(absolute),
				Fix: "build without an absolute RUNPATH, or remove it with patchelf"})
		}
	}
}

package gate

// offers lists the releases of a project in w that a file's requirements admit
// in an environment, all that are offered if it does not ask for the project.
// declared has the requirements that decided.
func offers(w *world, f *file, project string, env int) (list []*release, declared []*requirement) {
	for _, r := range f.requires {
		if r.project == project && r.broken == nil && r.url == "" && r.in("").has(env) {
			declared = append(declared, r)
		}
	}
	if len(declared) == 0 {
		return w.admit(w.requirement(project), env), nil
	}
	for _, rel := range w.admit(declared[0], env) {
		ok := true
		for _, r := range declared[1:] {
			ok = ok && r.set.Contains(rel.version, true)
		}
		if ok {
			list = append(list, rel)
		}
	}
	return list, declared
}

// together reports whether a file and a release of another project can be part
// of one consistent set. What the index does not have at all does not keep them
// apart: that is for other gates to say. Only of files that installers choose
// is the answer known; for others it is yes.
func (w *world) together(f *file, rel *release, env int) bool {
	if f.release.best[env] != f || !rel.in(env) {
		return true
	}
	if f.project == rel.project {
		return f.release == rel
	}
	r := w.resolver(resolverKey{env, true})
	key := [2]*release{f.release, rel}
	ok, known := r.pairs[key]
	if !known {
		_, ok = r.setOf(nil, f.release, rel)
		r.pairs[key] = ok
	}
	return ok
}

func texts(requirements []*requirement) string {
	if len(requirements) == 0 {
		return ""
	}
	return requirements[0].text
}

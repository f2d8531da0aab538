package review

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// The traits of binaries that are compared, in the order of reports.
const (
	traitTags  = "tags"
	traitGlibc = "glibc"
	traitCxx   = "libstdc++"
	traitNumPy = "numpy C API"
	traitTorch = "torch linkage"
	traitAccel = "accelerator libraries"
)

var traitNames = []string{traitTags, traitGlibc, traitCxx, traitNumPy, traitTorch, traitAccel}

// accelerator are sonames whose number is an ABI of CUDA or ROCm.
var accelerator = regexp.MustCompile(`^lib(cudart|cublas|cublasLt|cufft|cusparse|cusolver|curand|nvrtc|amdhip64|rocblas|hipblas|MIOpen)\.so\.[0-9]+$`)

// traits are what the files of one version have in common and apart.
type traits struct {
	requires []string
	extras   []string // requirements of extras
	sets     map[string]map[string]bool
}

// traitsOf returns false where the facts of a file are missing.
func traitsOf(files []*index.File, known func(string) *facts.Wheel) (*traits, bool) {
	t := &traits{sets: map[string]map[string]bool{}}
	requires, extras := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		if f.PackageType != index.Wheel {
			continue
		}
		var w *facts.Wheel
		if known != nil {
			w = known(f.SHA256)
		}
		if w == nil {
			return nil, false
		}
		for _, r := range w.Requires {
			if text := normal(r); strings.Contains(text, "extra == ") {
				extras[text] = true
			} else {
				requires[text] = true
			}
		}
		t.addTags(f.Filename)
		for i := range w.Libraries {
			t.addLibrary(&w.Libraries[i])
		}
	}
	t.requires, t.extras = slices.Sorted(maps.Keys(requires)), slices.Sorted(maps.Keys(extras))
	return t, true
}

// normal makes spellings of one requirement equal.
func normal(s string) string {
	r, err := wheel.ParseRequirement(s)
	if err != nil {
		return s
	}
	return r.String()
}

func (t *traits) add(trait, value string) {
	if t.sets[trait] == nil {
		t.sets[trait] = map[string]bool{}
	}
	t.sets[trait][value] = true
}

func (t *traits) addTags(filename string) {
	if name, err := wheel.ParseFilename(filename); err == nil {
		for _, tag := range name.Tags {
			t.add(traitTags, tag.String())
		}
	}
}

func (t *traits) addLibrary(l *facts.Library) {
	for _, v := range l.Versions {
		if level, ok := strings.CutPrefix(v.Version, "GLIBC_"); ok {
			t.add(traitGlibc, level)
		}
		if level, ok := strings.CutPrefix(v.Version, "GLIBCXX_"); ok {
			t.add(traitCxx, level)
		}
	}
	if l.NumPy != "" {
		t.add(traitNumPy, l.NumPy)
	}
	for _, symbol := range l.Imports {
		switch facts.Namespace(symbol) {
		case "torch":
			t.add(traitTorch, "C++")
		case "torch-stable":
			t.add(traitTorch, "stable ABI")
		}
	}
	for _, needed := range l.Needed {
		if accelerator.MatchString(needed) {
			t.add(traitAccel, needed)
		}
	}
}

// trait is the text of one trait: the highest of levels, all of the others.
func (t *traits) trait(name string) string {
	list := slices.Collect(maps.Keys(t.sets[name]))
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(compareLevels(a, b), cmp.Compare(a, b)) })
	if name == traitGlibc || name == traitCxx {
		return last(list)
	}
	return strings.Join(list, ", ")
}

// compareLevels orders dotted numbers by number.
func compareLevels(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, errM := strconv.Atoi(x)
		n, errN := strconv.Atoi(y)
		if errM != nil || errN != nil {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(m, n)
	})
}

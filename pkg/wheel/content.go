package wheel

import (
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
)

// binaryKind is what the first bytes of a member say that it is.
type binaryKind int

const (
	notBinary binaryKind = iota
	elfFile              // for a processor that runs Python
	elfOther             // objects to be linked, core dumps, code for GPUs and for the kernel
	peFile
	machFile
)

// machine is a processor as ELF files name it (System V ABI, e_machine).
type machine struct {
	code uint16
	bits byte // 32 or 64
	big  bool
}

// machines are the processors of platform tags (PEP 599, 600, 656).
func machines(arch string) (machine, bool) {
	switch arch {
	case "x86_64", "amd64":
		return machine{62, 64, false}, true
	case "i686", "i386", "i586":
		return machine{3, 32, false}, true
	case "aarch64", "arm64":
		return machine{183, 64, false}, true
	case "armv7l", "armv6l", "armv8l":
		return machine{40, 32, false}, true
	case "ppc64le":
		return machine{21, 64, false}, true
	case "ppc64":
		return machine{21, 64, true}, true
	case "s390x":
		return machine{22, 64, true}, true
	case "riscv64":
		return machine{243, 64, false}, true
	case "loongarch64":
		return machine{258, 64, false}, true
	}
	return machine{}, false
}

func (m machine) String() string {
	for _, arch := range []string{"x86_64", "i686", "aarch64", "armv7l", "ppc64le", "ppc64", "s390x", "riscv64", "loongarch64"} {
		if known, _ := machines(arch); known == m {
			return arch
		}
	}
	return fmt.Sprintf("ELF machine %d, %d bits", m.code, m.bits)
}

// identify looks at the head of a member.
func identify(head []byte) (binaryKind, machine) {
	if len(head) < 20 {
		return notBinary, machine{}
	}
	be := binary.BigEndian
	switch first := be.Uint32(head); {
	case first == 0x7f454c46:
		return identifyELF(head)
	case string(head[:2]) == "MZ":
		if len(head) < 64 {
			return notBinary, machine{}
		}
		// Behind the header for DOS, which may be text that begins alike.
		at := int64(binary.LittleEndian.Uint32(head[60:]))
		if at+4 > int64(len(head)) || string(head[at:at+4]) != "PE\x00\x00" {
			return notBinary, machine{}
		}
		return peFile, machine{}
	case first == 0xfeedface || first == 0xfeedfacf || first == 0xcefaedfe || first == 0xcffaedfe:
		return machFile, machine{}
	case (first == 0xcafebabe || first == 0xcafebabf) && be.Uint32(head[4:]) < 43:
		return machFile, machine{} // from 43 on it is the version of a Java class
	}
	return notBinary, machine{}
}

func identifyELF(head []byte) (binaryKind, machine) {
	const (
		executable, shared   = 2, 3
		amdGPU, cuda, kernel = 224, 190, 247
	)
	m := machine{bits: 32 * head[4], big: head[5] == 2}
	var order binary.ByteOrder = binary.LittleEndian
	if m.big {
		order = binary.BigEndian
	}
	m.code = order.Uint16(head[18:])
	kind := order.Uint16(head[16:])
	if kind != executable && kind != shared || m.code == amdGPU || m.code == cuda || m.code == kernel {
		return elfOther, m
	}
	return elfFile, m
}

// platforms is what a wheel's platform tags say about its content.
type platforms struct {
	any      bool // one of the tags is "any"
	linux    bool // all of them are of Linux
	machines []machine
	unknown  bool // a processor that is not known here: no check
}

func platformsOf(tags []Tag) platforms {
	p := platforms{linux: true}
	for _, t := range tags {
		if t.Platform == "any" {
			p.any, p.linux = true, false
			continue
		}
		arch, linux := linuxArch(t.Platform)
		if !linux {
			p.linux = false
			continue
		}
		m, known := machines(arch)
		switch {
		case !known:
			p.unknown = true
		case !slices.Contains(p.machines, m):
			p.machines = append(p.machines, m)
		}
	}
	return p
}

// linuxArch cuts the processor off a platform tag of Linux.
func linuxArch(tag string) (arch string, ok bool) {
	system, rest, ok := strings.Cut(tag, "_")
	if !ok {
		return "", false
	}
	switch system {
	case "manylinux", "musllinux":
		for range 2 { // the version of the C library
			if _, rest, ok = strings.Cut(rest, "_"); !ok {
				return "", false
			}
		}
		return rest, true
	case "linux", "manylinux1", "manylinux2010", "manylinux2014":
		return rest, true
	}
	return "", false
}

// contents collects what the heads of members are.
type contents struct {
	p       platforms
	fits    bool     // some ELF file is for the platform
	misfits []misfit // ELF files that are not
	elf     string   // the first ELF file by name
}

type misfit struct {
	member string
	m      machine
}

// look judges the head of a member; ELF files are judged when all are known.
func (c *contents) look(r *report, name string, head []byte) {
	kind, m := identify(head)
	module := isModule(name)
	switch kind {
	case elfFile:
		if c.elf == "" || name < c.elf {
			c.elf = name
		}
		if slices.Contains(c.p.machines, m) {
			c.fits = true
		} else {
			c.misfits = append(c.misfits, misfit{name, m})
		}
	case peFile, machFile:
		system := "Windows"
		if kind == machFile {
			system = "macOS"
		}
		switch {
		case !c.p.linux && !c.p.any:
		case module || kind == machFile && c.p.linux && path.Ext(name) == ".dylib":
			r.refuse(RuleForeign, name, "is a module or library for %s, which no platform tag names", system)
		case c.p.linux:
			// Debuggers bring libraries for other systems; launchers end in .exe.
			r.warn(RuleForeign, name, "is a program or library for %s", system)
		}
	case notBinary, elfOther:
	}
}

// judge gives the findings on ELF files.
func (c *contents) judge(r *report) {
	slices.SortFunc(c.misfits, func(a, b misfit) int { return strings.Compare(a.member, b.member) })
	for _, x := range c.misfits {
		switch {
		case c.p.any && len(c.p.machines) == 0:
			r.refuse(RuleELF, x.member, "is an ELF file for %v in a wheel for any platform; give the wheel a platform tag", x.m)
		case len(c.p.machines) == 0 || c.p.unknown:
		case c.fits && (!isModule(x.member) && !isLibrary(x.member) || x.inDirectoryOfMachine()):
			r.warn(RuleELF, x.member, "is for %v, the platform tags are for %v", x.m, c.p.machines[0])
		default:
			r.refuse(RuleELF, x.member, "is for %v, the platform tags are for %v", x.m, c.p.machines[0])
		}
	}
}

// inDirectoryOfMachine is true for files that are put apart for their processor,
// as compilers ship stubs for what they can target:
// "lib/stubs/aarch64-unknown-linux-gnu/libx.so".
func (x misfit) inDirectoryOfMachine() bool {
	return strings.Contains(path.Dir(x.member), x.m.String())
}

// isModule is true for names that Python imports as extension modules:
// "x.so", "x.cpython-312-x86_64-linux-gnu.so", "x.abi3.so", "x.pyd".
func isModule(name string) bool {
	ext := path.Ext(name)
	return ext == ".so" || strings.EqualFold(ext, ".pyd")
}

// isLibrary is true for names of shared libraries: "libx.so.1".
func isLibrary(name string) bool {
	return strings.Contains(path.Base(name), ".so.")
}

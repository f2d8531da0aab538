package elf

import "strings"

const (
	verFlagBase = 1 // the name of the library itself
	verFlagWeak = 2 // the loader only warns
)

// readVersions reads DT_VERNEED and DT_VERDEF, two chains of records that each
// lead a chain of names (LSB Core 5.0, 10.7).
func (f *File) readVersions(d dynamic) error {
	if err := f.readNeeds(d.one[dtVerneed], d.one[dtVerneednum]); err != nil {
		return err
	}
	return f.readDefines(d.one[dtVerdef], d.one[dtVerdefnum])
}

func (f *File) readNeeds(addr, num int64) error {
	if num == 0 {
		return nil
	}
	off, left := f.offset(addr), MaxVersions
	for i := int64(0); i < num; i++ {
		b, err := f.at(off, 16, "a version need")
		if err != nil {
			return err
		}
		library, err := f.link(int64(f.order.Uint32(b[4:])), "a library's name", MaxPath)
		if err != nil {
			return err
		}
		aux := off + int64(f.order.Uint32(b[8:]))
		for range f.order.Uint16(b[2:]) {
			a, err := f.at(aux, 16, "a version need")
			if err != nil {
				return err
			}
			if left--; left < 0 {
				return malformed("over %d versions are needed", MaxVersions)
			}
			if f.order.Uint16(a[4:])&verFlagWeak == 0 {
				version, err := f.link(int64(f.order.Uint32(a[8:])), "a version's name", MaxPath)
				if err != nil {
					return err
				}
				f.Needs = append(f.Needs, Need{library, version})
			}
			next := int64(f.order.Uint32(a[12:]))
			if next == 0 {
				break
			}
			aux += next
		}
		next := int64(f.order.Uint32(b[12:]))
		if left--; left < 0 {
			return malformed("over %d versions are needed", MaxVersions)
		}
		if next == 0 {
			return nil
		}
		off += next
	}
	return nil
}

func (f *File) readDefines(addr, num int64) error {
	if num == 0 {
		return nil
	}
	if num > MaxVersions {
		return malformed("over %d versions are defined", MaxVersions)
	}
	off := f.offset(addr)
	for i := int64(0); i < num; i++ {
		b, err := f.at(off, 20, "a version definition")
		if err != nil {
			return err
		}
		flags, names := f.order.Uint16(b[2:]), f.order.Uint16(b[6:])
		if flags&verFlagBase == 0 && names > 0 {
			a, err := f.at(off+int64(f.order.Uint32(b[12:])), 8, "a version definition")
			if err != nil {
				return err
			}
			version, err := f.link(int64(f.order.Uint32(a)), "a version's name", MaxPath)
			if err != nil {
				return err
			}
			f.Defines = append(f.Defines, version)
		}
		next := int64(f.order.Uint32(b[16:]))
		if next == 0 {
			return nil
		}
		off += next
	}
	return nil
}

// Versioned splits a symbol version into its family and the number, which is
// empty if there is none: "GLIBC_2.34" is "GLIBC" and "2.34", "GLIBC_PRIVATE"
// is a family of its own.
func Versioned(version string) (family, number string) {
	i := strings.LastIndexByte(version, '_')
	if i <= 0 || i == len(version)-1 {
		return version, ""
	}
	for part := range strings.SplitSeq(version[i+1:], ".") {
		if part == "" || len(part) > 9 || strings.Trim(part, "0123456789") != "" {
			return version, ""
		}
	}
	return version[:i], version[i+1:]
}

package wheel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Info is what an index needs to know of one file.
type Info struct {
	Filename    string
	PackageType string // TypeWheel or TypeSdist
	Project     string // normalised
	Name        string // as METADATA spells it, or the file name if there is none
	Version     Version
	Build       BuildTag
	Tags        []Tag

	SHA256   string // hex, of the whole file
	Size     int64  // bytes
	Unpacked int64  // bytes of all members together
	Members  int    // entries of the archive, directories included

	// Metadata is METADATA or PKG-INFO byte for byte, nil for an sdist without.
	Metadata       []byte
	MetadataSHA256 string // hex, empty if Metadata is nil

	RequiresPython string
	Summary        string
	License        string   // see [Metadata.LicenseLine]
	Requires       []string // Requires-Dist as written
	ProvidesExtra  []string
	MetadataDefect string // see [Metadata.Defect]

	Licenses []string // members of a wheel that are licence files (PEP 639), sorted
	SBOMs    []string // members of a wheel that are SBOMs (PEP 770), sorted

	Warnings []Warning // what is odd, but no reason to refuse the file
}

// Inspect reads a wheel or an sdist of size bytes whose base name is filename,
// and takes it for hostile until all rules say otherwise ([Rules]; docs/intake.md
// explains them). Each member is unpacked exactly once: its size, CRC, hash in
// RECORD and kind are checked then, and v is shown it; v may be nil. Members of
// sdists are checked but not shown.
//
// Memory does not grow with the size of the file but with the number of its
// members and with METADATA and RECORD, which are bounded by limits. r is read
// from several goroutines.
//
// What is wrong with the file comes as an error in which [errors.As] finds an
// [*Error]; [Refusals] lists all that were found. A file whose archive or names
// are not sound is not looked at further. Other errors are those of ctx, r and v.
func Inspect(ctx context.Context, r io.ReaderAt, size int64, filename string, limits Limits, v Visitor) (*Info, error) {
	f, err := ParseAnyFilename(filename)
	if err != nil {
		return nil, err
	}
	in := &inspection{
		r: r, f: f, limits: limits.withDefaults(), visitor: v,
		info: &Info{
			Filename: filename, PackageType: f.Type, Project: f.Project, Name: f.Name,
			Version: f.Version, Build: f.Build, Tags: f.Tags, Size: size,
		},
	}
	switch {
	case f.Type == TypeWheel:
		err = in.readWheel(ctx)
	case strings.HasSuffix(filename, ".zip"):
		err = in.readZipSdist(ctx)
	default:
		err = in.readTarSdist(ctx)
	}
	if err = in.take(err); err == nil {
		err = in.err()
	}
	if err != nil {
		return nil, inFile(filename, err)
	}
	in.info.Warnings = in.remarks()
	return in.info, nil
}

// inspection is one file on its way through the rules.
type inspection struct {
	report
	r       io.ReaderAt
	f       Filename
	limits  Limits
	visitor Visitor
	info    *Info
}

// inFile adds the file's name to an error.
func inFile(filename string, err error) error {
	list := Refusals(err)
	for _, e := range list {
		e.File = filename
	}
	if list != nil {
		return err
	}
	return fmt.Errorf("inspect %s: %w", filename, err)
}

// inMember adds the member's name to an error.
func inMember(member string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Member = member
	}
	return err
}

// openArchive reads the structure of a zip and the names in it. It gives no
// members if something is wrong with them.
func (in *inspection) openArchive(portable bool) (*zipArchive, []zipMember, error) {
	z, err := openZip(in.r, in.info.Size, in.limits)
	if err != nil {
		return nil, nil, err
	}
	members, err := z.members()
	if err != nil {
		return nil, nil, err
	}
	descriptors, err := z.layout(members)
	if err != nil {
		return nil, nil, err
	}
	if n := len(descriptors); n > 0 {
		in.warn(RuleDescriptor, descriptors[0], "has a data descriptor, as have %d members; some indexes refuse such files", n)
	}
	in.info.Members = len(members)
	for i := range members {
		if in.info.Unpacked += members[i].uncompressed; in.info.Unpacked < 0 || in.info.Unpacked > in.limits.Unpacked {
			return nil, nil, limitError("unpacks to more than %d bytes", in.limits.Unpacked)
		}
	}
	if err := in.limits.checkRatio(in.info.Unpacked, in.info.Size); err != nil {
		return nil, nil, err
	}
	if in.checkPaths(members); len(in.refused) == 0 {
		in.checkCollisions(members, portable)
	}
	return z, members, nil
}

func (in *inspection) readWheel(ctx context.Context) error {
	p := platformsOf(in.f.Tags)
	z, members, err := in.openArchive(!p.linux)
	if err != nil || len(in.refused) > 0 {
		return err
	}
	d := findDistInfo(&in.report, members, in.f)
	if len(in.refused) > 0 {
		return nil
	}
	in.checkData(members, d, in.f)
	w := &wheelReader{inspection: in, z: z, members: members, d: d, found: contents{p: p}}
	if err := w.readAll(ctx); err != nil {
		return err
	}
	w.found.judge(&in.report)
	return in.checkTexts(w)
}

// checkTexts reads what the wheel says about itself. What could not be read has
// been refused already.
func (in *inspection) checkTexts(w *wheelReader) error {
	d := w.d
	if data, ok := w.kept[d.wheel.name]; ok {
		if err := in.checkWheelFile(data, d.wheel.name, in.f, w.found.elf); err != nil {
			return err
		}
	}
	if d.entryPoints != nil {
		if data, ok := w.kept[d.entryPoints.name]; ok {
			in.checkEntryPoints(data, d.entryPoints.name)
		}
	}
	data, ok := w.kept[d.metadata.name]
	if !ok {
		return nil
	}
	in.info.Metadata = data
	m, err := in.info.checkMetadata(&in.report, d.metadata.name)
	if err == nil && m != nil {
		in.info.checkLicenses(&in.report, w.members, d, m.LicenseFiles)
	}
	return err
}

// hashFile gives the sha256 of the whole file in hex.
func hashFile(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	h := sha256.New()
	if err := copyAll(ctx, h, io.NewSectionReader(r, 0, size)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// copyAll writes what is left of src to dst, and looks at ctx now and then.
func copyAll(ctx context.Context, dst io.Writer, src *io.SectionReader) error {
	position, err := src.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	left := src.Size() - position
	buf := make([]byte, min(left, 256<<10))
	for left > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(src, buf[:min(left, int64(len(buf)))])
		if err != nil {
			return fmt.Errorf("read at %d: %w", src.Size()-left, err)
		}
		dst.Write(buf[:n]) //nolint:errcheck // a hash never fails
		left -= int64(n)
	}
	return nil
}

package wheel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
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

	SHA256 string // hex, of the whole file
	Size   int64  // bytes

	// Metadata is METADATA or PKG-INFO byte for byte, nil for an sdist without.
	Metadata       []byte
	MetadataSHA256 string // hex, empty if Metadata is nil

	RequiresPython string
	Summary        string
	License        string   // see [Metadata.LicenseLine]
	Requires       []string // Requires-Dist as written
	ProvidesExtra  []string
	MetadataDefect string // see [Metadata.Defect]

	Licenses []string  // members that are licence files (PEP 639), sorted
	SBOMs    []string  // members that are SBOMs (PEP 770), sorted
	Warnings []Warning // what is odd, but no reason to refuse the file
}

// Inspect reads a wheel or an sdist of size bytes whose base name is filename.
//
// A wheel has exactly one dist-info directory at its root, whose name is that
// of the file when both are normalised, with WHEEL, METADATA and RECORD that
// parse; METADATA names the project and version of the file name. Other members
// are counted but not read, and hashes in RECORD are not compared. Of an sdist,
// PKG-INFO in the directory at its root is held against the file name, if there
// is one.
//
// The members of a wheel are shown to v while they are read; it may be nil.
//
// Each byte is hashed once; nothing but the members named is kept in memory.
// What is wrong with the file comes as an [*Error]; other errors are those of
// ctx and r.
func Inspect(ctx context.Context, r io.ReaderAt, size int64, filename string, limits Limits, v Visitor) (*Info, error) {
	f, err := ParseAnyFilename(filename)
	if err != nil {
		return nil, err
	}
	limits = limits.withDefaults()
	info := &Info{
		Filename: filename, PackageType: f.Type, Project: f.Project, Name: f.Name,
		Version: f.Version, Build: f.Build, Tags: f.Tags, Size: size,
	}
	var member string // where Metadata comes from
	switch {
	case f.Type == TypeWheel:
		member, err = info.readWheel(ctx, r, f, limits, v)
	case strings.HasSuffix(filename, ".zip"):
		member, err = info.readZipSdist(ctx, r, limits)
	default:
		member, err = info.readTarSdist(ctx, r, limits)
	}
	if err == nil && info.Metadata != nil {
		err = inMember(member, info.setMetadata())
	}
	if err != nil {
		return nil, inFile(filename, err)
	}
	return info, nil
}

// inFile adds the file's name to an error.
func inFile(filename string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.File = filename
		return e
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

func (info *Info) readWheel(ctx context.Context, r io.ReaderAt, f Filename, limits Limits, v Visitor) (member string, err error) {
	z, err := openZip(r, info.Size, limits)
	if err != nil {
		return "", err
	}
	d, err := findDistInfo(z, f)
	if err != nil {
		return "", err
	}
	if info.Metadata, err = z.read(d.metadata, limits.Metadata); err != nil {
		return "", err
	}
	wheelFile, err := z.read(d.wheel, limits.WheelFile)
	if err != nil {
		return "", err
	}
	if _, err := ParseWheelFile(wheelFile); err != nil {
		return "", inMember(d.wheel.name, err)
	}
	record, err := z.read(d.record, limits.Record)
	if err != nil {
		return "", err
	}
	if err := eachRecord(record, func(RecordEntry) {}); err != nil {
		return "", inMember(d.record.name, err)
	}
	if err := info.listMembers(z); err != nil {
		return "", err
	}
	if v != nil {
		if err := z.each(func(m zipMember) error { return z.show(ctx, m, v) }); err != nil {
			return "", err
		}
	}
	info.SHA256, err = hashFile(ctx, r, info.Size)
	return d.metadata.name, err
}

// listMembers finds licence files and SBOMs.
func (info *Info) listMembers(z *zipArchive) error {
	err := z.each(func(m zipMember) error {
		root, rest, _ := strings.Cut(m.name, "/")
		directory, _, _ := strings.Cut(rest, "/")
		switch {
		case !strings.HasSuffix(root, ".dist-info") || strings.HasSuffix(m.name, "/"):
		case directory == "licenses":
			info.Licenses = append(info.Licenses, m.name)
		case directory == "sboms":
			info.SBOMs = append(info.SBOMs, m.name)
		}
		return nil
	})
	slices.Sort(info.Licenses)
	slices.Sort(info.SBOMs)
	return err
}

// setMetadata checks Metadata against the file name and takes what the index
// shows.
func (info *Info) setMetadata() error {
	m, err := ParseMetadata(info.Metadata)
	if err != nil {
		return err
	}
	if NormalizeName(m.Name) != info.Project {
		return &Error{Rule: RuleName, Reason: fmt.Sprintf("says Name: %s, the file name says %s", m.Name, info.Name)}
	}
	if !m.Version.Equal(info.Version) {
		return &Error{Rule: RuleVersion, Reason: fmt.Sprintf("says Version: %s, the file name says %s", m.RawVersion, info.Version)}
	}
	sum := sha256.Sum256(info.Metadata)
	info.MetadataSHA256 = hex.EncodeToString(sum[:])
	info.Name, info.Summary, info.RequiresPython = m.Name, m.Summary, m.RequiresPython
	info.License, info.Requires, info.ProvidesExtra = m.LicenseLine(), m.RequiresDist, m.ProvidesExtra
	info.MetadataDefect = m.Defect
	return nil
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

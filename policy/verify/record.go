package verify

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// checkRecord compares every member of a wheel that passed [wheel.Inspect]
// with its line in RECORD (binary distribution format, "The .dist-info
// directory"): each file is listed once, with size and sha256, and nothing
// else is listed. RECORD itself and signatures of it have no hash.
func checkRecord(ctx context.Context, r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return err
	}
	lines, err := readRecord(z)
	if err != nil {
		return err
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		line, ok := lines[f.Name]
		delete(lines, f.Name)
		switch {
		case isRecord(f.Name):
			continue
		case !ok:
			return fmt.Errorf("%s is not in RECORD", f.Name)
		case len(line.Digest) != sha256.Size:
			return fmt.Errorf("%s has no sha256 in RECORD", f.Name)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := compareMember(f, line); err != nil {
			return err
		}
	}
	for path := range lines {
		return fmt.Errorf("RECORD lists %s, which is not in the wheel", path)
	}
	return nil
}

func readRecord(z *zip.Reader) (map[string]wheel.RecordEntry, error) {
	lines := map[string]wheel.RecordEntry{}
	for _, f := range z.File {
		if !isRecord(f.Name) || !strings.HasSuffix(f.Name, "/RECORD") {
			continue
		}
		rc, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer rc.Close()
		data, err := io.ReadAll(io.LimitReader(rc, wheel.DefaultMaxRecord))
		if err != nil {
			return nil, err
		}
		entries, err := wheel.ParseRecord(data)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if _, twice := lines[e.Path]; twice {
				return nil, fmt.Errorf("RECORD lists %s twice", e.Path)
			}
			lines[e.Path] = e
		}
	}
	return lines, nil
}

// isRecord accepts <name>.dist-info/RECORD and its signatures.
func isRecord(name string) bool {
	dir, file, ok := strings.Cut(name, "/")
	return ok && strings.HasSuffix(dir, ".dist-info") && (file == "RECORD" || file == "RECORD.jws" || file == "RECORD.p7s")
}

// compareMember hashes what a member unpacks to. Reading stops at the size that
// is announced, so that a bomb costs what it claims and no more.
func compareMember(f *zip.File, line wheel.RecordEntry) error {
	rc, err := f.Open()
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	defer rc.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(rc, int64(f.UncompressedSize64)))
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if line.Size >= 0 && n != line.Size {
		return fmt.Errorf("%s has %d bytes, RECORD says %d", f.Name, n, line.Size)
	}
	if !bytes.Equal(hash.Sum(nil), line.Digest) {
		return fmt.Errorf("%s has sha256 %x, RECORD says %x", f.Name, hash.Sum(nil), line.Digest)
	}
	return nil
}

package wheel

import (
	"context"
	"io"
	"path"
	"strings"

	"golang.org/x/sync/errgroup"
)

// isPkgInfo is true for PKG-INFO in a directory at the root of the archive.
// Others belong to egg-info directories and to test data.
func isPkgInfo(name string) bool {
	root, rest, ok := strings.Cut(name, "/")
	return ok && root != "" && rest == "PKG-INFO"
}

// readZipSdist reads an old kind of sdist, which has the rules of wheels for
// its archive.
func (in *inspection) readZipSdist(ctx context.Context) error {
	z, members, err := in.openArchive(false)
	if err != nil || len(in.refused) > 0 {
		return err
	}
	if in.checkRoot(members); len(in.refused) > 0 {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		in.info.SHA256, err = hashFile(ctx, in.r, in.info.Size)
		return err
	})
	member := ""
	g.Go(func() error {
		u := newUnpacker(ctx, z, in.info.Unpacked)
		for i := range members {
			m := &members[i]
			var err error
			if isPkgInfo(m.name) {
				member = m.name
				in.info.Metadata, err = u.read(m, nil, in.limits.Metadata)
			} else {
				err = u.member(m, nil, func([]byte) (io.WriteCloser, error) { return nil, nil })
			}
			if err = in.take(err); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return in.checkPkgInfo(member)
}

// checkPkgInfo holds PKG-INFO against the file name, if there is one.
func (in *inspection) checkPkgInfo(member string) error {
	if in.info.Metadata == nil || len(in.refused) > 0 {
		return nil
	}
	_, err := in.info.checkMetadata(&in.report, member)
	return err
}

// checkRoot wants one directory at the root (PyPA source distribution format).
func (in *inspection) checkRoot(members []zipMember) {
	root := ""
	for i := range members {
		m := &members[i]
		first, _, below := strings.Cut(m.name, "/")
		switch {
		case !below:
			in.refuse(RuleRoot, m.name, "lies at the root of the archive, not in a directory named for the release")
			return
		case root == "":
			root = first
		case first != root:
			in.refuse(RuleRoot, m.name, "two directories at the root, %s and %s", printable(root), printable(first))
			return
		}
	}
	if root != "" && !isRelease(root, in.f) {
		in.warn(RuleRoot, root, "is not the name and version of the file name")
	}
}

// checkSymlink says why a link leads out of the archive, or "". A ".." is
// allowed at the front only: behind the name of a link it would not lead where
// it seems to.
func checkSymlink(name, target string) string {
	if reason := checkTarget(target); reason != "" {
		return reason
	}
	rest := target
	for rest == ".." || strings.HasPrefix(rest, "../") {
		rest = strings.TrimPrefix(rest[2:], "/")
	}
	for part := range strings.SplitSeq(rest, "/") {
		if part == ".." {
			return "its target has .. behind a name"
		}
	}
	root, _, _ := strings.Cut(name, "/")
	if at := path.Join(path.Dir(name), target); at != root && !strings.HasPrefix(at, root+"/") {
		return "leads out of the directory at the root"
	}
	return ""
}

// checkHardlink is checkSymlink for hard links, whose targets are members.
func checkHardlink(name, target string) string {
	if reason := checkPath(target); reason != "" {
		return "its target is no member: " + reason
	}
	root, _, _ := strings.Cut(name, "/")
	if !strings.HasPrefix(target, root+"/") {
		return "leads out of the directory at the root"
	}
	return ""
}

func checkTarget(target string) string {
	switch {
	case target == "":
		return "has no target"
	case target[0] == '/':
		return "leads to an absolute path"
	case len(target) > maxPath:
		return "has a target that is too long"
	case strings.ContainsAny(target, "\\\x00"):
		return "has a target with a backslash or NUL"
	}
	return ""
}

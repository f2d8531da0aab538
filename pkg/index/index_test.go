package index_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// ruleOf returns the rule that an error is about, "" for none.
func ruleOf(t testing.TB, err error) string {
	t.Helper()
	var v *artifact.Violation
	switch {
	case err == nil:
		return ""
	case errors.As(err, &v):
		return v.Rule
	}
	t.Fatalf("the error is not a violation: %v", err)
	return ""
}

func blob(s string) artifact.Blob {
	return artifact.Blob{Digest: digest.FromString(s), Size: int64(len(s))}
}

var day = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

// file is a wheel of its own artifact; version must be the one in filename.
func file(version, filename string) index.File {
	b, m := blob("bytes of "+filename), blob("metadata of "+filename)
	f := index.File{
		Filename: filename, Manifest: blob("manifest of " + filename), PackageType: index.Wheel, SHA256: b.Digest.Encoded(), Size: b.Size,
		UploadTime: day, Version: version, Metadata: &index.Hash{SHA256: m.Digest.Encoded(), Size: m.Size},
	}
	if !strings.HasSuffix(filename, ".whl") {
		f.PackageType = index.Sdist
	}
	return f
}

func pure(project, version string) index.File {
	return file(version, project+"-"+version+"-py3-none-any.whl")
}

func catalog(projects ...index.Project) *index.Catalog {
	return &index.Catalog{
		Format: 1, Product: "tools", Series: "3.4", Variant: "cpu-ubi9", Serial: 5, Epoch: 1, Issued: day, Projects: projects,
	}
}

func project(name string, files ...index.File) index.Project {
	slices.SortFunc(files, func(a, b index.File) int { return strings.Compare(a.Filename, b.Filename) })
	return index.Project{Name: name, Changed: 1, Files: files}
}

var catalogEntry, signatureEntry = blob("catalog manifest"), blob("signature manifest")

// random draws a catalog that is valid.
func random(r *rand.Rand) *index.Catalog {
	c := catalog()
	c.Serial = 1 + r.Uint64N(artifact.MaxInteger)
	maybe := func(s string) string {
		if r.IntN(2) == 0 {
			return ""
		}
		return s
	}
	for i := range r.IntN(6) {
		p := index.Project{Name: fmt.Sprintf("p%d", i), Changed: 1 + r.Uint64N(c.Serial), License: maybe("MIT"), Summary: maybe("<ä> & \u200b\"\\")}
		for j := range r.IntN(5) {
			f := pure(p.Name, fmt.Sprintf("1.%d", j))
			f.Size, f.RequiresPython = 1+r.Int64N(artifact.MaxInteger), maybe(">=3.9,<4")
			f.UploadTime = time.Unix(946684800+r.Int64N(1<<32), 0).UTC()
			if reason := maybe("broken"); r.IntN(2) == 0 {
				f.Yanked = &reason
			}
			switch r.IntN(4) {
			case 0:
				c.Retired = append(c.Retired, index.RetiredFile{File: f, Since: 1 + r.Uint64N(c.Serial), At: day})
			case 1:
				c.Withdrawn = append(c.Withdrawn, index.Withdrawn{Filename: f.Filename, Reason: maybe("bad"), SHA256: f.SHA256, Since: 1 + r.Uint64N(c.Serial)})
			default:
				p.Files = append(p.Files, f)
			}
		}
		if r.IntN(3) == 0 {
			p.Status = &index.Status{Status: "deprecated", Reason: maybe("old")}
		}
		c.Projects = append(c.Projects, p)
	}
	for i := range r.IntN(3) {
		c.Facts = append(c.Facts, blob(fmt.Sprint("facts ", i)))
		c.Evidence = append(c.Evidence, blob(fmt.Sprint("evidence ", i)))
	}
	return c
}

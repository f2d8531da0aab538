package index

import (
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Subset says which files of a revision a mirror keeps. It is unsigned: it
// only says what to expect in the store.
type Subset struct {
	Format int    `json:"format"`
	Name   string `json:"name"`
	// Newest keeps that many newest versions of each project; 0 keeps all.
	Newest uint64 `json:"newest,omitzero"`
	// Platforms such as "linux_x86_64", ascending: wheels for others are left
	// out, those for any platform and sdists stay. Empty keeps all.
	Platforms []string `json:"platforms,omitempty"`
	// Revision is the digest of the full index.
	Revision digest.Digest `json:"revision"`
}

// Encode returns the subset's canonical bytes.
func (s *Subset) Encode() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return encode(s, artifact.MaxSubset)
}

// DecodeSubset reads a subset's canonical bytes.
func DecodeSubset(data []byte) (*Subset, error) {
	var s Subset
	if err := artifact.DecodeCanonical(data, artifact.MaxSubset, &s); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return &s, nil
}

func (s *Subset) check() error {
	if s.Format != FormatVersion {
		return artifact.Violates("format", "%d", s.Format)
	}
	if _, err := ParseName(s.Name); err != nil {
		return err
	}
	if s.Newest > artifact.MaxInteger {
		return artifact.Violates("newest", "%d", s.Newest)
	}
	if s.Newest == 0 && len(s.Platforms) == 0 {
		return artifact.Violates("selection", "selects everything")
	}
	if err := checkList("selection", "platforms", s.Platforms, platformPattern.MatchString); err != nil {
		return err
	}
	return artifact.CheckDigest(s.Revision)
}

// Keeps returns which listed files of c the subset keeps: those of the newest
// versions of their project that are for one of the platforms.
func (s *Subset) Keeps(c *Catalog) func(*File) bool {
	kept := map[string]bool{}
	for i := range c.Projects {
		versions := newest(&c.Projects[i], s.Newest)
		for _, f := range c.Projects[i].Files {
			kept[f.Filename] = versions[f.Version] && s.keepsPlatform(f.Filename)
		}
	}
	return func(f *File) bool { return kept[f.Filename] }
}

// Build returns the bytes of the index that a mirror with this subset stores
// under the live tag. A pack stays if one of its files is kept.
func (s *Subset) Build(catalogEntry, signatureEntry artifact.Blob, c *Catalog) ([]byte, error) {
	return build(catalogEntry, signatureEntry, c, s.Keeps(c))
}

// newest returns the versions, as they are spelled in the catalog, that are
// among the n newest; spellings of one version (1.0 and 1.0.0) count once.
func newest(p *Project, n uint64) map[string]bool {
	spelled, seen := map[string]wheel.Version{}, map[string]bool{}
	var versions []wheel.Version
	for _, f := range p.Files {
		v, err := wheel.ParseVersion(f.Version)
		if err != nil {
			continue
		}
		spelled[f.Version] = v
		if !seen[v.Key()] {
			seen[v.Key()] = true
			versions = append(versions, v)
		}
	}
	slices.SortFunc(versions, func(a, b wheel.Version) int { return b.Compare(a) })
	kept := map[string]bool{}
	for s, v := range spelled {
		kept[s] = n == 0 || uint64(len(versions)) <= n || v.Compare(versions[n-1]) >= 0
	}
	return kept
}

func (s *Subset) keepsPlatform(filename string) bool {
	name, err := wheel.ParseFilename(filename)
	if err != nil || len(s.Platforms) == 0 {
		return true
	}
	// Any glibc level will do: what the mirror's users run is not known here.
	t := Target{Platforms: s.Platforms, Glibc: "2.99"}
	for _, tag := range name.Tags {
		if tag.Platform == "any" || t.admitsPlatform(tag.Platform) {
			return true
		}
	}
	return false
}

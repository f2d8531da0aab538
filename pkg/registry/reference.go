package registry

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/errdef"
	orasregistry "oras.land/oras-go/v2/registry"
)

// Kind says where a [Reference] points to.
type Kind int

const (
	// KindRemote is a repository of a registry, spoken to over HTTP.
	KindRemote Kind = iota
	// KindLayout is an OCI image layout in a directory.
	KindLayout
)

// LayoutPrefix begins a reference to an OCI image layout.
const LayoutPrefix = "oci-layout:"

// Reference names a repository or a layout and, optionally, one manifest in it.
type Reference struct {
	Kind       Kind
	Registry   string        // host, with its port if it has one; KindRemote only
	Repository string        // path below the host; KindRemote only
	Dir        string        // directory of the layout, cleaned; KindLayout only
	Tag        string        // may be empty
	Digest     digest.Digest // sha256; may be empty, and wins over Tag
}

// tagPattern is the grammar of tags, OCI distribution-spec 1.1.1 "pulling manifests".
var tagPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// ParseReference reads one of
//
//	HOST[:PORT]/REPOSITORY[:TAG][@sha256:HEX]
//	oci-layout:DIR[:TAG][@sha256:HEX]
//
// The host is never assumed: without one the reference is refused. A first
// component is a host when it contains a dot or a colon or is "localhost".
//
// What follows the last colon of a layout reference is the tag if it is one by
// the grammar of tags; so a directory whose last component contains a colon is
// written with a slash at its end ("oci-layout:/srv/a:b/").
//
// Errors match errdef.ErrInvalidReference.
func ParseReference(s string) (Reference, error) {
	ref, err := parseReference(s)
	if err != nil {
		return Reference{}, fmt.Errorf("%w %q: %w", errdef.ErrInvalidReference, s, err)
	}
	return ref, nil
}

func parseReference(s string) (Reference, error) {
	rest, isLayout := strings.CutPrefix(s, LayoutPrefix)
	if !isLayout {
		if i := strings.Index(s, "://"); i >= 0 {
			return Reference{}, fmt.Errorf("leave out %q: write HOST/REPOSITORY:TAG or %sDIR:TAG", s[:i+3], LayoutPrefix)
		}
		if strings.HasPrefix(s, "oci:") {
			return Reference{}, fmt.Errorf("an OCI layout is written %sDIR:TAG", LayoutPrefix)
		}
	}
	var ref Reference
	if i := strings.LastIndexByte(rest, '@'); i >= 0 && (!isLayout || strings.HasPrefix(rest[i+1:], "sha")) {
		dgst, err := parseDigest(rest[i+1:])
		if err != nil {
			return Reference{}, err
		}
		ref.Digest, rest = dgst, rest[:i]
	}
	if isLayout {
		return ref.withLayout(rest)
	}
	return ref.withRemote(rest)
}

// parseDigest accepts sha256 only, the one algorithm that Pinwheel's formats
// use and that every registry has.
func parseDigest(s string) (digest.Digest, error) {
	if !strings.HasPrefix(s, "sha256:") {
		return "", fmt.Errorf("digest %q: only sha256:HEX is supported", s)
	}
	dgst, err := digest.Parse(s)
	if err != nil {
		return "", fmt.Errorf("digest %q: %w", s, err)
	}
	return dgst, nil
}

func (r Reference) withLayout(rest string) (Reference, error) {
	r.Kind = KindLayout
	if i := strings.LastIndexByte(rest, ':'); i >= 0 && tagPattern.MatchString(rest[i+1:]) {
		r.Tag, rest = rest[i+1:], rest[:i]
	}
	if rest == "" {
		return Reference{}, fmt.Errorf("no directory after %q", LayoutPrefix)
	}
	if strings.ContainsRune(rest, 0) {
		return Reference{}, fmt.Errorf("the directory contains a zero byte")
	}
	r.Dir = filepath.Clean(rest)
	return r, nil
}

func (r Reference) withRemote(rest string) (Reference, error) {
	host, path, ok := strings.Cut(rest, "/")
	if !ok || !looksLikeHost(host) {
		return Reference{}, fmt.Errorf("no registry host: write HOST/REPOSITORY:TAG, like registry.example/%s", strings.TrimPrefix(rest, "/"))
	}
	if u, err := url.ParseRequestURI("x://" + host); err != nil || u.Host != host || u.Hostname() == "" {
		return Reference{}, fmt.Errorf("%q is not a host name or address with an optional port", host)
	}
	if i := strings.IndexByte(path, ':'); i >= 0 {
		r.Tag, path = path[i+1:], path[:i]
		if !tagPattern.MatchString(r.Tag) {
			return Reference{}, fmt.Errorf("%q is not a tag: up to 128 of a-z A-Z 0-9 _ . -, not beginning with . or -", r.Tag)
		}
	}
	r.Registry, r.Repository = host, path
	if err := r.oras().ValidateRepository(); err != nil {
		return Reference{}, fmt.Errorf("%q is not a repository name: lower-case letters, digits and single . _ - between them, in components separated by /", path)
	}
	return r, nil
}

func looksLikeHost(s string) bool {
	return s == "localhost" || strings.ContainsAny(s, ".:")
}

// String gives the reference as [ParseReference] reads it.
func (r Reference) String() string {
	s := r.Base()
	if r.Tag != "" {
		if r.Kind == KindLayout {
			s = LayoutPrefix + r.Dir
		}
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest.String()
	}
	return s
}

// Base is the reference without tag and digest: the repository or the layout.
func (r Reference) Base() string {
	if r.Kind != KindLayout {
		return r.Registry + "/" + r.Repository
	}
	s := LayoutPrefix + r.Dir
	// Without the slash the end of such a directory would be read as a tag.
	if i := strings.LastIndexByte(r.Dir, ':'); i >= 0 && tagPattern.MatchString(r.Dir[i+1:]) {
		s += "/"
	}
	return s
}

// Name is what a store resolves: the digest if there is one, else the tag, and
// empty if the reference names no manifest.
func (r Reference) Name() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}

// WithTag is the reference to another tag in the same place.
func (r Reference) WithTag(tag string) Reference {
	r.Tag, r.Digest = tag, ""
	return r
}

// WithDigest is the reference to a manifest in the same place.
func (r Reference) WithDigest(dgst digest.Digest) Reference {
	r.Tag, r.Digest = "", dgst
	return r
}

func (r Reference) oras() orasregistry.Reference {
	return orasregistry.Reference{Registry: r.Registry, Repository: r.Repository, Reference: r.Name()}
}

// checkTag refuses what is not a tag before it becomes part of a URL or of a
// layout's index.
func checkTag(tag string) error {
	if !tagPattern.MatchString(tag) {
		return fmt.Errorf("%w: %q is not a tag", errdef.ErrInvalidReference, tag)
	}
	return nil
}

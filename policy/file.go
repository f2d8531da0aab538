package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictyaml"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

type fileKey struct {
	File      string  `yaml:"file"`
	PEM       string  `yaml:"pem"`
	Roles     []Role  `yaml:"roles"`
	NotBefore instant `yaml:"notBefore"`
	NotAfter  instant `yaml:"notAfter"`
	Revoked   bool    `yaml:"revoked"`
}

type fileThreshold struct {
	Threshold *number `yaml:"threshold"`
}

type fileIndex struct {
	Name         string          `yaml:"name"`
	Epoch        *number         `yaml:"epoch"`
	Keys         []string        `yaml:"keys"`
	Release      fileThreshold   `yaml:"release"`
	Promote      fileThreshold   `yaml:"promote"`
	Follow       string          `yaml:"follow"`
	Freshness    Freshness       `yaml:"freshness"`
	MaxAge       duration        `yaml:"maxAge"`
	Grace        *duration       `yaml:"grace"`
	Skew         *duration       `yaml:"skew"`
	MinSerial    *number         `yaml:"minSerial"`
	MaxJump      *number         `yaml:"maxJump"`
	AllowJumpTo  *number         `yaml:"allowJumpTo"`
	MaxLag       duration        `yaml:"maxLag"`
	Pins         []digest.Digest `yaml:"pins"`
	RequireGates bool            `yaml:"requireGates"`
	OnStale      string          `yaml:"onStale"`
	Deny         []Denial        `yaml:"deny"`
}

type file struct {
	Version number             `yaml:"version"`
	Keys    map[string]fileKey `yaml:"keys"`
	Indexes []fileIndex        `yaml:"indexes"`
}

// Parse reads a policy file, strictly: unknown, duplicate or ill-typed members
// are errors with line and column. readFile gives the content of key files,
// whose names are relative to the policy file.
func Parse(data []byte, readFile func(name string) ([]byte, error)) (*Policy, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("policy: %d bytes, the limit is %d", len(data), MaxFile)
	}
	var f file
	if err := strictyaml.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if f.Version != 1 {
		return nil, fmt.Errorf("policy: version is %d, this program reads version: 1", f.Version)
	}
	p := &Policy{Keys: map[string]*Key{}, Indexes: map[index.Name]*Index{}}
	for _, name := range slices.Sorted(maps.Keys(f.Keys)) {
		key, err := f.Keys[name].parse(name, readFile)
		if err != nil {
			return nil, fmt.Errorf("policy: key %q: %w", name, err)
		}
		p.Keys[name] = key
	}
	if err := p.checkRevoked(); err != nil {
		return nil, err
	}
	if err := p.addIndexes(f.Indexes); err != nil {
		return nil, err
	}
	return p, nil
}

// checkRevoked wants a revoked key to be revoked under all its names.
func (p *Policy) checkRevoked() error {
	names := slices.Sorted(maps.Keys(p.Keys))
	for i, a := range names {
		for _, b := range names[i+1:] {
			if p.Keys[a].Public.Equal(p.Keys[b].Public) && p.Keys[a].Revoked != p.Keys[b].Revoked {
				return fmt.Errorf("policy: keys %q and %q are the same key, and only one of them is revoked", a, b)
			}
		}
	}
	return nil
}

func (p *Policy) addIndexes(list []fileIndex) error {
	if len(list) == 0 {
		return errors.New("policy: no indexes: without one nothing may be served")
	}
	if len(list) > maxIndexes {
		return fmt.Errorf("policy: %d indexes, the limit is %d", len(list), maxIndexes)
	}
	for _, fi := range list {
		x, err := fi.parse(p.Keys)
		if err != nil {
			return fmt.Errorf("policy: index %q: %w", fi.Name, err)
		}
		if p.Indexes[x.Name] != nil {
			return fmt.Errorf("policy: index %q stands twice", fi.Name)
		}
		p.Indexes[x.Name] = x
	}
	return nil
}

func (k fileKey) parse(name string, readFile func(string) ([]byte, error)) (*Key, error) {
	if (k.File == "") == (k.PEM == "") {
		return nil, errors.New("wants either file or pem")
	}
	pem := []byte(k.PEM)
	if k.File != "" {
		var err error
		if pem, err = readFile(k.File); err != nil {
			return nil, err
		}
	}
	public, err := dsse.ParsePublicKey(pem)
	if err != nil {
		return nil, err
	}
	if len(k.Roles) == 0 {
		return nil, errors.New("has no roles: want some of release, promote, refresh")
	}
	for _, r := range k.Roles {
		if r != Release && r != Promote && r != Refresh {
			return nil, fmt.Errorf("role %q: want release, promote or refresh", r)
		}
	}
	key := &Key{Name: name, Public: public, Roles: k.Roles, NotBefore: time.Time(k.NotBefore), NotAfter: time.Time(k.NotAfter), Revoked: k.Revoked}
	if !key.NotAfter.IsZero() && !key.NotBefore.Before(key.NotAfter) {
		return nil, errors.New("notBefore is not before notAfter")
	}
	return key, nil
}

func (fi fileIndex) parse(keys map[string]*Key) (*Index, error) {
	name, err := index.ParseName(fi.Name)
	if err != nil {
		return nil, err
	}
	x := &Index{
		Name: name, Epoch: fi.Epoch.or(1), Freshness: fi.Freshness, MaxAge: time.Duration(fi.MaxAge), Grace: DefaultGrace, Skew: DefaultSkew,
		MinSerial: fi.MinSerial.or(1), MaxJump: fi.MaxJump.or(DefaultMaxJump), AllowJumpTo: fi.AllowJumpTo.or(0), MaxLag: time.Duration(fi.MaxLag), Pins: fi.Pins, RequireGates: fi.RequireGates, Deny: fi.Deny,
	}
	if fi.Grace != nil {
		x.Grace = time.Duration(*fi.Grace)
	}
	if fi.Skew != nil {
		x.Skew = time.Duration(*fi.Skew)
	}
	if err := x.setThresholds(fi); err != nil {
		return nil, err
	}
	if err := x.setModes(fi); err != nil {
		return nil, err
	}
	if err := x.setKeys(fi.Keys, keys); err != nil {
		return nil, err
	}
	return x, x.checkLists()
}

func (x *Index) setThresholds(fi fileIndex) error {
	for _, t := range []struct {
		what string
		from fileThreshold
		to   *int
	}{{"release", fi.Release, &x.ReleaseThreshold}, {"promote", fi.Promote, &x.PromoteThreshold}} {
		n := t.from.Threshold.or(1)
		if n > artifact.MaxSignatures {
			return fmt.Errorf("%s threshold %d: the format has at most %d signatures", t.what, n, artifact.MaxSignatures)
		}
		*t.to = int(n)
	}
	return nil
}

func (x *Index) setModes(fi fileIndex) error {
	switch fi.Follow {
	case "", "live":
	case "release":
		x.FollowRelease = true
	default:
		return fmt.Errorf("follow %q: want live or release", fi.Follow)
	}
	switch fi.OnStale {
	case "", "serve":
	case "stop":
		x.StopWhenStale = true
	default:
		return fmt.Errorf("onStale %q: want serve or stop", fi.OnStale)
	}
	switch x.Freshness {
	case "":
		x.Freshness = FreshHead
		if x.FollowRelease {
			return errors.New("follow: release wants freshness: maxAge or none, because a release has no expiry")
		}
	case FreshHead:
		if x.FollowRelease {
			return errors.New("freshness: head does not go with follow: release; want maxAge or none")
		}
	case FreshMaxAge, FreshNone:
	default:
		return fmt.Errorf("freshness %q: want head, maxAge or none", x.Freshness)
	}
	if (x.Freshness == FreshMaxAge) != (x.MaxAge > 0) {
		return errors.New("maxAge and freshness: maxAge go together")
	}
	if x.FollowRelease && x.MaxLag > 0 {
		return errors.New("maxLag does not go with follow: release: it is about heads")
	}
	return nil
}

// setKeys gives the index the keys that it names, or all, and refuses
// thresholds that can never be met.
func (x *Index) setKeys(names []string, keys map[string]*Key) error {
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(keys))
	}
	for _, n := range names {
		if keys[n] == nil {
			return fmt.Errorf("key %q is not among keys", n)
		}
		for _, k := range x.keys {
			if k.Public.Equal(keys[n].Public) {
				return fmt.Errorf("keys %q and %q are the same key", k.Name, n)
			}
		}
		x.keys = append(x.keys, keys[n])
	}
	if got := len(x.KeysFor(Release)); got < x.ReleaseThreshold {
		return fmt.Errorf("release threshold %d, but only %d usable keys have the role release", x.ReleaseThreshold, got)
	}
	if got := len(x.KeysFor(Promote)); got < x.PromoteThreshold && (x.Freshness == FreshHead || x.FollowRelease) {
		return fmt.Errorf("promote threshold %d, but only %d usable keys have the role promote", x.PromoteThreshold, got)
	}
	return nil
}

func (x *Index) checkLists() error {
	for _, d := range x.Pins {
		if err := artifact.CheckDigest(d); err != nil {
			return fmt.Errorf("pins: %w", err)
		}
	}
	for i := range x.Deny {
		if err := x.Deny[i].check(); err != nil {
			return fmt.Errorf("deny: %w", err)
		}
	}
	return nil
}

// check refuses what could never match, and spells the project as catalogs do.
func (d *Denial) check() error {
	if d.Project == "" && d.Filename == "" && d.SHA256 == "" {
		return errors.New("an entry without project, filename or sha256")
	}
	if d.SHA256 != "" && !artifact.IsSHA256(d.SHA256) {
		return fmt.Errorf("sha256 %q: want 64 lower-case hexadecimal digits", d.SHA256)
	}
	if d.Filename != "" {
		if _, err := wheel.ParseAnyFilename(d.Filename); err != nil {
			return err
		}
	}
	if d.Project != "" {
		if err := wheel.CheckName(d.Project); err != nil {
			return err
		}
		d.Project = wheel.NormalizeName(d.Project)
	}
	return nil
}

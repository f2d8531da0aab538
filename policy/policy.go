// Package policy decides whether a revision may be served: who must have
// signed what, for which index, how fresh, and what is denied. It says yes or
// no with a reason and does no I/O; package verify below it gathers the
// evidence. docs/policy.md describes the file.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/dsse"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
)

// Limits of a policy file.
const (
	MaxFile    = 1 << 20
	maxIndexes = 4096
)

// Role is what a key may sign.
type Role string

// The roles. A refresh key can only say that a promotion still holds.
const (
	Release Role = "release"
	Promote Role = "promote"
	Refresh Role = "refresh"
)

// Freshness says what proves that a live revision is not an old one replayed.
type Freshness string

// The kinds of freshness.
const (
	// FreshHead wants a head whose freshness statement has not expired.
	FreshHead Freshness = "head"
	// FreshMaxAge wants nothing older than MaxAge.
	FreshMaxAge Freshness = "maxAge"
	// FreshNone accepts any age: for media that nobody renews.
	FreshNone Freshness = "none"
)

// Defaults of an index's rules.
const (
	DefaultSkew    = 5 * time.Minute
	DefaultGrace   = 24 * time.Hour
	DefaultMaxJump = 10_000
)

// Policy is the content of a policy file.
type Policy struct {
	Keys    map[string]*Key
	Indexes map[index.Name]*Index
}

// Key is one public key and what it is good for.
type Key struct {
	Name      string
	Public    dsse.PublicKey
	Roles     []Role
	NotBefore time.Time // zero: no bound
	NotAfter  time.Time // zero: no bound
	Revoked   bool
}

// Index are the rules for one index.
type Index struct {
	Name             index.Name
	Epoch            uint64
	ReleaseThreshold int
	PromoteThreshold int
	// FollowRelease makes the series' release, not the head, say what is live.
	FollowRelease bool
	Freshness     Freshness
	MaxAge        time.Duration
	Grace         time.Duration
	Skew          time.Duration
	MinSerial     uint64
	MaxJump       uint64
	// AllowJumpTo is the one serial that may exceed MaxJump.
	AllowJumpTo  uint64
	MaxLag       time.Duration
	Pins         []digest.Digest
	RequireGates bool
	// StopWhenStale refuses to serve past freshness plus grace; otherwise the
	// last good revision is served with an alarm.
	StopWhenStale bool
	Deny          []Denial
	keys          []*Key
}

// Denial takes files out of service: all that its set members match.
type Denial struct {
	Project  string `yaml:"project"`
	Filename string `yaml:"filename"`
	SHA256   string `yaml:"sha256"`
	Reason   string `yaml:"reason"`
}

type fileKey struct {
	File      string    `yaml:"file"`
	PEM       string    `yaml:"pem"`
	Roles     []Role    `yaml:"roles"`
	NotBefore time.Time `yaml:"notBefore"`
	NotAfter  time.Time `yaml:"notAfter"`
	Revoked   bool      `yaml:"revoked"`
}

type fileThreshold struct {
	Threshold int `yaml:"threshold"`
}

type fileIndex struct {
	Name         string          `yaml:"name"`
	Epoch        uint64          `yaml:"epoch"`
	Keys         []string        `yaml:"keys"`
	Release      fileThreshold   `yaml:"release"`
	Promote      fileThreshold   `yaml:"promote"`
	Follow       string          `yaml:"follow"`
	Freshness    Freshness       `yaml:"freshness"`
	MaxAge       duration        `yaml:"maxAge"`
	Grace        *duration       `yaml:"grace"`
	Skew         *duration       `yaml:"skew"`
	MinSerial    uint64          `yaml:"minSerial"`
	MaxJump      uint64          `yaml:"maxJump"`
	AllowJumpTo  uint64          `yaml:"allowJumpTo"`
	MaxLag       duration        `yaml:"maxLag"`
	Pins         []digest.Digest `yaml:"pins"`
	RequireGates bool            `yaml:"requireGates"`
	OnStale      string          `yaml:"onStale"`
	Deny         []Denial        `yaml:"deny"`
}

type file struct {
	Version int                `yaml:"version"`
	Keys    map[string]fileKey `yaml:"keys"`
	Indexes []fileIndex        `yaml:"indexes"`
}

// duration is a Go duration ("24h") or days ("7d").
type duration time.Duration

// UnmarshalText reads a duration.
func (d *duration) UnmarshalText(text []byte) error {
	s := string(text)
	if n := len(s) - 1; n > 0 && s[n] == 'd' {
		var days int
		if _, err := fmt.Sscanf(s, "%dd", &days); err != nil || fmt.Sprintf("%dd", days) != s || days < 0 || days > 36500 {
			return fmt.Errorf("duration %q: want a number of days such as 7d", s)
		}
		*d = duration(time.Duration(days) * 24 * time.Hour)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("duration %q: want such as 90m, 24h or 7d", s)
	}
	*d = duration(v)
	return nil
}

// Parse reads a policy file, strictly: unknown, duplicate or ill-typed members
// are errors with line and column. readFile gives the content of key files,
// whose names are relative to the policy file.
func Parse(data []byte, readFile func(name string) ([]byte, error)) (*Policy, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("policy: %d bytes, the limit is %d", len(data), MaxFile)
	}
	var f file
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&f); err != nil {
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
	if err := p.addIndexes(f.Indexes); err != nil {
		return nil, err
	}
	return p, nil
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
	if !k.NotBefore.IsZero() && !k.NotAfter.IsZero() && !k.NotBefore.Before(k.NotAfter) {
		return nil, errors.New("notBefore is not before notAfter")
	}
	return &Key{Name: name, Public: public, Roles: k.Roles, NotBefore: k.NotBefore, NotAfter: k.NotAfter, Revoked: k.Revoked}, nil
}

func (fi fileIndex) parse(keys map[string]*Key) (*Index, error) {
	name, err := index.ParseName(fi.Name)
	if err != nil {
		return nil, err
	}
	x := &Index{
		Name: name, Epoch: max(fi.Epoch, 1), ReleaseThreshold: max(fi.Release.Threshold, 1), PromoteThreshold: max(fi.Promote.Threshold, 1),
		Freshness: fi.Freshness, MaxAge: time.Duration(fi.MaxAge), Grace: DefaultGrace, Skew: DefaultSkew, MinSerial: max(fi.MinSerial, 1),
		MaxJump: fi.MaxJump, AllowJumpTo: fi.AllowJumpTo, MaxLag: time.Duration(fi.MaxLag), Pins: fi.Pins, RequireGates: fi.RequireGates, Deny: fi.Deny,
	}
	if fi.Grace != nil {
		x.Grace = time.Duration(*fi.Grace)
	}
	if fi.Skew != nil {
		x.Skew = time.Duration(*fi.Skew)
	}
	if x.MaxJump == 0 {
		x.MaxJump = DefaultMaxJump
	}
	if err := x.setModes(fi); err != nil {
		return nil, err
	}
	if err := x.setKeys(fi.Keys, keys); err != nil {
		return nil, err
	}
	return x, x.checkLists()
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
	for _, d := range x.Deny {
		if d.Project == "" && d.Filename == "" && d.SHA256 == "" {
			return errors.New("deny: an entry without project, filename or sha256")
		}
		if d.SHA256 != "" && !artifact.IsSHA256(d.SHA256) {
			return fmt.Errorf("deny: sha256 %q: want 64 lower-case hexadecimal digits", d.SHA256)
		}
	}
	return nil
}

// KeysFor returns the keys with one of the roles that are not revoked.
func (x *Index) KeysFor(roles ...Role) []*Key {
	var keys []*Key
	for _, k := range x.keys {
		if !k.Revoked && slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(k.Roles, r) }) {
			keys = append(keys, k)
		}
	}
	return keys
}

// ValidAt reports whether t is within the key's dates.
func (k *Key) ValidAt(t time.Time) bool {
	return !t.Before(k.NotBefore) && (k.NotAfter.IsZero() || !t.After(k.NotAfter))
}

// Ordered returns the rules of all indexes in ascending order of name.
func (p *Policy) Ordered() []*Index {
	return slices.SortedFunc(maps.Values(p.Indexes), func(a, b *Index) int {
		return strings.Compare(a.Name.String(), b.Name.String())
	})
}

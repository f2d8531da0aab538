package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Collector is implemented by stores whose garbage nobody else collects: layouts.
// Registries do it themselves, each in its own way.
type Collector interface {
	// Collect removes content that no entry of index.json leads to, and what
	// writers left half-written, except what was written or asked for at or
	// after [CollectOptions.Before]. It holds the lock of the layout, so that
	// no tag moves meanwhile. If a manifest that a tag leads to cannot be read,
	// nothing is removed.
	Collect(ctx context.Context, o CollectOptions) (Collected, error)
}

// CollectOptions are what is collected.
type CollectOptions struct {
	// Before spares what is younger: somebody may be about to tag it. It must
	// be longer ago than any publication takes.
	Before time.Time
	// DryRun removes nothing.
	DryRun bool
	// Without names tags that count as removed, for a dry run.
	Without []string
}

// Collected is what was removed, or would be.
type Collected struct {
	Blobs int   `json:"blobs"` // manifests among them
	Temps int   `json:"temporary-files"`
	Bytes int64 `json:"bytes"` // of both
}

var _ Collector = (*layout)(nil)

// Collect implements [Collector].
func (l *layout) Collect(ctx context.Context, o CollectOptions) (Collected, error) {
	done, err := l.collect(ctx, o)
	return done, l.wrap("collect garbage in", "", err)
}

func (l *layout) collect(ctx context.Context, o CollectOptions) (Collected, error) {
	if !o.DryRun {
		unlock, err := lockLayout(ctx, filepath.Join(l.dir, ocispec.ImageLayoutFile))
		if err != nil {
			return Collected{}, fmt.Errorf("lock the layout: %w", err)
		}
		defer unlock()
	}
	c := &collection{ctx: ctx, layout: l, options: o, reached: map[digest.Digest]bool{}}
	if err := c.mark(); err != nil {
		return Collected{}, err
	}
	if err := c.list(); err != nil {
		return Collected{}, err
	}
	// Manifests first: one that is there must vouch for what it names, also
	// when this is stopped half-way.
	if err := c.sweep(c.manifests); err != nil {
		return c.done, err
	}
	if err := c.sweep(c.blobs); err != nil {
		return c.done, err
	}
	return c.done, c.sweepTemps()
}

// collection is one run.
type collection struct {
	ctx     context.Context
	layout  *layout
	options CollectOptions
	reached map[digest.Digest]bool
	// What is not reached.
	manifests, blobs []digest.Digest
	done             Collected
}

// mark follows every entry of index.json, tagged or not.
func (c *collection) mark() error {
	index, err := readIndex(c.layout.dir)
	if err != nil {
		return err
	}
	for _, desc := range index.Manifests {
		if tag := tagOf(desc); tag != "" && slices.Contains(c.options.Without, tag) {
			continue
		}
		if err := c.follow(desc.Digest, true); err != nil {
			return fmt.Errorf("what is tagged %q: %w (repair it or remove the tag; nothing was removed)", tagOf(desc), err)
		}
	}
	return nil
}

// links are the members of manifests and indexes that name other content.
type links struct {
	Manifests []ocispec.Descriptor `json:"manifests"`
	Config    *ocispec.Descriptor  `json:"config"`
	Layers    []ocispec.Descriptor `json:"layers"`
	Subject   *ocispec.Descriptor  `json:"subject"`
}

// follow marks a manifest and all that it names. If it must be there, what
// cannot be read is an error; otherwise it is somebody's unfinished work.
func (c *collection) follow(dgst digest.Digest, must bool) error {
	if c.reached[dgst] {
		return nil
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	l, err := c.links(dgst)
	if err != nil {
		if must {
			return fmt.Errorf("%s: %w", dgst, err)
		}
		return nil
	}
	c.reached[dgst] = true
	for _, m := range l.Manifests {
		if err := c.follow(m.Digest, must); err != nil {
			return err
		}
	}
	if l.Config != nil {
		c.reached[l.Config.Digest] = true
	}
	for _, layer := range l.Layers {
		c.reached[layer.Digest] = true
	}
	if l.Subject != nil {
		return c.follow(l.Subject.Digest, false)
	}
	return nil
}

func (c *collection) links(dgst digest.Digest) (*links, error) {
	path, err := c.layout.path(dgst)
	if err != nil {
		return nil, err
	}
	data, err := readBounded(path, MaxManifest)
	if err != nil {
		return nil, err
	}
	if dgst.Algorithm().FromBytes(data) != dgst {
		return nil, errors.New("the file has another digest: it is damaged")
	}
	var l links
	return &l, json.Unmarshal(data, &l)
}

// list sorts what is not reached into manifests and other content. Young
// manifests, and all that they name, count as reached.
func (c *collection) list() error {
	var young, rest []digest.Digest
	root := filepath.Join(c.layout.dir, ocispec.ImageBlobsDir)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		dgst := digest.Digest(filepath.Base(filepath.Dir(path)) + ":" + d.Name())
		if dgst.Validate() != nil || c.reached[dgst] {
			return c.ctx.Err()
		}
		if info, err := d.Info(); err == nil && c.young(info) {
			young = append(young, dgst)
		} else {
			rest = append(rest, dgst)
		}
		return c.ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, dgst := range young {
		if c.isManifest(dgst) {
			if err := c.follow(dgst, false); err != nil {
				return err
			}
		}
	}
	for _, dgst := range rest {
		if c.isManifest(dgst) {
			c.manifests = append(c.manifests, dgst)
		} else {
			c.blobs = append(c.blobs, dgst)
		}
	}
	return nil
}

// isManifest looks for the media type in what is small enough for one.
func (c *collection) isManifest(dgst digest.Digest) bool {
	_, err := c.layout.resolveDigest(dgst)
	return err == nil
}

func (c *collection) young(info fs.FileInfo) bool { return !info.ModTime().Before(c.options.Before) }

// sweep removes what is neither reached nor young. What has become young since
// it was listed stays, with all that it names.
func (c *collection) sweep(list []digest.Digest) error {
	for _, dgst := range list {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if c.reached[dgst] {
			continue
		}
		path, err := c.layout.path(dgst)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if c.young(info) {
			if err := c.follow(dgst, false); err != nil {
				return err
			}
			continue
		}
		if err := c.remove(path, info); err != nil {
			return err
		}
		c.done.Blobs++
	}
	return nil
}

func (c *collection) remove(path string, info fs.FileInfo) error {
	c.done.Bytes += info.Size()
	if c.options.DryRun {
		return nil
	}
	return os.Remove(path)
}

// sweepTemps removes what writers that were stopped left half-written.
func (c *collection) sweepTemps() error {
	for _, dir := range []string{filepath.Join(c.layout.dir, ingestDir), c.layout.dir} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, entry := range entries {
			if !entry.Type().IsRegular() || dir == c.layout.dir && !isTemp(entry.Name()) {
				continue
			}
			info, err := entry.Info()
			if err != nil || c.young(info) {
				continue
			}
			if err := c.remove(filepath.Join(dir, entry.Name()), info); err != nil {
				return err
			}
			c.done.Temps++
		}
	}
	return nil
}

// ingestDir is where oras-go writes blobs before they have their name.
const ingestDir = "ingest"

// isTemp tells the files of [writeBeside].
func isTemp(name string) bool {
	return strings.HasPrefix(name, "."+ocispec.ImageIndexFile+"-") || strings.HasPrefix(name, "."+ocispec.ImageLayoutFile+"-")
}

// touch dates content that a writer found here, so that [layout.Collect] takes it
// for something in use. Who may only read the layout cannot, and need not.
func (l *layout) touch(dgst digest.Digest) {
	if path, err := l.path(dgst); err == nil {
		now := time.Now() // as the file system dates what is written
		_ = os.Chtimes(path, time.Time{}, now)
	}
}

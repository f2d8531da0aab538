package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/errdef"
)

// layout is an OCI image layout (image-spec 1.1.1 image-layout.md).
//
// Blobs are kept by oras-go's oci.Storage: written beside, checked, renamed.
// Its oci.Store is not used: that reads every child of every manifest when it
// opens a layout, which is thousands of files here, keeps the tags that it saw
// then, while a shim follows a layout that another process writes, and rewrites
// index.json without a lock, listing every manifest, tagged or not.
type layout struct {
	dir      string
	blobs    *oci.Storage
	progress func(Event)

	mu       sync.Mutex
	unsynced map[string]struct{} // files that a power cut could still take away
}

var _ Store = (*layout)(nil)

func openLayout(_ context.Context, ref Reference, opts Options) (*layout, error) {
	dir, err := filepath.Abs(ref.Dir)
	if err != nil {
		return nil, localError("open", ref.Base(), err)
	}
	if opts.CreateLayout {
		err = createLayout(dir)
	} else {
		err = checkLayout(dir)
	}
	if err != nil {
		return nil, localError("open", ref.Base(), err)
	}
	blobs, err := oci.NewStorage(dir)
	if err != nil {
		return nil, localError("open", ref.Base(), err)
	}
	return &layout{dir: dir, blobs: blobs, progress: opts.Progress, unsynced: make(map[string]struct{})}, nil
}

// localError is an [Error] of a layout or of memory.
func localError(op, where string, err error) error {
	var done *Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	e := &Error{Op: op, Where: where, Err: err}
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		e.Kind = errdef.ErrNotFound
	case errors.Is(err, errdef.ErrUnsupported):
		e.Kind = errdef.ErrUnsupported
	case errors.Is(err, fs.ErrNotExist):
		e.Kind = errdef.ErrNotFound
	case errors.Is(err, syscall.ENOSPC):
		e.Hint = "the disk is full; nothing half written was kept: make room and do the same again"
	}
	return e
}

func (l *layout) wrap(op, name string, err error) error {
	where := LayoutPrefix + l.dir
	switch {
	case strings.HasPrefix(name, "sha256:"):
		where += "@" + name
	case name != "":
		where += ":" + name
	}
	return localError(op, where, err)
}

// path is the file of a blob.
func (l *layout) path(dgst digest.Digest) (string, error) {
	if err := dgst.Validate(); err != nil {
		return "", fmt.Errorf("%w %q", errdef.ErrInvalidDigest, dgst)
	}
	return filepath.Join(l.dir, ocispec.ImageBlobsDir, dgst.Algorithm().String(), dgst.Encoded()), nil
}

func (l *layout) open(desc ocispec.Descriptor) (*os.File, error) {
	path, err := l.path(desc.Digest)
	if err != nil {
		return nil, err
	}
	// Looked at before it is opened: opening a FIFO waits for a writer for ever.
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errdef.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err = file.Stat()
	if err == nil && info.Size() != desc.Size {
		err = fmt.Errorf("it has %d bytes, expected %d", info.Size(), desc.Size)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// Fetch opens a blob; without progress the reader is an *os.File.
func (l *layout) Fetch(_ context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	file, err := l.open(desc)
	if err != nil {
		return nil, l.wrap("fetch", desc.Digest.String(), err)
	}
	return receiving(file, desc, 0, l.progress), nil
}

// OpenRange implements [RangeOpener].
func (l *layout) OpenRange(_ context.Context, desc ocispec.Descriptor, offset, length int64) (io.ReadCloser, error) {
	if err := checkRange(desc, offset, length); err != nil {
		return nil, l.wrap("fetch", desc.Digest.String(), err)
	}
	file, err := l.open(desc)
	if err != nil {
		return nil, l.wrap("fetch", desc.Digest.String(), err)
	}
	section := struct {
		*io.SectionReader
		io.Closer
	}{io.NewSectionReader(file, offset, length), file}
	return receiving(section, desc, offset, l.progress), nil
}

func (l *layout) Exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	ok, err := l.blobs.Exists(ctx, desc)
	if ok {
		l.touch(desc.Digest)
	}
	return ok, l.wrap("look for", desc.Digest.String(), err)
}

func (l *layout) Push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	return l.wrap("push", desc.Digest.String(), l.push(ctx, desc, r))
}

func (l *layout) push(ctx context.Context, desc ocispec.Descriptor, r io.Reader) error {
	path, err := l.path(desc.Digest)
	if err != nil {
		return err
	}
	if l.progress != nil {
		r = &progressReader{r: r, desc: desc, kind: EventSent, report: l.progress}
	}
	kind := EventPushed
	err = l.blobs.Push(ctx, desc, &cancelReader{ctx: ctx, r: r})
	if errors.Is(err, errdef.ErrAlreadyExists) {
		l.touch(desc.Digest)
		kind, err = EventSkipped, nil
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.unsynced[path] = struct{}{}
	l.mu.Unlock()
	if l.progress != nil {
		l.progress(Event{Kind: kind, Desc: desc, Bytes: desc.Size})
	}
	return nil
}

// cancelReader lets a copy of a large file end when its context does.
type cancelReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancelReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func (l *layout) PushReference(ctx context.Context, desc ocispec.Descriptor, r io.Reader, tag string) error {
	if err := checkTag(tag); err != nil {
		return l.wrap("push", tag, err)
	}
	if err := l.Push(ctx, desc, r); err != nil {
		return err
	}
	return l.Tag(ctx, desc, tag)
}

// Tag points a tag to a manifest. Everything pushed before is on the disk when
// the tag is, so that it never leads to something that a power cut took away.
func (l *layout) Tag(ctx context.Context, desc ocispec.Descriptor, tag string) error {
	return l.wrap("tag", tag, l.tag(ctx, desc, tag))
}

func (l *layout) tag(ctx context.Context, desc ocispec.Descriptor, tag string) error {
	if err := l.taggable(desc, tag); err != nil {
		return err
	}
	return changeIndex(ctx, l.dir, func(index *ocispec.Index) error {
		if err := l.checkChildren(desc); err != nil {
			return err
		}
		setTag(index, tag, plain(desc))
		return nil
	})
}

// sync makes durable what was pushed through this store since the last tag.
func (l *layout) sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	dirs := make(map[string]struct{})
	for path := range l.unsynced {
		if err := syncPath(path); err != nil {
			return err
		}
		dirs[filepath.Dir(path)] = struct{}{}
	}
	for dir := range dirs {
		if err := syncPath(dir); err != nil {
			return err
		}
	}
	clear(l.unsynced)
	return nil
}

// Untag removes a tag and leaves its manifest.
func (l *layout) Untag(ctx context.Context, tag string) error {
	return l.wrap("untag", tag, changeIndex(ctx, l.dir, func(index *ocispec.Index) error {
		if !removeTag(index, tag) {
			return errdef.ErrNotFound
		}
		return nil
	}))
}

// Resolve finds a manifest by tag, from the index as it is on the disk now, or
// by digest, whether a tag leads to it or not.
func (l *layout) Resolve(_ context.Context, reference string) (ocispec.Descriptor, error) {
	desc, err := l.resolve(reference)
	return desc, l.wrap("resolve", reference, err)
}

func (l *layout) resolve(reference string) (ocispec.Descriptor, error) {
	if strings.Contains(reference, ":") {
		return l.resolveDigest(digest.Digest(reference))
	}
	index, err := readIndex(l.dir)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return findTag(index, reference)
}

// resolveDigest takes the media type from the manifest: index.json lists tagged
// manifests only.
func (l *layout) resolveDigest(dgst digest.Digest) (ocispec.Descriptor, error) {
	path, err := l.path(dgst)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	data, err := readBounded(path, MaxManifest)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errTooLong) {
		return ocispec.Descriptor{}, errdef.ErrNotFound
	}
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	var manifest struct {
		MediaType string `json:"mediaType"`
	}
	desc := ocispec.Descriptor{Digest: dgst, Size: int64(len(data))}
	if json.Unmarshal(data, &manifest) == nil {
		desc.MediaType = manifest.MediaType
	}
	if !isManifest(desc) {
		return ocispec.Descriptor{}, fmt.Errorf("%w: there is a blob, but no manifest with a media type", errdef.ErrNotFound)
	}
	return desc, nil
}

func (l *layout) FetchReference(ctx context.Context, reference string) (ocispec.Descriptor, io.ReadCloser, error) {
	desc, err := l.Resolve(ctx, reference)
	if err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	rc, err := l.Fetch(ctx, desc)
	return desc, rc, err
}

// Tags lists all tags after last in one page.
func (l *layout) Tags(_ context.Context, last string, fn func([]string) error) error {
	index, err := readIndex(l.dir)
	if err != nil {
		return l.wrap("list tags of", "", err)
	}
	return fn(tagsAfter(tagsOf(index), last))
}

// Mount implements [Mounter] by pushing.
func (l *layout) Mount(ctx context.Context, desc ocispec.Descriptor, fromRepo string, getContent func() (io.ReadCloser, error)) error {
	return pushInstead(ctx, l, desc, fromRepo, getContent)
}

// HasReferrersAPI is false: a layout is a file, and its index lists tags only.
func (l *layout) HasReferrersAPI(context.Context, ocispec.Descriptor) (bool, error) {
	return false, nil
}

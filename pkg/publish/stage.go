package publish

import (
	"context"
	"errors"
	"sync"
	"time"

	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/artifact"
	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/pkg/strictjson"
)

// DefaultStage is after what time uploads are given a tag: well within the hour
// after which registries collect what has none.
const DefaultStage = 10 * time.Minute

// stage is what one writer has uploaded and no revision names yet. Where that
// takes long, and where another writer wins, it gets a tag of its own.
type stage struct {
	store Store
	tag   string // "" for writers without a name
	every time.Duration

	mu       sync.Mutex
	uploaded []artifact.Blob
	tagged   int  // how many the tag leads to
	tried    bool // a write of the tag was begun, and may have landed
	cancel   context.CancelFunc
	done     chan struct{}
}

// newStage begins to watch over the uploads of a turn. The caller must call stop.
func newStage(s Store, name index.Name, t *turn, uploads []Upload) *stage {
	g := &stage{store: s}
	if t == nil || len(uploads) == 0 {
		return g
	}
	var err error
	if g.tag, err = name.StageTag(t.lease.Writer); err != nil {
		g.tag = ""
		return g
	}
	if g.every = t.lease.StageEvery; g.every == 0 {
		g.every = DefaultStage
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel, g.done = cancel, make(chan struct{})
	go func() {
		defer close(g.done)
		for pause(ctx, g.every) == nil {
			// It will be tried again; the uploads go on.
			_ = g.anchor(ctx)
		}
	}()
	return g
}

// add notes a manifest that is in the store.
func (g *stage) add(b artifact.Blob) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.uploaded = append(g.uploaded, b)
}

// wireStage is the image index under a stage tag, with members in the order of
// RFC 8785.
type wireStage struct {
	Manifests     []wireDescriptor `json:"manifests"`
	MediaType     string           `json:"mediaType"`
	SchemaVersion int              `json:"schemaVersion"`
}

// anchor points the tag to all that is uploaded so far.
func (g *stage) anchor(ctx context.Context) error {
	g.mu.Lock()
	x := wireStage{MediaType: artifact.MediaTypeIndex, SchemaVersion: 2}
	for _, b := range g.uploaded {
		x.Manifests = append(x.Manifests, wireDescriptor{Digest: b.Digest, MediaType: artifact.MediaTypeManifest, Size: b.Size})
	}
	g.tried = g.tried || len(x.Manifests) > 0
	g.mu.Unlock()
	if len(x.Manifests) == 0 {
		return nil
	}
	data, err := strictjson.Marshal(x)
	if err != nil {
		return err
	}
	if err := putTag(ctx, g.store, newObject(artifact.MediaTypeIndex, data), g.tag); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tagged = len(x.Manifests)
	return nil
}

// stop ends the watch.
func (g *stage) stop() {
	if g.cancel != nil {
		g.cancel()
		<-g.done
	}
}

// keep anchors what was uploaded for nothing, because somebody else won, and says
// so in the error.
func (g *stage) keep(ctx context.Context, err error) error {
	g.stop()
	var conflict *ConflictError
	if g.tag == "" || !errors.As(err, &conflict) {
		return err
	}
	if g.anchor(ctx) == nil && g.tagged > 0 {
		conflict.Stage = g.tag
	}
	return err
}

// drop removes the tag: a revision leads to the uploads now. What cannot be
// removed is pruned later.
func (g *stage) drop(ctx context.Context) {
	g.stop()
	if u, ok := g.store.(content.Untagger); ok && g.tried {
		_ = u.Untag(ctx, g.tag)
	}
}

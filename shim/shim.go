// Package shim serves package indexes to pip, uv and other Python clients over
// HTTP: pages of the simple API, files and their metadata, from revisions that
// a [Source] has verified. It only reads.
//
// Every index has roots: /<product>/<series>/<variant> follows what is live,
// the same with -test what is under test, and …/-/sha256-<hex> is one revision.
// Below a root lie simple/ and files/. docs/shim.md is the user's view.
//
// A revision's pages are rendered and compressed once, when first asked for. A
// request sees one revision only. Every byte of a file is hashed before a
// client can have all of them.
package shim

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/content"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy/verify"
	"github.com/pinwheel-oci/pinwheel/shim/source"
)

// DefaultMaxAge is the default of [Options.MaxAge].
const DefaultMaxAge = time.Minute

// Source gives the verified revisions of one stage of one index;
// *[source.Follower] is one.
type Source interface {
	// Revisions returns the revision to serve and the one before it, or nils.
	// As long as nothing changes it returns the same pointers.
	Revisions() (current, previous *verify.Revision)
	// Look looks for something newer before it returns, unless that was just done.
	Look(ctx context.Context)
	// Status tells how it is doing.
	Status() source.Status
}

// Pins gives verified revisions by their digest; *[source.Pins] is one.
type Pins interface {
	// Get returns the revision d. Errors are a *policy.Refusal or
	// source.ErrBusy.
	Get(ctx context.Context, d digest.Digest) (*verify.Revision, error)
	// Loaded returns those that Get would return at once.
	Loaded() []*verify.Revision
}

// Index is one index to serve.
type Index struct {
	Name index.Name
	// Live is what users follow.
	Live Source
	// Candidate is what is under test; nil serves no -test root.
	Candidate Source
	// Pins are single revisions; nil serves none.
	Pins Pins
	// Blobs is where files come from. They are hashed here.
	Blobs content.Fetcher
}

// Options are what a handler serves and how.
type Options struct {
	Indexes []Index
	// MaxAge is how long clients may keep pages of moving roots, and so the
	// time that a promotion takes at most to reach them; 0 is [DefaultMaxAge],
	// less than 0 makes them ask each time.
	MaxAge time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log is told of files that could not be served; nil is nobody.
	Log *slog.Logger
}

// Handler is the shim as an http.Handler.
type Handler struct {
	now    func() time.Time
	log    *slog.Logger
	roots  map[string]*root // moving roots by their path
	order  []*root
	router *mux.Router
	pages  *renderer

	types     *memo[negotiated]
	encodings *memo[encoding]
}

var _ http.Handler = (*Handler)(nil)

// New makes a handler. Two indexes of one name are an error.
func New(o Options) (*Handler, error) {
	h := &Handler{
		now: o.Now, log: o.Log, roots: map[string]*root{}, types: newMemo(negotiate), encodings: newMemo(chooseEncoding),
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultMaxAge
	}
	var err error
	if h.pages, err = newRenderer(); err != nil {
		return nil, err
	}
	moving := []string{"max-age=" + strconv.FormatInt(int64(max(o.MaxAge, 0)/time.Second), 10)}
	for _, ix := range o.Indexes {
		if err := h.add(ix, moving); err != nil {
			return nil, err
		}
	}
	h.router = h.routes()
	return h, nil
}

func (h *Handler) add(ix Index, cacheControl []string) error {
	path := "/" + ix.Name.String()
	if h.roots[path] != nil {
		return fmt.Errorf("index %s is to be served twice", ix.Name)
	}
	files := newBlobs(ix.Blobs)
	live := &root{path: path, name: ix.Name, source: ix.Live, pins: ix.Pins, blobs: files, pages: h.pages, cacheControl: cacheControl}
	h.roots[path] = live
	h.order = append(h.order, live)
	if ix.Candidate == nil {
		return nil
	}
	// The name's grammar keeps -test free for this.
	test := &root{path: path + "-test", name: ix.Name, source: ix.Candidate, live: live, blobs: files, pages: h.pages, cacheControl: cacheControl}
	h.roots[test.path] = test
	h.order = append(h.order, test)
	return nil
}

// ServeHTTP answers a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		problem{
			Status: http.StatusMethodNotAllowed, Title: "Method not allowed",
			Detail: "This server only reads. Publish wheels with 'pinwheel publish'.",
		}.write(w, r)
		return
	}
	// Pages of moving roots are most of what is asked for, and matching
	// patterns takes longer than answering.
	if h.movingPage(w, r) {
		return
	}
	h.router.ServeHTTP(w, r)
}

// movingPage answers if the path is exactly that of a page of a moving root.
func (h *Handler) movingPage(w http.ResponseWriter, r *http.Request) bool {
	path, name, found := strings.Cut(r.URL.Path, "/simple/")
	if !found {
		return false
	}
	at := h.roots[path]
	if at == nil {
		return false
	}
	shown := at.shown()
	if shown == nil {
		return false
	}
	p := shown.current.page(name)
	if p == nil {
		return false
	}
	h.writePage(w, r, p, at.cacheControl)
	return true
}

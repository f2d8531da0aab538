package shim

import (
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/gorilla/mux"
	"github.com/opencontainers/go-digest"
)

// endpoint answers a request or says why not.
type endpoint func(http.ResponseWriter, *http.Request) error

// routes are all paths but those that movingPage answers.
func (h *Handler) routes() *mux.Router {
	// Without this mux would redirect "//" by 301, which pip keeps forever.
	m := mux.NewRouter().SkipClean(true)
	m.NotFoundHandler = h.endpoint(func(_ http.ResponseWriter, r *http.Request) error {
		return notFound("No such page", "There is nothing at %s. Indexes are at /PRODUCT/SERIES/VARIANT/simple/; the page / lists them.", r.URL.Path)
	})
	m.Handle("/", h.endpoint(h.landing))
	m.Handle("/livez", h.endpoint(h.livez))
	m.Handle("/readyz", h.endpoint(h.readyz))
	for _, root := range []string{
		"/{product}/{series}/{variant}",
		"/{product}/{series}/{variant}/-/sha256-{pin:[0-9a-f]{64}}",
	} {
		m.Handle(root, h.endpoint(h.toSimple))
		m.Handle(root+"/", h.endpoint(h.toSimple))
		m.Handle(root+"/simple", h.endpoint(h.addSlash))
		m.Handle(root+"/simple/", h.endpoint(h.simplePage))
		m.Handle(root+"/simple/{project}", h.endpoint(h.addSlash))
		m.Handle(root+"/simple/{project}/", h.endpoint(h.simplePage))
		m.Handle(root+"/files/{sha256:[0-9a-f]{64}}/{filename}", h.endpoint(h.file))
	}
	m.Handle("/{product}/{series}/{variant}/-/latest", h.endpoint(h.latest))
	return m
}

func (h *Handler) endpoint(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := e(w, r)
		if err == nil {
			return
		}
		p := problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			h.log.Warn("not served", "path", r.URL.Path, "status", p.Status, "reason", logged(err))
		}
		p.write(w, r)
	})
}

// logged is what the log shall have: the cause, where an answer hides it.
func logged(err error) string {
	if cause := errors.Unwrap(err); cause != nil {
		return cause.Error()
	}
	return err.Error()
}

// place is the root that a request is below: a moving one, or one revision.
type place struct {
	root *root
	pin  digest.Digest // "" for moving roots
}

func (h *Handler) at(r *http.Request) (place, error) {
	vars := mux.Vars(r)
	where := "/" + vars["product"] + "/" + vars["series"] + "/" + vars["variant"]
	root := h.roots[where]
	if root == nil {
		return place{}, notFound("No such index", "There is no index at %s; the page / lists those that there are.", where)
	}
	at := place{root: root}
	if hex, ok := vars["pin"]; ok {
		if root.pins == nil {
			return place{}, notFound("No such revision", "Revisions are not served one by one below %s.", where)
		}
		at.pin = digest.NewDigestFromEncoded(digest.SHA256, hex)
	}
	return at, nil
}

// snapshot returns what to serve here and how long clients may keep its pages.
func (p place) snapshot(r *http.Request) (s *snapshot, cacheControl []string, err error) {
	if p.pin != "" {
		s, err := p.root.pin(r.Context(), p.pin)
		return s, cacheForever, err
	}
	shown := p.root.shown()
	if shown == nil {
		return nil, nil, p.root.nothing()
	}
	return shown.current, p.root.cacheControl, nil
}

// nothing says why a root serves nothing.
func (r *root) nothing() error {
	s := r.source.Status()
	switch {
	case s.Stopped:
		return unavailable("Index is stale", "What is known of %s stopped being fresh at %s, and the policy says to stop then. /readyz has more.",
			r.name, s.StaleAfter.UTC().Format(timeFormat))
	case s.Code != "":
		p := unavailable("Index is not ready", "No revision of %s could be verified yet (%s). /readyz has more.", r.name, s.Code)
		p.Code = string(s.Code)
		return p
	default:
		return unavailable("Index is not ready", "%s has not been verified yet; it is being looked for.", r.name)
	}
}

// toSimple leads people who open a root to its list of projects.
func (h *Handler) toSimple(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	if strings.HasSuffix(r.URL.Path, "/") {
		redirect(w, r, "simple/")
		return nil
	}
	last := at.root.path
	if at.pin != "" {
		last = "sha256-" + at.pin.Encoded()
	}
	redirect(w, r, path.Base(last)+"/simple/")
	return nil
}

package shim

import (
	"net/http"
	"net/url"

	"github.com/gorilla/mux"

	"github.com/pinwheel-oci/pinwheel/pkg/simple"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// Values that go into headers as they are. Nobody writes to them.
var (
	varyPage      = []string{"Accept, Accept-Encoding"}
	cacheForever  = []string{"public, max-age=31536000, immutable"}
	cacheNotFound = []string{"no-cache"}
)

// writePage answers with a page in what the client likes best.
func (h *Handler) writePage(w http.ResponseWriter, r *http.Request, p *page, cacheControl []string) {
	t, ok := h.pageType(r)
	if !ok {
		w.Header()["Vary"] = varyPage
		problem{
			Status: http.StatusNotAcceptable, Title: "No acceptable representation",
			Detail: "Pages are " + simple.JSON.String() + ", " + simple.HTML.String() + " or " + simple.TextHTML.String() +
				"; ask for one of them in Accept, or with ?format=json or ?format=html.",
		}.write(w, r)
		return
	}
	v := p.get(t, h.encodings.of(r.Header["Accept-Encoding"]))
	header := w.Header()
	header["Cache-Control"] = cacheControl
	header["Etag"] = v.etag
	header["Vary"] = varyPage
	header["X-Pypi-Last-Serial"] = p.serial
	if match := r.Header["If-None-Match"]; match != nil && noneMatch(match, v.etag[0]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header["Content-Type"] = v.contentType
	header["Content-Length"] = v.byteSize
	if v.encoding != nil {
		header["Content-Encoding"] = v.encoding
	}
	if r.Method != http.MethodHead {
		// Whoever is no longer there needs no answer.
		_, _ = w.Write(v.body)
	}
}

// negotiated is the outcome of a negotiation.
type negotiated struct {
	t  simple.Type
	ok bool
}

func negotiate(accept []string) negotiated {
	t, ok := simple.Negotiate(accept)
	return negotiated{t, ok}
}

func (h *Handler) pageType(r *http.Request) (simple.Type, bool) {
	if t, given, ok := simple.FromQuery(r.URL.RawQuery); given {
		return t, ok
	}
	n := h.types.of(r.Header["Accept"])
	return n.t, n.ok
}

// simplePage answers what movingPage did not: pages of pinned roots, names in
// another spelling, and what does not exist.
func (h *Handler) simplePage(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	s, cacheControl, err := at.snapshot(r)
	if err != nil {
		return err
	}
	project, named := mux.Vars(r)["project"]
	name := ""
	if named {
		if wheel.CheckName(project) != nil {
			return notFound("No such project", "%q is not the name of a project.", project)
		}
		name = wheel.NormalizeName(project) + "/"
		if name != project+"/" {
			redirect(w, r, "../"+name)
			return nil
		}
	}
	p := s.page(name)
	if p == nil {
		return notFound("No such project", "Index %s has no project %q in revision %s (serial %d). This server takes nothing from other indexes.",
			at.root.name, project, s.revision.Digest, s.revision.Catalog.Serial)
	}
	h.writePage(w, r, p, cacheControl)
	return nil
}

// addSlash redirects …/simple and …/simple/<name>.
func (h *Handler) addSlash(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.at(r); err != nil {
		return err
	}
	project, named := mux.Vars(r)["project"]
	switch {
	case !named:
		redirect(w, r, "simple/")
	case wheel.CheckName(project) != nil:
		return notFound("No such project", "%q is not the name of a project.", project)
	default:
		redirect(w, r, wheel.NormalizeName(project)+"/")
	}
	return nil
}

// redirect sends a 307 to a path relative to the request's, which also holds
// behind proxies that put something before our paths. Never 301 or 308: pip
// keeps those forever.
func redirect(w http.ResponseWriter, r *http.Request, path string) {
	location := url.URL{Path: path, RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", location.String())
	w.WriteHeader(http.StatusTemporaryRedirect)
}

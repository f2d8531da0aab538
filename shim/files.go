package shim

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gorilla/mux"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// metadataSuffix makes a file's URL that of its metadata (PEP 658).
const metadataSuffix = ".metadata"

// file answers with a file or its metadata.
func (h *Handler) file(w http.ResponseWriter, r *http.Request) error {
	at, err := h.at(r)
	if err != nil {
		return err
	}
	vars := mux.Vars(r)
	filename, metadata := strings.CutSuffix(vars["filename"], metadataSuffix)
	found, err := at.find(r.Context(), fileID{vars["sha256"], filename})
	if err != nil {
		return err
	}
	sha256, size := found.file.SHA256, found.file.Size
	if metadata {
		if found.file.Metadata == nil {
			return notFound("No metadata", "%s has no metadata of its own here.", filename)
		}
		sha256, size = found.file.Metadata.SHA256, found.file.Metadata.Size
	}
	return h.send(w, r, at.root.blobs, sha256, size)
}

// find looks for a file in all that may be served below the root, and once more
// after a look for something newer.
func (p place) find(ctx context.Context, id fileID) (servedFile, error) {
	if p.pin != "" {
		if _, err := p.root.pin(ctx, p.pin); err != nil {
			return servedFile{}, err
		}
	} else if p.root.shown() == nil {
		return servedFile{}, p.root.nothing()
	}
	f, err := p.root.find(id)
	if !errors.Is(err, errUnknownFile) {
		return f, err
	}
	p.root.source.Look(ctx)
	if f, err = p.root.find(id); errors.Is(err, errUnknownFile) {
		return f, notFound("No such file", "Index %s has no file %s with SHA-256 %s, neither listed nor retired. "+
			"A lock file older than the index keeps files may need to be made again.", p.root.name, id.filename, id.sha256)
	}
	return f, err
}

var errUnknownFile = errors.New("unknown file")

// served are the snapshots whose files may be had below the root. What is live
// may also be had below the candidate, but not the other way round: candidates
// can have readers of their own.
func (r *root) served() []*snapshot {
	var all []*snapshot
	if p := r.shown(); p != nil {
		all = append(all, p.current)
		if p.previous != nil {
			all = append(all, p.previous)
		}
	}
	if r.live != nil {
		return append(all, r.live.served()...)
	}
	return append(all, r.loadedPins()...)
}

// find looks for a file in what is loaded. A file that any revision denies is
// not served, whichever lists it.
func (r *root) find(id fileID) (servedFile, error) {
	// Nearly always it is here, and nothing needs to be gathered.
	if p := r.shown(); p != nil {
		if f, ok := p.current.files[id]; ok {
			return f, p.current.mayServe(f.project, id)
		}
	}
	snapshots := r.served()
	for _, s := range snapshots {
		f, ok := s.files[id]
		if !ok {
			continue
		}
		for _, judge := range snapshots {
			if err := judge.mayServe(f.project, id); err != nil {
				return servedFile{}, err
			}
		}
		return f, nil
	}
	for _, s := range snapshots {
		if err := s.mayServe(projectOf(id.filename), id); err != nil {
			return servedFile{}, err
		}
	}
	return servedFile{}, errUnknownFile
}

// mayServe returns why not, as an answer.
func (s *snapshot) mayServe(project string, id fileID) error {
	if reason, denied := s.denied(project, id); denied {
		return gone("%s (SHA-256 %s) is %s", id.filename, id.sha256, reason)
	}
	if reason, quarantined := s.quarantined(project); quarantined {
		return problem{
			Status: http.StatusForbidden, Title: "Project is quarantined", Code: "quarantined",
			Detail: strings.TrimSuffix("No file of "+project+" is offered while it is quarantined: "+reason, ": "),
		}
	}
	return nil
}

// send answers with a blob, or a part of it.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, from *blobs, sha256 string, size int64) error {
	etag := `"sha256:` + sha256 + `"`
	header := w.Header()
	header["Cache-Control"] = cacheForever
	header["Etag"] = []string{etag}
	header.Set("Accept-Ranges", "bytes")
	if match := r.Header["If-None-Match"]; match != nil && noneMatch(match, etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	part, status, err := wanted(w, r, etag, size)
	if err != nil {
		return err
	}
	// Never with a Content-Encoding: pip hashes what arrives.
	header.Set("Content-Type", "application/octet-stream")
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return nil
	}
	out := &answer{ResponseWriter: w, status: status}
	desc := ocispec.Descriptor{
		MediaType: "application/octet-stream", Digest: digest.NewDigestFromEncoded(digest.SHA256, sha256), Size: size,
	}
	err = from.copy(r.Context(), out, desc, part)
	if err == nil {
		return nil
	}
	if !out.started {
		header.Del("Content-Range")
		return problemOfBlob(desc, err)
	}
	if out.err == nil && r.Context().Err() == nil {
		h.log.Warn("cut off", "path", r.URL.Path, "reason", err.Error())
	}
	// The only way to tell a client that what it has is not the file.
	panic(http.ErrAbortHandler)
}

func problemOfBlob(desc ocispec.Descriptor, err error) error {
	if errors.Is(err, errWrongContent) {
		return blobError{problem{
			Status: http.StatusBadGateway, Title: "File is damaged in the store",
			Detail: "The store has other content than " + string(desc.Digest) + " under that digest. It is not served.", Code: "wrong-digest",
		}, err}
	}
	return blobError{unavailable("File cannot be fetched", "The store does not give %s now.", desc.Digest), err}
}

// blobError keeps the cause for the log.
type blobError struct {
	problem
	cause error
}

// As lets errors.As find the answer.
func (e blobError) As(target any) bool {
	p, ok := target.(*problem)
	if ok {
		*p = e.problem
	}
	return ok
}

// Unwrap returns the cause.
func (e blobError) Unwrap() error { return e.cause }

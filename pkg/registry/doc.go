// Package registry opens the places where OCI content lies: repositories of
// registries, OCI image layouts in directories, and memory.
//
// It is the one package of Pinwheel that speaks HTTP to registries. Everything
// else sees a [Store], or only those of its methods that it needs; their
// signatures are those of oras-go's content and registry packages, so a Store
// can be handed to oras.Copy and its like.
//
// # References
//
// [ParseReference] reads "registry.example/repo:tag", "…/repo@sha256:…",
// "oci-layout:DIR:tag". A registry host is never assumed.
//
// # What a store promises
//
// Push and PushReference are idempotent: content that is already there is a
// success and is not sent again. Errors about missing content and tags match
// errdef.ErrNotFound. Fetch does not hash what it returns: whoever reads
// untrusted content compares digest and size, with content.ReadAll or while
// streaming. Digests of pushed content are checked by whoever stores it: the
// registry, the layout, the memory store.
//
// Tags are never cached. There is no compare-and-swap in the registry protocol;
// a layout replaces its index atomically and under a lock.
//
// Removing a tag ([Store].Untag) frees nothing by itself. Registries collect what
// no tag leads to in their own ways; a layout does it when asked, see [Collector].
//
// # Over HTTP
//
// A blob push begins with one POST that asks for a mount, from
// [Options.MountFrom] or from the repository itself; a registry that has the
// blob answers 201 and nothing is sent. Otherwise the answer opens an upload:
// one PUT for small blobs ([MonolithicLimit]); for larger ones a streamed PATCH,
// which after a broken connection goes on where the registry says it stopped.
// Manifests with a subject are pushed as to a registry that has the referrers
// API, so that the fallback tag sha256-<hex> is never written:
// [Store].HasReferrersAPI tells whether the registry lists them.
//
// Requests that can be repeated are repeated after 429, 502, 503, 504 and
// broken connections, with exponential backoff and jitter, or after the time in
// Retry-After. A manifest PUT that ends without an answer is looked up before it
// is repeated: registries finish what their front end has given up on.
//
// Credentials come from the files that docker and podman write, including
// podman's keys for single repositories, and from those credential helpers that
// the files name. TLS is verified with the system's roots and [Options.CAFile];
// plain HTTP is used only when asked for. Errors are [*Error]: they say what was
// done, where, and what to do about it.
package registry

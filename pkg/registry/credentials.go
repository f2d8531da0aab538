package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"oras.land/oras-go/v2/registry/remote/auth"
	helpers "oras.land/oras-go/v2/registry/remote/credentials"
)

// credentialSource finds the credentials for one repository.
type credentialSource struct {
	registry string // as in the reference
	hostport string // as the HTTP client asks for it
	repo     string
	files    []string
	named    bool // the user named the file

	mu    sync.Mutex
	found string // where the credentials came from, for errors
}

func newCredentialSource(ref Reference, opts Options) *credentialSource {
	files, named := authFiles(opts)
	return &credentialSource{
		registry: ref.Registry,
		hostport: ref.oras().Host(),
		repo:     ref.Repository,
		files:    files,
		named:    named,
	}
}

// get is an oras-go auth.CredentialFunc. It reads the files each time, which is
// once per challenge: tokens in them are renewed by other programs.
func (c *credentialSource) get(ctx context.Context, hostport string) (auth.Credential, error) {
	if hostport != c.hostport {
		return auth.EmptyCredential, nil
	}
	for _, path := range c.files {
		file, err := readAuthFile(path)
		if errors.Is(err, fs.ErrNotExist) && !c.named {
			continue
		}
		if err != nil {
			return auth.EmptyCredential, fmt.Errorf("credentials: %w", err)
		}
		cred, from, err := c.find(ctx, file)
		if err != nil {
			return auth.EmptyCredential, fmt.Errorf("credentials in %s: %w", path, err)
		}
		if cred != auth.EmptyCredential {
			c.mu.Lock()
			c.found = from + " in " + path
			c.mu.Unlock()
			return cred, nil
		}
	}
	return auth.EmptyCredential, nil
}

// find looks for the longest key that covers the repository, first among the
// helpers, as docker and podman do.
func (c *credentialSource) find(ctx context.Context, file authFile) (cred auth.Credential, from string, err error) {
	for key := c.registry + "/" + c.repo; key != ""; key = parentKey(key) {
		if name := file.CredHelpers[key]; name != "" {
			cred, err := askHelper(ctx, name, key)
			if err != nil || cred != auth.EmptyCredential {
				return cred, fmt.Sprintf("helper %q for %q", name, key), err
			}
		}
		if entry, ok := file.entry(key); ok && !entry.empty() {
			cred, err := entry.credential()
			if err != nil {
				return auth.EmptyCredential, "", fmt.Errorf("entry %q: %w", key, err)
			}
			return cred, fmt.Sprintf("entry %q", key), nil
		}
	}
	// Docker stores the credentials of its default registry under a URL.
	address := helpers.ServerAddressFromHostname(c.hostport)
	if entry, ok := file.Auths[address]; ok && !entry.empty() {
		cred, err := entry.credential()
		return cred, fmt.Sprintf("entry %q", address), err
	}
	if file.CredsStore != "" {
		cred, err := askHelper(ctx, file.CredsStore, address)
		return cred, fmt.Sprintf("helper %q", file.CredsStore), err
	}
	return auth.EmptyCredential, "", nil
}

func parentKey(key string) string {
	i := strings.LastIndexByte(key, '/')
	return key[:max(i, 0)]
}

// askHelper runs docker-credential-NAME. Only names that a credentials file
// gives come here.
func askHelper(ctx context.Context, name, address string) (auth.Credential, error) {
	if filepath.Base(name) != name {
		return auth.EmptyCredential, fmt.Errorf("helper %q: not the name of a program", name)
	}
	cred, err := helpers.NewNativeStore(name).Get(ctx, address)
	if err != nil {
		return auth.EmptyCredential, fmt.Errorf("helper docker-credential-%s for %s: %w", name, address, err)
	}
	return cred, nil
}

// hint says which credentials were used, or where they were missed, and what to
// do. It never shows them.
func (c *credentialSource) hint() string {
	c.mu.Lock()
	found := c.found
	c.mu.Unlock()
	if found != "" {
		return fmt.Sprintf("the registry refused the credentials of %s, or they do not allow this", found)
	}
	if len(c.files) == 0 {
		return "no credentials file was looked for; name one with --authfile"
	}
	return fmt.Sprintf("no credentials for %s in %s; log in with `podman login %s`, or name a file with --authfile",
		c.registry, strings.Join(c.files, ", "), c.registry)
}

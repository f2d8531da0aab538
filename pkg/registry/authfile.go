package registry

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oras.land/oras-go/v2/registry/remote/auth"
)

// maxAuthFile bounds a credentials file, in bytes.
const maxAuthFile = 4 << 20

// authFile is what Pinwheel reads of docker's config.json and podman's
// auth.json (containers-auth.json(5)). The rest of these files belongs to other
// programs, so unknown members are no error here.
type authFile struct {
	Auths       map[string]authEntry `json:"auths"`
	CredHelpers map[string]string    `json:"credHelpers"`
	CredsStore  string               `json:"credsStore"`
}

type authEntry struct {
	Auth          string `json:"auth"` // base64 of user:password
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// authFiles lists the credentials files to look at, best first. A file that the
// user names is the only one, and must exist; this is how podman and skopeo
// treat --authfile and REGISTRY_AUTH_FILE.
func authFiles(opts Options) (paths []string, named bool) {
	env := func(name string) string {
		value, _ := opts.LookupEnv(name)
		return value
	}
	if opts.AuthFile != "" {
		return []string{opts.AuthFile}, true
	}
	if path := env("REGISTRY_AUTH_FILE"); path != "" {
		return []string{path}, true
	}
	if dir := env("XDG_RUNTIME_DIR"); dir != "" {
		paths = append(paths, filepath.Join(dir, "containers", "auth.json"))
	}
	home := env("HOME")
	if dir := env("XDG_CONFIG_HOME"); dir != "" {
		paths = append(paths, filepath.Join(dir, "containers", "auth.json"))
	} else if home != "" {
		paths = append(paths, filepath.Join(home, ".config", "containers", "auth.json"))
	}
	if dir := env("DOCKER_CONFIG"); dir != "" {
		paths = append(paths, filepath.Join(dir, "config.json"))
	} else if home != "" {
		paths = append(paths, filepath.Join(home, ".docker", "config.json"))
	}
	return paths, false
}

func readAuthFile(path string) (authFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return authFile{}, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxAuthFile+1))
	if err != nil {
		return authFile{}, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxAuthFile {
		return authFile{}, fmt.Errorf("read %s: more than %d bytes", path, maxAuthFile)
	}
	var auths authFile
	if len(data) == 0 {
		return auths, nil
	}
	if err := json.Unmarshal(data, &auths); err != nil {
		return authFile{}, fmt.Errorf("read %s: %w", path, err)
	}
	return auths, nil
}

// entry finds the credentials under key, which is a host or, as podman writes
// them, a host and the beginning of a repository. Old files have URLs as keys
// for hosts.
func (f authFile) entry(key string) (authEntry, bool) {
	if entry, ok := f.Auths[key]; ok {
		return entry, true
	}
	if strings.Contains(key, "/") {
		return authEntry{}, false
	}
	for _, name := range slices.Sorted(maps.Keys(f.Auths)) {
		if u, err := url.Parse(name); err == nil && u.Host == key && (u.Scheme == "https" || u.Scheme == "http") {
			return f.Auths[name], true
		}
	}
	return authEntry{}, false
}

func (e authEntry) empty() bool { return e == authEntry{} }

// credential decodes an entry. The error never shows what is in it.
func (e authEntry) credential() (auth.Credential, error) {
	cred := auth.Credential{
		Username:     e.Username,
		Password:     e.Password,
		RefreshToken: e.IdentityToken,
		AccessToken:  e.RegistryToken,
	}
	if e.Auth == "" {
		return cred, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(e.Auth)
	if err != nil {
		return auth.Credential{}, errors.New(`"auth" is not base64`)
	}
	user, password, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return auth.Credential{}, errors.New(`"auth" is not base64 of user:password`)
	}
	// Docker pads old entries with zero bytes.
	cred.Username, cred.Password = user, strings.Trim(password, "\x00")
	return cred, nil
}

package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// maxIndex bounds an image index that is looked into, in bytes: what registries
// take at most.
const maxIndex = 4 << 20

// checkChildren refuses an image index whose manifests are not all there, as
// registries do. It is called under the layout's lock, so that a collection of
// garbage cannot take one away between the look and the tag.
func (l *layout) checkChildren(desc ocispec.Descriptor) error {
	if desc.MediaType != ocispec.MediaTypeImageIndex {
		return nil
	}
	file, err := l.open(desc)
	if err != nil {
		return fmt.Errorf("%s: %w", desc.Digest, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxIndex+1))
	if err != nil {
		return err
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil || len(data) > maxIndex {
		return fmt.Errorf("%s is no image index of at most %d bytes", desc.Digest, maxIndex)
	}
	for _, child := range index.Manifests {
		path, err := l.path(child.Digest)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() != child.Size {
			return fmt.Errorf("%s names the manifest %s, which is not in the layout: %w", desc.Digest, child.Digest, errdef.ErrNotFound)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package capture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// maxDocument bounds manifests, indexes and configurations of images, in bytes.
const maxDocument = 8 << 20

// maxLayers and maxImages bound what a manifest and an index may list.
const (
	maxLayers = 512
	maxImages = 64
)

const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerIndex    = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Image reads a container image, or each Linux image of a multi-architecture
// one, in order of platform. Digests of all content are checked.
func Image(ctx context.Context, from content.Fetcher, desc ocispec.Descriptor) ([]*System, error) {
	images := []ocispec.Descriptor{desc}
	if desc.MediaType == ocispec.MediaTypeImageIndex || desc.MediaType == dockerIndex {
		var index ocispec.Index
		if err := fetchDocument(ctx, from, desc, &index); err != nil {
			return nil, err
		}
		images = linuxImages(index.Manifests)
		if len(images) == 0 || len(images) > maxImages {
			return nil, fmt.Errorf("%s: it lists %d images for Linux, want 1 to %d", desc.Digest, len(images), maxImages)
		}
	}
	byPlatform := map[string]*System{}
	for _, d := range images {
		s, err := imageSystem(ctx, from, d)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", d.Digest, err)
		}
		if byPlatform[s.Platform] == nil { // the first counts, as for container engines
			byPlatform[s.Platform] = s
		}
	}
	var list []*System
	for _, s := range byPlatform {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *System) int { return strings.Compare(a.Platform, b.Platform) })
	return list, nil
}

// linuxImages leaves out attestations, which builders put beside images.
func linuxImages(list []ocispec.Descriptor) []ocispec.Descriptor {
	return slices.DeleteFunc(slices.Clone(list), func(d ocispec.Descriptor) bool {
		isImage := d.MediaType == ocispec.MediaTypeImageManifest || d.MediaType == dockerManifest
		return !isImage || d.Platform != nil && d.Platform.OS != "linux"
	})
}

// machines are the names of architectures in platform tags.
var machines = map[string]string{
	"amd64": "x86_64", "arm64": "aarch64", "ppc64le": "ppc64le", "s390x": "s390x", "386": "i686", "arm": "armv7l", "riscv64": "riscv64",
}

func imageSystem(ctx context.Context, from content.Fetcher, desc ocispec.Descriptor) (*System, error) {
	if desc.MediaType != ocispec.MediaTypeImageManifest && desc.MediaType != dockerManifest {
		return nil, fmt.Errorf("it is a %q, not a container image", desc.MediaType)
	}
	var manifest ocispec.Manifest
	if err := fetchDocument(ctx, from, desc, &manifest); err != nil {
		return nil, err
	}
	if len(manifest.Layers) == 0 || len(manifest.Layers) > maxLayers {
		return nil, fmt.Errorf("it has %d layers, want 1 to %d", len(manifest.Layers), maxLayers)
	}
	var config ocispec.Image
	if err := fetchDocument(ctx, from, manifest.Config, &config); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	s := newStack()
	for _, layer := range slices.Backward(manifest.Layers) {
		if err := s.addStored(ctx, from, layer); err != nil {
			return nil, fmt.Errorf("layer %s: %w", layer.Digest, err)
		}
	}
	libraryPath := ""
	for _, variable := range config.Config.Env {
		if value, ok := strings.CutPrefix(variable, "LD_LIBRARY_PATH="); ok {
			libraryPath = value
		}
	}
	return s.system(machines[config.Architecture], libraryPath)
}

// addStored reads a layer to its end, where its digest is known.
func (s *stack) addStored(ctx context.Context, from content.Fetcher, layer ocispec.Descriptor) error {
	if err := layer.Digest.Validate(); err != nil {
		return err
	}
	rc, err := from.Fetch(ctx, layer)
	if err != nil {
		return err
	}
	defer rc.Close()
	verified := content.NewVerifyReader(rc, layer)
	if err := s.addLayer(ctx, verified); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, verified); err != nil {
		return err
	}
	return verified.Verify()
}

// fetchDocument decodes JSON that others wrote: what is unknown is ignored.
func fetchDocument(ctx context.Context, from content.Fetcher, desc ocispec.Descriptor, v any) error {
	if desc.Size < 0 || desc.Size > maxDocument {
		return fmt.Errorf("%s: %d bytes, the limit is %d", desc.Digest, desc.Size, maxDocument)
	}
	if err := desc.Digest.Validate(); err != nil {
		return err
	}
	rc, err := from.Fetch(ctx, ocispec.Descriptor{MediaType: desc.MediaType, Digest: desc.Digest, Size: desc.Size})
	if err != nil {
		return err
	}
	defer rc.Close()
	data, err := io.ReadAll(io.LimitReader(rc, maxDocument+1))
	if err != nil {
		return err
	}
	if desc.Digest.Algorithm() != digest.SHA256 || digest.FromBytes(data) != desc.Digest {
		return fmt.Errorf("%s: the content has another digest", desc.Digest)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", desc.Digest, errors.Join(errors.New("no JSON of an image"), err))
	}
	return nil
}

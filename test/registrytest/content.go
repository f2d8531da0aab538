package registrytest

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// Blob is a descriptor of data as a blob.
func Blob(data []byte) ocispec.Descriptor {
	return content.NewDescriptorFromBytes("application/octet-stream", data)
}

// Random gives size bytes that look random and are the same for the same seed.
func Random(seed byte, size int) []byte {
	data := make([]byte, 0, size+digest.SHA256.Size())
	block := []byte{seed}
	for len(data) < size {
		hash := digest.SHA256.Hash()
		hash.Write(block)
		block = hash.Sum(nil)
		data = append(data, block...)
	}
	return data[:size]
}

// Push stores data as a blob.
func Push(t testing.TB, store content.Pusher, data []byte) ocispec.Descriptor {
	t.Helper()
	desc := Blob(data)
	if err := store.Push(t.Context(), desc, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return desc
}

// Manifest pushes the blobs of an artifact with one layer, and gives the
// manifest, which it does not push.
func Manifest(t testing.TB, store content.Pusher, layer string, subject *ocispec.Descriptor) (ocispec.Descriptor, []byte) {
	t.Helper()
	Push(t, store, ocispec.DescriptorEmptyJSON.Data)
	config := ocispec.DescriptorEmptyJSON
	config.Data = nil
	return marshal(t, ocispec.MediaTypeImageManifest, map[string]any{
		"schemaVersion": 2,
		"mediaType":     ocispec.MediaTypeImageManifest,
		"artifactType":  "application/vnd.example.test.v1",
		"config":        config,
		"layers":        []ocispec.Descriptor{Push(t, store, []byte(layer))},
	}, subject)
}

// Index gives an image index of the manifests, which it does not push.
func Index(t testing.TB, manifests ...ocispec.Descriptor) (ocispec.Descriptor, []byte) {
	t.Helper()
	return marshal(t, ocispec.MediaTypeImageIndex, map[string]any{
		"schemaVersion": 2,
		"mediaType":     ocispec.MediaTypeImageIndex,
		"manifests":     manifests,
	}, nil)
}

func marshal(t testing.TB, mediaType string, manifest map[string]any, subject *ocispec.Descriptor) (ocispec.Descriptor, []byte) {
	if subject != nil {
		manifest["subject"] = subject
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	return content.NewDescriptorFromBytes(mediaType, data), data
}

package artifact

import (
	"strings"

	"github.com/opencontainers/go-digest"
)

// File is one distribution file in a wheel or sdist artifact.
type File struct {
	Filename string
	Blob
	// Metadata is the file's METADATA or PKG-INFO, byte for byte. Wheels have
	// it always, sdists may lack it.
	Metadata *Blob
}

const metadataSuffix = ".metadata"

// FileManifest returns the manifest of files: one wheel, a pack (several
// wheels, in ascending order of file name; that they are of one project and
// platform is for the caller to see to), or one sdist.
func FileManifest(files ...File) (Manifest, error) {
	var m Manifest
	for _, f := range files {
		layerType, artifactType := MediaTypeSdist, TypeSdist
		if strings.HasSuffix(f.Filename, ".whl") {
			layerType, artifactType = MediaTypeWheel, TypeWheel
		}
		if m.ArtifactType != "" && m.ArtifactType != artifactType {
			return Manifest{}, Violates("pack", "wheels and sdists in one manifest")
		}
		m.ArtifactType = artifactType
		m.Layers = append(m.Layers, Layer{MediaType: layerType, Blob: f.Blob, Title: f.Filename})
		if f.Metadata != nil {
			m.Layers = append(m.Layers, Layer{MediaType: MediaTypeMetadata, Blob: *f.Metadata, Title: f.Filename + metadataSuffix})
		}
	}
	if _, err := m.files(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// DecodeFiles reads a wheel, pack or sdist manifest.
func DecodeFiles(data []byte, artifactType string) ([]File, error) {
	m, err := Decode(data, artifactType)
	if err != nil {
		return nil, err
	}
	return m.files()
}

func (m Manifest) files() ([]File, error) {
	fileType := MediaTypeWheel
	if m.ArtifactType == TypeSdist {
		fileType = MediaTypeSdist
	}
	var files []File
	for i, l := range m.Layers {
		switch l.MediaType {
		case fileType:
			if err := checkTitle(l.Title, m.ArtifactType); err != nil {
				return nil, err
			}
			if n := len(files); n > 0 && files[n-1].Filename >= l.Title {
				return nil, Violates("order", "layer %d: %q after %q", i, l.Title, files[n-1].Filename)
			}
			files = append(files, File{Filename: l.Title, Blob: l.Blob})
		case MediaTypeMetadata:
			n := len(files)
			if n == 0 || files[n-1].Metadata != nil || l.Title != files[n-1].Filename+metadataSuffix {
				return nil, Violates("metadata-layer", "layer %d: %q does not follow its file", i, l.Title)
			}
			if l.Size > MaxMetadata {
				return nil, Violates("size", "layer %d: metadata of %d bytes, the limit is %d", i, l.Size, MaxMetadata)
			}
			files[n-1].Metadata = &Blob{Digest: l.Digest, Size: l.Size}
		default:
			return nil, Violates("layer-type", "layer %d is %q", i, l.MediaType)
		}
	}
	return files, m.checkFiles(files)
}

func (m Manifest) checkFiles(files []File) error {
	if len(files) == 0 {
		return Violates("layer-count", "no file")
	}
	if m.ArtifactType == TypeSdist && len(files) > 1 {
		return Violates("pack", "several sdists in one manifest")
	}
	for _, f := range files {
		if m.ArtifactType == TypeWheel && f.Metadata == nil {
			return Violates("metadata-layer", "%q has none", f.Filename)
		}
	}
	return nil
}

// checkTitle bounds what a registry tool will use as the name of a file on disk.
func checkTitle(title, artifactType string) error {
	isWheel := strings.HasSuffix(title, ".whl")
	isSdist := strings.HasSuffix(title, ".tar.gz") || strings.HasSuffix(title, ".zip")
	if artifactType == TypeWheel && !isWheel || artifactType == TypeSdist && !isSdist {
		return Violates("filename", "%q", title)
	}
	if len(title) > MaxFilename || strings.HasPrefix(title, ".") {
		return Violates("filename", "%q", title)
	}
	for _, c := range []byte(title) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`/\:*?"<>|%#`, c) >= 0 {
			return Violates("filename", "%q holds the byte %#x", title, c)
		}
	}
	return nil
}

// HexDigest returns the digest for a sha256 given in hexadecimal.
func HexDigest(hex string) digest.Digest { return digest.NewDigestFromEncoded(digest.SHA256, hex) }

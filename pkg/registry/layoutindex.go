package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// maxLayoutIndex bounds index.json, in bytes: other tools list every manifest
// there.
const maxLayoutIndex = 64 << 20

const layoutFile = `{"imageLayoutVersion":"1.0.0"}`

var errTooLong = errors.New("too long")

// checkLayout tells whether dir is a layout that this code understands.
func checkLayout(dir string) error {
	data, err := readBounded(filepath.Join(dir, ocispec.ImageLayoutFile), 1<<10)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no such directory: %w", errdef.ErrNotFound)
		}
		return fmt.Errorf("the directory is not an OCI layout: it has no file %s: %w", ocispec.ImageLayoutFile, errdef.ErrNotFound)
	}
	if err != nil {
		return err
	}
	var version ocispec.ImageLayout
	if err := json.Unmarshal(data, &version); err != nil {
		return fmt.Errorf("%s: %w", ocispec.ImageLayoutFile, err)
	}
	if version.Version != ocispec.ImageLayoutVersion {
		return fmt.Errorf("%s: version %q, expected %s", ocispec.ImageLayoutFile, version.Version, ocispec.ImageLayoutVersion)
	}
	return nil
}

// createLayout makes dir a layout unless it is one. It refuses to make one of a
// directory with something else in it. Several processes may do it at once.
func createLayout(dir string) error {
	err := checkLayout(dir)
	if !errors.Is(err, errdef.ErrNotFound) {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !ofLayout(entry.Name()) {
			return fmt.Errorf("the directory is not an OCI layout, and not empty: it has %s", entry.Name())
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, ocispec.ImageBlobsDir, "sha256"), 0o777); err != nil {
		return err
	}
	empty, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{},
	})
	if err != nil {
		return err
	}
	// The index before the file that says that there is one.
	if err := createFile(filepath.Join(dir, ocispec.ImageIndexFile), empty); err != nil {
		return err
	}
	return createFile(filepath.Join(dir, ocispec.ImageLayoutFile), []byte(layoutFile))
}

// ofLayout tells what the beginning of a layout may have in its directory.
func ofLayout(name string) bool {
	switch name {
	case ocispec.ImageBlobsDir, ocispec.ImageIndexFile, ocispec.ImageLayoutFile, "ingest":
		return true
	}
	return strings.HasPrefix(name, "."+ocispec.ImageIndexFile) || strings.HasPrefix(name, "."+ocispec.ImageLayoutFile)
}

// readIndex reads index.json as it is now.
func readIndex(dir string) (*ocispec.Index, error) {
	data, err := readBounded(filepath.Join(dir, ocispec.ImageIndexFile), maxLayoutIndex)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, fmt.Errorf("%s: %w", ocispec.ImageIndexFile, err)
	}
	return &index, nil
}

// changeIndex changes index.json while no other process does.
func changeIndex(ctx context.Context, dir string, change func(*ocispec.Index) error) error {
	unlock, err := lockLayout(ctx, filepath.Join(dir, ocispec.ImageLayoutFile))
	if err != nil {
		return fmt.Errorf("lock the layout: %w", err)
	}
	defer unlock()
	index, err := readIndex(dir)
	if err != nil {
		return err
	}
	if err := change(index); err != nil {
		return err
	}
	return writeIndex(dir, index)
}

func writeIndex(dir string, index *ocispec.Index) error {
	data, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, ocispec.ImageIndexFile), data)
}

// replaceFile puts data at path, durably and at once: a reader sees the old or
// the new bytes.
func replaceFile(path string, data []byte) error {
	temp, err := writeBeside(path, data)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return err
	}
	return syncPath(filepath.Dir(path))
}

// createFile is replaceFile for a file that must never be replaced: if it is
// there, it stays.
func createFile(path string, data []byte) error {
	temp, err := writeBeside(path, data)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	err = os.Link(temp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// A file system without hard links.
		err = createInPlace(path, data)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncPath(filepath.Dir(path))
}

func createInPlace(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	return writeAndClose(file, data)
}

func writeBeside(path string, data []byte) (temp string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	err = file.Chmod(0o644)
	if err != nil {
		_ = file.Close()
	} else {
		err = writeAndClose(file, data)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

func writeAndClose(file *os.File, data []byte) error {
	_, err := file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// syncPath makes a file, or the names in a directory, durable.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	err = file.Sync()
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

func readBounded(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: %w: more than %d bytes", path, errTooLong, limit)
	}
	return data, err
}

func tagOf(desc ocispec.Descriptor) string { return desc.Annotations[ocispec.AnnotationRefName] }

// findTag refuses a tag that is there twice: tools differ in which they take.
func findTag(index *ocispec.Index, tag string) (found ocispec.Descriptor, err error) {
	for _, desc := range index.Manifests {
		if tag == "" || tagOf(desc) != tag {
			continue
		}
		if found.Digest != "" && found.Digest != desc.Digest {
			return ocispec.Descriptor{}, fmt.Errorf("%s has the tag twice, for %s and %s", ocispec.ImageIndexFile, found.Digest, desc.Digest)
		}
		found = plain(desc)
	}
	if found.Digest == "" {
		return ocispec.Descriptor{}, errdef.ErrNotFound
	}
	return found, nil
}

// setTag points a tag to desc, in the place where it was. What other tools wrote
// stays.
func setTag(index *ocispec.Index, tag string, desc ocispec.Descriptor) {
	desc.Annotations = map[string]string{ocispec.AnnotationRefName: tag}
	first := slices.IndexFunc(index.Manifests, func(d ocispec.Descriptor) bool { return tagOf(d) == tag })
	if first < 0 {
		index.Manifests = append(index.Manifests, desc)
		return
	}
	index.Manifests[first] = desc
	rest := slices.DeleteFunc(index.Manifests[first+1:], func(d ocispec.Descriptor) bool { return tagOf(d) == tag })
	index.Manifests = index.Manifests[:first+1+len(rest)]
}

func removeTag(index *ocispec.Index, tag string) (removed bool) {
	before := len(index.Manifests)
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d ocispec.Descriptor) bool { return tag != "" && tagOf(d) == tag })
	return len(index.Manifests) < before
}

func tagsOf(index *ocispec.Index) []string {
	var tags []string
	for _, desc := range index.Manifests {
		if tag := tagOf(desc); tag != "" {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

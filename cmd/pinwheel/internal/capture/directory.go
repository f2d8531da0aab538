package capture

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// passedOver are directories of a running system that hold no files.
var passedOver = map[string]bool{"proc": true, "sys": true, "dev": true}

// Directory reads a root directory. Links are followed inside of it only.
func Directory(ctx context.Context, dir string) (*System, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	t := newTree()
	err = fs.WalkDir(root.FS(), ".", func(file string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			t.unread++ // not ours to read, or gone while we look
			return nil
		}
		if err != nil {
			return err
		}
		if d.IsDir() && passedOver[file] {
			return fs.SkipDir
		}
		if err := t.charge(file); err != nil {
			return err
		}
		switch {
		case d.Type() == fs.ModeSymlink:
			target, err := root.Readlink(file)
			if err == nil {
				t.addLink(file, target)
			}
			return nil
		case d.Type().IsRegular() && wanted(file):
			return t.addOpened(root, file)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t.system("", "")
}

func (t *tree) addOpened(root *os.Root, file string) error {
	f, err := root.Open(file)
	if err != nil {
		t.unread++
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	return t.addFile(file, info.Size(), f)
}

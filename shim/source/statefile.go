package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/pinwheel-oci/pinwheel/pkg/index"
	"github.com/pinwheel-oci/pinwheel/policy"
)

// ErrStateMoved says that another process has remembered something newer
// since: what was verified must be verified again, against that.
var ErrStateMoved = errors.New("another process has seen something newer")

// DamagedStateError says that what was remembered cannot be read. Going on
// without it would let anyone replay an old revision.
type DamagedStateError struct {
	Path string
	Err  error
}

// Error names the file.
func (e *DamagedStateError) Error() string { return "state file " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *DamagedStateError) Unwrap() error { return e.Err }

// StateFile keeps the state of one stage of one index on the disk. Several
// processes may use the same one: a state never replaces a newer one.
type StateFile struct {
	path  string
	name  string
	stage string

	mu   sync.Mutex
	last *policy.State // what this process knows, even if the file goes away
}

// OpenState opens, or prepares to make, the state file of an index and stage
// below dir: <dir>/<product>/<series>/<variant>/<stage>.json. What is not a
// state of that index and stage is a [DamagedStateError].
func OpenState(dir string, name index.Name, stage string) (*StateFile, error) {
	folder := filepath.Join(dir, name.Product, name.Series, name.Variant)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	f := &StateFile{path: filepath.Join(folder, stage+".json"), name: name.String(), stage: stage}
	_, err := f.Load()
	return f, err
}

// Path is where the state lies.
func (f *StateFile) Path() string { return f.path }

// Load returns what is known, by the file and by this process; nil is nothing.
func (f *StateFile) Load() (*policy.State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stored, err := f.read()
	if err != nil {
		return nil, err
	}
	if f.last == nil || stored != nil && notBehind(stored, f.last) {
		f.last = stored
	}
	return f.last, nil
}

// Save remembers next, durably: when it returns, a power cut does not undo it.
// was is what next was verified against. If the file has something that was
// does not cover, nothing is written and the error is [ErrStateMoved].
func (f *StateFile) Save(ctx context.Context, was, next *policy.State) error {
	data, err := next.Encode()
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := lock(ctx, f.path+".lock")
	if err != nil {
		return fmt.Errorf("lock the state file: %w", err)
	}
	defer unlock()
	stored, err := f.read()
	if err != nil {
		return err
	}
	if stored != nil {
		encoded, err := stored.Encode()
		if err != nil {
			return err
		}
		if bytes.Equal(encoded, data) {
			f.last = next
			return nil
		}
		if was == nil || !notBehind(was, stored) {
			return ErrStateMoved
		}
	}
	if err := replace(f.path, data); err != nil {
		return fmt.Errorf("write the state file: %w", err)
	}
	f.last = next
	return nil
}

func (f *StateFile) read() (*policy.State, error) {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &DamagedStateError{f.path, err}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, policy.MaxState+1))
	if err != nil {
		return nil, &DamagedStateError{f.path, err}
	}
	s, err := policy.DecodeState(data)
	if err != nil {
		return nil, &DamagedStateError{f.path, err}
	}
	if s.Name != f.name || s.Stage != f.stage || s.Revision == "" {
		return nil, &DamagedStateError{f.path, fmt.Errorf("it is the %s state of %q, not the %s state of %q", s.Stage, s.Name, f.stage, f.name)}
	}
	return s, nil
}

// notBehind reports whether a covers everything that b remembers. States of
// another epoch do not matter: verification does not look at them.
func notBehind(a, b *policy.State) bool {
	if a.Epoch != b.Epoch {
		return a.Epoch > b.Epoch
	}
	if a.Sequence != b.Sequence {
		return a.Sequence > b.Sequence && a.Serial >= b.Serial
	}
	return a.Serial >= b.Serial && a.Counter >= b.Counter && len(a.Withdrawn) >= len(b.Withdrawn)
}

// replace writes a file so that after a crash there is the old or the new
// content. The caller holds the lock, so the temporary name can be fixed and
// crashes do not leave more and more of them.
func replace(path string, data []byte) error {
	temporary := path + ".new"
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

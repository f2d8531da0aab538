package source_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/pinwheel-oci/pinwheel/policy"
	"github.com/pinwheel-oci/pinwheel/shim/source"
	"github.com/pinwheel-oci/pinwheel/test/shimtest"
)

func stateOf(serial, sequence uint64) *policy.State {
	return &policy.State{
		Name: shimtest.Name.String(), Stage: "live", Epoch: 1, Serial: serial, Sequence: sequence, Counter: 1,
		Revision: digest.FromString("revision"), Catalog: digest.FromString("catalog").Encoded(), Promotion: digest.FromString("promotion").Encoded(),
	}
}

func openState(t *testing.T, dir string) *source.StateFile {
	t.Helper()
	f, err := source.OpenState(dir, shimtest.Name, "live")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestStateSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := openState(t, dir)
	if known, err := f.Load(); known != nil || err != nil {
		t.Fatalf("new state is %v, %v", known, err)
	}
	if err := f.Save(t.Context(), nil, stateOf(3, 2)); err != nil {
		t.Fatal(err)
	}
	known, err := openState(t, dir).Load()
	if err != nil || known == nil || known.Serial != 3 || known.Sequence != 2 {
		t.Errorf("state after reopening: %+v, %v", known, err)
	}
}

func TestStateNeverGoesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine, theirs := openState(t, dir), openState(t, dir)
	if err := theirs.Save(t.Context(), nil, stateOf(5, 5)); err != nil {
		t.Fatal(err)
	}
	if err := mine.Save(t.Context(), nil, stateOf(3, 3)); !errors.Is(err, source.ErrStateMoved) {
		t.Errorf("saving over something newer: %v, want ErrStateMoved", err)
	}
	if err := mine.Save(t.Context(), stateOf(4, 4), stateOf(6, 6)); !errors.Is(err, source.ErrStateMoved) {
		t.Errorf("saving what was verified against less: %v, want ErrStateMoved", err)
	}
	known, err := mine.Load()
	if err != nil || known.Serial != 5 {
		t.Fatalf("state %+v, %v", known, err)
	}
	if err := mine.Save(t.Context(), known, stateOf(6, 6)); err != nil {
		t.Error(err)
	}
	// Someone restores an old file: what this process knows stays.
	data, err := stateOf(2, 2).Encode()
	if err == nil {
		err = os.WriteFile(mine.Path(), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if known, err := mine.Load(); err != nil || known.Serial != 6 {
		t.Errorf("after an old file was restored: %+v, %v, want serial 6", known, err)
	}
}

func TestStateOfManyWriters(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 8
	dir := t.TempDir()
	var group sync.WaitGroup
	for writer := range writers {
		f := openState(t, dir)
		group.Go(func() {
			for range each {
				increase(t, f, writer)
			}
		})
	}
	group.Wait()
	known, err := openState(t, dir).Load()
	if err != nil || known.Serial != writers*each {
		t.Errorf("after %d increases: %+v, %v", writers*each, known, err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(openState(t, dir).Path()), "*.new"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// increase adds one to what is stored, however often others come first.
// increase saves the next state, which bears the writer's mark: two that save
// the very same state both succeed, and are not to be counted as two.
func increase(t *testing.T, f *source.StateFile, writer int) {
	for {
		known, err := f.Load()
		if err != nil {
			t.Error(err)
			return
		}
		next := stateOf(1, 1)
		if known != nil {
			next = stateOf(known.Serial+1, known.Sequence+1)
		}
		next.Counter = uint64(writer) + 1
		err = f.Save(t.Context(), known, next)
		if err == nil {
			return
		}
		if !errors.Is(err, source.ErrStateMoved) {
			t.Error(err)
			return
		}
	}
}

func TestStateFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	good, err := stateOf(3, 2).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty":               {},
		"half":                good[:len(good)/2],
		"of another index":    bytes.Replace(good, []byte("cpu-ubi9"), []byte("gpu-ubi9"), 1),
		"of another stage":    bytes.Replace(good, []byte(`"live"`), []byte(`"candidate"`), 1),
		"with more members":   bytes.Replace(good, []byte(`{`), []byte(`{"aaa":1,`), 1),
		"with something on":   append(bytes.Clone(good), "{}"...),
		"in another spelling": append([]byte(" "), good...),
		"without a revision":  bytes.Replace(good, []byte(digest.FromString("revision")), nil, 1),
		"too large":           []byte(strings.Repeat(" ", policy.MaxState+2)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := openState(t, dir).Path()
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := source.OpenState(dir, shimtest.Name, "live")
			var damaged *source.DamagedStateError
			if !errors.As(err, &damaged) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want one that names %s", err, path)
			}
			left, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(left, data) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

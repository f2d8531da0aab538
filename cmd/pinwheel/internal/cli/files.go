package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/pkg/facts"
	"github.com/pinwheel-oci/pinwheel/pkg/publish"
	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// findFiles expands directories to the wheels in them (not below them), and to
// sdists as well if asked.
func findFiles(args []string, sdists bool) ([]string, error) {
	if len(args) == 0 {
		return nil, option.Usage(errors.New("no files: name wheels or a directory of wheels"))
	}
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, option.Input(err)
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		entries, err := os.ReadDir(arg)
		if err != nil {
			return nil, err
		}
		found := len(files)
		for _, e := range entries {
			n := e.Name()
			if strings.HasSuffix(n, ".whl") || sdists && (strings.HasSuffix(n, ".tar.gz") || strings.HasSuffix(n, ".zip")) {
				files = append(files, filepath.Join(arg, n))
			}
		}
		if len(files) == found {
			return nil, option.Input(fmt.Errorf("%s: no wheels in this directory", arg))
		}
	}
	return files, nil
}

// inspected is one file and what was found out about it.
type inspected struct {
	path    string
	info    *wheel.Info
	facts   *facts.Wheel
	exports *facts.Exports
	err     error
}

// inspectFiles reads all files, several at once, and keeps their order.
func inspectFiles(ctx context.Context, paths []string) ([]inspected, error) {
	results := make([]inspected, len(paths))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		g.Go(func() error {
			results[i] = inspectFile(ctx, path)
			return ctx.Err()
		})
	}
	return results, g.Wait()
}

func inspectFile(ctx context.Context, path string) inspected {
	x := inspected{path: path}
	// Before it is opened: opening a FIFO waits for a writer.
	var st os.FileInfo
	if st, x.err = os.Stat(path); x.err != nil {
		return x
	}
	if !st.Mode().IsRegular() {
		x.err = option.Input(fmt.Errorf("%s: not a regular file", path))
		return x
	}
	f, err := os.Open(path)
	if err != nil {
		x.err = err
		return x
	}
	defer f.Close()
	x.info, x.facts, x.exports, x.err = facts.Inspect(ctx, f, st.Size(), filepath.Base(path), wheel.Limits{}, "")
	return x
}

// candidates are the files of args, all of them good; otherwise the error names
// every one that is not.
func candidates(ctx context.Context, args []string, sdists bool) ([]publish.Candidate, error) {
	paths, err := findFiles(args, sdists)
	if err != nil {
		return nil, err
	}
	results, err := inspectFiles(ctx, paths)
	if err != nil {
		return nil, err
	}
	var list []publish.Candidate
	var bad []error
	for _, r := range results {
		if r.err != nil {
			bad = append(bad, r.err)
			continue
		}
		list = append(list, publish.Candidate{Path: r.path, Info: r.info, Facts: r.facts, Exports: r.exports})
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	slices.SortFunc(list, func(a, b publish.Candidate) int { return strings.Compare(a.Info.Filename, b.Info.Filename) })
	return list, nil
}

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
// sdists as well if asked. What is wrong with an argument is the error of its
// entry and does not keep the others from being found.
func findFiles(args []string, sdists bool) ([]inspected, error) {
	if len(args) == 0 {
		return nil, option.Usage(errors.New("no files: name wheels or a directory of wheels"))
	}
	var files []inspected
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err == nil && !info.IsDir() {
			files = append(files, inspected{path: arg, size: info.Size()})
			continue
		}
		var found []inspected
		if err == nil {
			found, err = listDirectory(arg, sdists)
		}
		if err != nil {
			found = []inspected{{path: arg, err: option.Input(err)}}
		}
		files = append(files, found...)
	}
	return files, nil
}

func listDirectory(dir string, sdists bool) ([]inspected, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []inspected
	for _, e := range entries {
		n := e.Name()
		if strings.HasSuffix(n, ".whl") || sdists && (strings.HasSuffix(n, ".tar.gz") || strings.HasSuffix(n, ".zip")) {
			x := inspected{path: filepath.Join(dir, n)}
			if info, err := os.Stat(x.path); err == nil {
				x.size = info.Size()
			}
			found = append(found, x)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no wheels in this directory", dir)
	}
	return found, nil
}

// inspected is one file and what was found out about it.
type inspected struct {
	path    string // as given
	size    int64
	info    *wheel.Info
	facts   *facts.Wheel
	exports *facts.Exports
	err     error
}

// inspectFiles reads all files, several at once, in their places. Reading is
// shown by bar, which may be nil.
func inspectFiles(ctx context.Context, files []inspected, bar *reading) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range files {
		g.Go(func() error {
			if x := &files[i]; x.err == nil {
				x.inspect(ctx, bar)
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

func (x *inspected) inspect(ctx context.Context, bar *reading) {
	// Before it is opened: opening a FIFO waits for a writer.
	st, err := os.Stat(x.path)
	if err != nil {
		x.err = option.Input(err)
		return
	}
	if !st.Mode().IsRegular() {
		x.err = option.Input(fmt.Errorf("%s: not a regular file", x.path))
		return
	}
	f, err := os.Open(x.path)
	if err != nil {
		x.err = err
		return
	}
	defer f.Close()
	x.size = st.Size()
	x.info, x.facts, x.exports, x.err = facts.Inspect(ctx, bar.watch(f), x.size, filepath.Base(x.path), wheel.Limits{}, "")
	for _, e := range wheel.Refusals(x.err) {
		e.File = x.path
	}
	bar.finished()
}

// candidates are the files of args, all of them good; otherwise the error names
// every one that is not. Warnings go to standard error.
func (p *program) candidates(ctx context.Context, args []string, sdists bool) ([]publish.Candidate, error) {
	results, err := findFiles(args, sdists)
	if err != nil {
		return nil, err
	}
	bar := p.newReading(results)
	err = inspectFiles(ctx, results, bar)
	bar.clear()
	if err != nil {
		return nil, err
	}
	p.warn(results)
	var list []publish.Candidate
	var bad []error
	for _, r := range results {
		if r.err != nil {
			bad = append(bad, r.err)
			continue
		}
		list = append(list, publish.Candidate{Path: r.path, Info: r.info, Facts: r.facts, Exports: r.exports})
	}
	if err := unreadable(results); err != nil {
		return nil, err
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	slices.SortFunc(list, func(a, b publish.Candidate) int { return strings.Compare(a.Info.Filename, b.Info.Filename) })
	return list, nil
}

// maxWarnings is how many warnings a publication shows.
const maxWarnings = 20

func (p *program) warn(files []inspected) {
	n := 0
	for _, f := range files {
		if f.info == nil {
			continue
		}
		for _, w := range f.info.Warnings {
			if n++; n <= maxWarnings {
				p.note("warning: %v", &wheel.Error{File: f.path, Member: w.Member, Reason: w.Reason})
			}
		}
	}
	if n > maxWarnings {
		p.note("warning: %d more; 'pinwheel check' shows them all", n-maxWarnings)
	}
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/pinwheel-oci/pinwheel/cmd/internal/option"
	"github.com/pinwheel-oci/pinwheel/cmd/pinwheel/internal/capture"
	"github.com/pinwheel-oci/pinwheel/pkg/registry"
)

// captured is the part of a target file that base images give.
type captured struct {
	Base    []capturedBase `json:"base" yaml:"base"`
	Glibc   string         `json:"glibc,omitempty" yaml:"glibc,omitempty"`
	Glibcxx string         `json:"glibcxx,omitempty" yaml:"glibcxx,omitempty"`
	Pythons []string       `json:"pythons,omitempty" yaml:"pythons,omitempty"`
}

type capturedBase struct {
	Platform  string                       `json:"platform" yaml:"platform"`
	Libraries []string                     `json:"libraries" yaml:"libraries"`
	Python    map[string]map[string]string `json:"python,omitempty" yaml:"python,omitempty"`
}

// withCapture lets check capture what a base image provides instead.
func (p *program) withCapture(cmd *cobra.Command) *cobra.Command {
	var from string
	p.store.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&from, "capture", "", "write what `rootfs|image` provides, as part of a target file")
	cmd.Long += `

With --capture nothing is checked: it reads a root directory, a tar file of one,
or a container image (HOST/REPOSITORY:TAG or oci-layout:DIR:TAG, all platforms),
and writes what that provides as YAML for the target file of an index.`
	cmd.Example += `
  pinwheel check --capture registry.example/base/cuda13.0-ubi9:3.4 >base.yaml`
	check := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case from == "" && !cmd.Flags().Changed("capture"):
			return check(cmd, args)
		case len(args) > 0:
			return option.Usage(fmt.Errorf("--capture reads %q alone; leave out %q", from, args[0]))
		}
		return p.capture(cmd.Context(), from)
	}
	return cmd
}

func (p *program) capture(ctx context.Context, from string) error {
	systems, err := p.captureSystems(ctx, from)
	if err != nil {
		return fmt.Errorf("capture %s: %w", from, err)
	}
	result := joinSystems(systems)
	for _, s := range systems {
		p.note("%s", describe(s))
	}
	return p.answer(result, func(w io.Writer) error {
		data, err := yaml.Marshal(result)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "# What %s provides.\n%s", strconv.Quote(from), data)
		return err
	})
}

// captureSystems finds out what from is.
func (p *program) captureSystems(ctx context.Context, from string) ([]*capture.System, error) {
	info, statErr := os.Stat(from)
	switch {
	case from == "":
		return nil, option.Usage(errors.New("want a root directory, a tar file or an image"))
	case statErr == nil && info.IsDir():
		if _, err := os.Stat(filepath.Join(from, "oci-layout")); err == nil {
			return nil, option.Usage(fmt.Errorf("it is an OCI layout: write %s%s:TAG", registry.LayoutPrefix, from))
		}
		return one(capture.Directory(ctx, from))
	case statErr == nil && info.Mode().IsRegular():
		f, err := os.Open(from)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return one(capture.Tar(ctx, f))
	case strings.HasPrefix(from, "/") || strings.HasPrefix(from, "./") || strings.HasPrefix(from, "../"):
		return nil, option.Input(cmp.Or(statErr, errors.New("neither a directory nor a file")))
	}
	s, ref, err := p.store.Open(ctx, from, nil)
	if err != nil {
		return nil, err
	}
	name := string(ref.Digest)
	if name == "" {
		name = ref.Tag
	}
	if name == "" {
		return nil, option.Usage(errors.New("which image? add :TAG or @sha256:HEX"))
	}
	desc, err := s.Resolve(ctx, name)
	if err != nil {
		return nil, err
	}
	return capture.Image(ctx, s, desc)
}

func one(s *capture.System, err error) ([]*capture.System, error) {
	return []*capture.System{s}, err
}

// joinSystems takes the levels and Pythons that all platforms have.
func joinSystems(systems []*capture.System) captured {
	first := systems[0]
	c := captured{Glibc: first.Glibc, Glibcxx: first.Glibcxx, Pythons: slices.Clone(first.Pythons)}
	for _, s := range systems {
		c.Base = append(c.Base, capturedBase{Platform: s.Platform, Libraries: s.Libraries, Python: s.Python})
		c.Glibc, c.Glibcxx = lowerLevel(c.Glibc, s.Glibc), lowerLevel(c.Glibcxx, s.Glibcxx)
		c.Pythons = slices.DeleteFunc(c.Pythons, func(python string) bool { return !slices.Contains(s.Pythons, python) })
	}
	slices.Sort(c.Pythons) // as strings: so the target has them
	return c
}

// lowerLevel returns the lower of two levels such as "2.34"; "" is none.
func lowerLevel(a, b string) string {
	numbers := func(s string) (list []int) {
		for part := range strings.SplitSeq(s, ".") {
			n, _ := strconv.Atoi(part)
			list = append(list, n)
		}
		return list
	}
	if a == "" || b != "" && slices.Compare(numbers(a), numbers(b)) <= 0 {
		return a
	}
	return b
}

// describe says on one line what was found, and what was left out.
func describe(s *capture.System) string {
	text := fmt.Sprintf("%s: %d libraries, glibc %s, libstdc++ %s", s.Platform, len(s.Libraries), orNone(s.Glibc), orNone(s.Glibcxx))
	for _, python := range s.Pythons {
		text += fmt.Sprintf(", %d distributions of Python %s", len(s.Python[python]), python)
	}
	if s.Unread > 0 {
		text += fmt.Sprintf("; %d directories or files could not be read", s.Unread)
	}
	return text
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

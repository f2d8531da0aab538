package sign_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pinwheel-oci/pinwheel/pkg/sign"
)

// answers is a terminal where a person types these lines, one a prompt.
type answers []string

func (a *answers) ReadPassword(string) ([]byte, error) {
	if len(*a) == 0 {
		return nil, io.EOF
	}
	next := (*a)[0]
	*a = (*a)[1:]
	return []byte(next), nil
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestPasswordSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	both := environment(sign.CosignPasswordEnv, "cosign", sign.PasswordEnv, "ours")
	for name, row := range map[string]struct {
		source      sign.PasswordSource
		want, wrong string
	}{
		"a file before all else":     {sign.PasswordSource{File: file("a", "from file\n"), LookupEnv: both}, "from file", ""},
		"a file with Windows lines":  {sign.PasswordSource{File: file("b", "x\r\n")}, "x", ""},
		"only one line break cut":    {sign.PasswordSource{File: file("c", " x \n\n")}, " x \n", ""},
		"an empty file":              {sign.PasswordSource{File: file("d", "")}, "", ""},
		"a file too large":           {sign.PasswordSource{File: file("e", strings.Repeat("x", 5000))}, "", "larger than"},
		"no such file":               {sign.PasswordSource{File: filepath.Join(dir, "none"), LookupEnv: both}, "", "no such file"},
		"our variable first":         {sign.PasswordSource{LookupEnv: both}, "ours", ""},
		"cosign's variable":          {sign.PasswordSource{LookupEnv: environment(sign.CosignPasswordEnv, "cosign"), Terminal: &answers{"t"}}, "cosign", ""},
		"an empty variable is one":   {sign.PasswordSource{LookupEnv: environment(sign.PasswordEnv, ""), Terminal: &answers{"t"}}, "", ""},
		"the terminal last":          {sign.PasswordSource{LookupEnv: environment(), Terminal: &answers{"t", "u"}}, "t", ""},
		"asked twice":                {sign.PasswordSource{LookupEnv: environment(), Terminal: &answers{"t", "t"}, Confirm: true}, "t", ""},
		"two answers":                {sign.PasswordSource{LookupEnv: environment(), Terminal: &answers{"t", "u"}, Confirm: true}, "", "differ"},
		"the terminal closed":        {sign.PasswordSource{LookupEnv: environment(), Terminal: &answers{}}, "", "EOF"},
		"the terminal closed midway": {sign.PasswordSource{LookupEnv: environment(), Terminal: &answers{"t"}, Confirm: true}, "", "EOF"},
		"nothing":                    {sign.PasswordSource{LookupEnv: environment()}, "", "set " + sign.PasswordEnv},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := row.source.Read()
			if row.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), row.wrong) {
					t.Errorf("error is %v, want one with %q", err, row.wrong)
				}
				return
			}
			if err != nil || string(got) != row.want {
				t.Errorf("password is %q (%v), want %q", got, err, row.want)
			}
		})
	}
}

func TestOpenTerminalRefusesOthers(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if sign.OpenTerminal(r, io.Discard) != nil || sign.OpenTerminal(nil, io.Discard) != nil {
		t.Error("a pipe, or nothing, passes for a terminal")
	}
}

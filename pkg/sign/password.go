package sign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Environment variables with the password of a private key, in the order in
// which they are looked at. The second is cosign's.
const (
	PasswordEnv       = "PINWHEEL_KEY_PASSWORD"
	CosignPasswordEnv = "COSIGN_PASSWORD"
)

// maxPasswordSize is the limit, in bytes, for a password file.
const maxPasswordSize = 4 << 10

// Terminal asks a person for a password.
type Terminal interface {
	// ReadPassword shows the prompt and reads one line without showing it.
	ReadPassword(prompt string) ([]byte, error)
}

// PasswordSource says where the password of a private key comes from: the file
// if one is named, else the environment ([PasswordEnv], [CosignPasswordEnv]; an
// empty value is an empty password), else the terminal. The zero value has only
// the process's environment.
type PasswordSource struct {
	// File holds the password; one line break at its end is not part of it.
	File string
	// LookupEnv reads the environment; nil: [os.LookupEnv].
	LookupEnv func(name string) (string, bool)
	// Terminal is asked last; nil: nobody is asked. See [OpenTerminal].
	Terminal Terminal
	// Confirm asks the terminal twice, for a password that is being chosen.
	Confirm bool
}

// Read gets the password from the first source there is.
func (s PasswordSource) Read() ([]byte, error) {
	if s.File != "" {
		return readPasswordFile(s.File)
	}
	lookup := s.LookupEnv
	if lookup == nil {
		lookup = os.LookupEnv
	}
	for _, name := range []string{PasswordEnv, CosignPasswordEnv} {
		if value, ok := lookup(name); ok {
			return []byte(value), nil
		}
	}
	if s.Terminal == nil {
		return nil, fmt.Errorf("key password: none given: set %s, name a password file, or run in a terminal", PasswordEnv)
	}
	first, err := s.Terminal.ReadPassword("Password for the private key: ")
	if err != nil {
		return nil, fmt.Errorf("key password: %w", err)
	}
	if !s.Confirm {
		return first, nil
	}
	second, err := s.Terminal.ReadPassword("The same password again: ")
	if err != nil {
		return nil, fmt.Errorf("key password: %w", err)
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("key password: the two entries differ")
	}
	return first, nil
}

func readPasswordFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("key password: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPasswordSize+1))
	if err != nil {
		return nil, fmt.Errorf("key password: %w", err)
	}
	if len(data) > maxPasswordSize {
		return nil, fmt.Errorf("key password: %s is larger than %d bytes", name, maxPasswordSize)
	}
	data = bytes.TrimSuffix(data, []byte("\n"))
	return bytes.TrimSuffix(data, []byte("\r")), nil
}

// OpenTerminal is the terminal behind in, prompting on out (standard error,
// normally, since standard output may be a pipe). It is nil, as a Terminal, if
// in is nil or not a terminal.
func OpenTerminal(in *os.File, out io.Writer) Terminal {
	if in == nil || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	return &terminal{in: in, out: out}
}

type terminal struct {
	in  *os.File
	out io.Writer
}

func (t *terminal) ReadPassword(prompt string) ([]byte, error) {
	if _, err := io.WriteString(t.out, prompt); err != nil {
		return nil, err
	}
	// The line break that the user types is not shown either.
	defer fmt.Fprintln(t.out)
	return term.ReadPassword(int(t.in.Fd()))
}

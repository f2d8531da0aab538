package sign_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pinwheel-oci/pinwheel/pkg/sign"
	"github.com/pinwheel-oci/pinwheel/test/tools"
)

// TestTerminal types into a pseudo terminal and looks that it shows nothing.
func TestTerminal(t *testing.T) {
	t.Parallel()
	keyboard, tty := pseudoTerminal(t)
	var screen bytes.Buffer
	terminal := sign.OpenTerminal(tty, &screen)
	if terminal == nil {
		t.Fatal("a pseudo terminal is not taken for a terminal")
	}
	if _, err := io.WriteString(keyboard, "secret\n"); err != nil {
		t.Fatal(err)
	}
	got, err := sign.PasswordSource{LookupEnv: environment(), Terminal: terminal}.Read()
	if err != nil || string(got) != "secret" {
		t.Errorf("password is %q (%v), want \"secret\"", got, err)
	}
	if got, want := screen.String(), "Password for the private key: \n"; got != want {
		t.Errorf("the screen shows %q, want %q", got, want)
	}
	attributes, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil || attributes.Lflag&unix.ECHO == 0 {
		t.Errorf("the terminal no longer shows what is typed (%v)", err)
	}
}

func pseudoTerminal(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if errors.Is(err, os.ErrNotExist) {
		tools.Missing(t, "needs /dev/ptmx")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return keyboard, tty
}

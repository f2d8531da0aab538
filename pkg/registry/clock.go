package registry

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// MaxSkew is by how much a writer's clock may differ from the registry's.
const MaxSkew = 5 * time.Minute

// ErrClock says that this machine and the registry do not agree on the time.
var ErrClock = errors.New("the clocks do not agree")

// timekeeper compares the clock with the Date of answers (RFC 9110, 6.6.1).
type timekeeper struct {
	next http.RoundTripper
	now  func() time.Time
}

func (k *timekeeper) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := k.next.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	there, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return resp, nil // it need not say
	}
	here := k.now()
	if skew := here.Sub(there); skew > MaxSkew || skew < -MaxSkew {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%w: it is %s here and %s there: set the clock that is wrong; what is written now would be dated by it", ErrClock, here.UTC().Format(time.RFC3339), there.UTC().Format(time.RFC3339))
	}
	return resp, nil
}

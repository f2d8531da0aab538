package registry

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// DefaultConcurrency is the default of [Options.Concurrency].
	DefaultConcurrency = 6

	// DefaultTimeout is the default of [Options.Timeout]. It is long because
	// registries check every child when an image index is stored; some need
	// more than a minute for thousands.
	DefaultTimeout = 5 * time.Minute

	// DefaultUserAgent is the default of [Options.UserAgent].
	DefaultUserAgent = "pinwheel"
)

// Options are how a place is opened. The zero value works: verified TLS with
// the system's roots, no credentials, no progress.
type Options struct {
	// PlainHTTP speaks HTTP without TLS. Never chosen by itself.
	PlainHTTP bool
	// CAFile is a PEM file with certificates that are trusted in addition to
	// the system's.
	CAFile string

	// AuthFile is the only credentials file that is read, if set.
	AuthFile string
	// LookupEnv reads the environment for the usual places of credentials
	// files: REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME,
	// DOCKER_CONFIG, HOME. Programs pass os.LookupEnv; nil is an empty
	// environment, so that libraries and tests never pick up somebody's
	// password by accident.
	LookupEnv func(string) (string, bool)

	// Concurrency bounds the requests of one store that are under way: from
	// the first byte sent to the headers of the answer. Whoever reads many
	// bodies at once bounds that itself. 0 is [DefaultConcurrency].
	Concurrency int
	// Timeout bounds the wait for the headers of an answer once a request has
	// been sent. 0 is [DefaultTimeout].
	Timeout time.Duration
	// UserAgent is sent with every request. Empty is [DefaultUserAgent].
	UserAgent string
	// MountFrom is another repository of the same registry that blobs may
	// come from instead of being uploaded, by its name without the host.
	MountFrom string
	// Progress is told of every transfer, from several goroutines at once.
	Progress func(Event)

	// CreateLayout makes the directory of a layout, and the layout in an empty
	// directory, if they do not exist.
	CreateLayout bool

	// Now, if set, is compared with the Date of every answer; if they differ by
	// more than MaxSkew, requests fail with ErrClock. For writers: a head that is
	// dated ahead locks out everybody with a right clock.
	Now func() time.Time

	// Retry says how requests are repeated.
	Retry Retry
	// WrapTransport, if set, is put around the network transport, below
	// retries and authentication: it sees every single request.
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// Retry says how often and how soon failed requests are repeated.
type Retry struct {
	// Attempts is how often one request is sent at most. 0 is 5.
	Attempts int
	// Base is the wait after the first failure; it doubles with each further
	// one up to Max, and half of it is random. 0 is 250 ms and 15 s.
	Base, Max time.Duration
	// MaxRetryAfter bounds what a registry may ask for with Retry-After; what
	// asks for more is not retried. 0 is one minute.
	MaxRetryAfter time.Duration

	// Sleep waits, or returns the error of ctx. nil is a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random gives numbers in [0,1). nil is math/rand.
	Random func() float64
	// Now is the clock that dates in Retry-After are compared with. nil is
	// time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	if o.LookupEnv == nil {
		o.LookupEnv = func(string) (string, bool) { return "", false }
	}
	o.Retry = o.Retry.withDefaults()
	return o
}

func (r Retry) withDefaults() Retry {
	if r.Attempts <= 0 {
		r.Attempts = 5
	}
	if r.Base <= 0 {
		r.Base = 250 * time.Millisecond
	}
	if r.Max <= 0 {
		r.Max = 15 * time.Second
	}
	if r.MaxRetryAfter <= 0 {
		r.MaxRetryAfter = time.Minute
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	if r.Random == nil {
		r.Random = rand.Float64
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	return r
}

// backoff is the wait after the given number of failures, 1 and up.
func (r Retry) backoff(failures int) time.Duration {
	d := r.Max
	if shift := failures - 1; shift < 30 {
		d = min(r.Base<<shift, r.Max)
	}
	return d/2 + time.Duration(r.Random()*float64(d/2))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

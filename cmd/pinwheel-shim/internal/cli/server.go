package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/pinwheel-oci/pinwheel/shim"
	"github.com/pinwheel-oci/pinwheel/shim/source"
)

// firstLook is how long clients wait in the queue of a server that has just
// started, before they are told that it is not ready.
const firstLook = 3 * time.Second

// server runs the followers and answers requests.
type server struct {
	log       *slog.Logger
	out       io.Writer
	drain     time.Duration
	indexes   []shim.Index
	followers []*source.Follower
}

func (s *server) run(ctx context.Context, f *serveFlags, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", f.listen, err)
	}
	defer listener.Close()
	if err := s.announce(listener.Addr(), f); err != nil {
		return err
	}
	following, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	s.look(following)
	for _, follower := range s.followers {
		group.Go(func() { follower.Run(following) })
	}
	return s.answer(ctx, listener, handler)
}

// announce tells where the indexes are.
func (s *server) announce(addr net.Addr, f *serveFlags) error {
	if f.addrFile != "" {
		if err := os.WriteFile(f.addrFile, []byte(addr.String()+"\n"), 0o644); err != nil {
			return fmt.Errorf("write the address: %w", err)
		}
	}
	for _, ix := range s.indexes {
		if _, err := fmt.Fprintf(s.out, "http://%s/%s/simple/\n", addr, ix.Name); err != nil {
			return err
		}
		if ix.Candidate != nil {
			if _, err := fmt.Fprintf(s.out, "http://%s/%s-test/simple/\n", addr, ix.Name); err != nil {
				return err
			}
		}
	}
	s.log.Info("listening", "address", addr.String())
	return nil
}

// look makes the first look of all followers before the first request is
// answered, if that doesn't take long.
func (s *server) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	var group sync.WaitGroup
	for _, follower := range s.followers {
		group.Go(func() { _ = follower.Poll(ctx) }) // the reason is in its status
	}
	group.Wait()
	for _, ix := range s.indexes {
		if current, _ := ix.Live.Revisions(); current == nil {
			s.log.Warn("not ready", "index", ix.Name.String(), "see", "/readyz")
			return
		}
	}
	s.log.Info("ready")
}

// answer serves until ctx ends, then lets downloads finish.
func (s *server) answer(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler,
		// For all of a request, so that a byte now and then is not enough.
		// Requests have no bodies here. Downloads renew the deadline of writing
		// as they go.
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.log.Info("draining", "at most", s.drain.String())
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.drain)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		s.log.Warn("cut off what was still under way", "reason", err.Error())
		if err := server.Close(); err != nil {
			return err
		}
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

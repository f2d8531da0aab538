package shim

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Bounds of a memo, which strangers fill.
const (
	maxMemo       = 64  // values
	maxMemoHeader = 256 // bytes of one
)

// memo remembers what header values mean: clients send the same few all the
// time, and reading them takes longer than looking them up.
type memo[T any] struct {
	read  func([]string) T
	known atomic.Pointer[map[string]T]
	mu    sync.Mutex // held while one is added
}

func newMemo[T any](read func([]string) T) *memo[T] {
	m := &memo[T]{read: read}
	m.known.Store(&map[string]T{})
	return m
}

// of returns what the values of a header mean.
func (m *memo[T]) of(values []string) T {
	if len(values) != 1 {
		return m.read(values)
	}
	if v, ok := (*m.known.Load())[values[0]]; ok {
		return v
	}
	v := m.read(values)
	if len(values[0]) <= maxMemoHeader {
		m.add(values[0], v)
	}
	return v
}

func (m *memo[T]) add(value string, v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := *m.known.Load()
	if len(known) >= maxMemo {
		return
	}
	more := maps.Clone(known)
	// A copy, for the value is a part of a whole request's buffer.
	more[strings.Clone(value)] = v
	m.known.Store(&more)
}

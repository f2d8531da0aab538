package bench_test

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// rounds is how often rivals are compared. The machine's mood changes within
// minutes, so a ratio is taken inside each round, and the median of them counts.
const rounds = 3

// median of what is measured; it does not keep the order of values.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

// series collects named measurements, one of each name in every round.
type series map[string][]float64

func (s series) add(name string, value float64) { s[name] = append(s[name], value) }

func (s series) median(name string) float64 { return median(slices.Clone(s[name])) }

// ratio is the median over the rounds of a divided by b.
func (s series) ratio(a, b string) float64 {
	var ratios []float64
	for i := range min(len(s[a]), len(s[b])) {
		ratios = append(ratios, s[a][i]/s[b][i])
	}
	return median(ratios)
}

// rotated gives the rivals in another order in each round, so that none of them
// always comes first.
func rotated[T any](rivals []T, round int) []T {
	n := round % len(rivals)
	return append(slices.Clone(rivals[n:]), rivals[:n]...)
}

// seconds runs what is measured, with the garbage of others out of the way.
func seconds(b *testing.B, what func()) float64 {
	b.Helper()
	runtime.GC()
	start := time.Now()
	what()
	return time.Since(start).Seconds()
}

// report prints a metric in place of the time per operation, which would be
// that of all rivals together.
func report(b *testing.B, value float64, unit string) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(value, unit)
}

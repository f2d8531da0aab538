// Package bench measures Pinwheel beside what one would use in its place, in
// one run on one machine, and prints ratios. Nothing here passes or fails by
// time; docs/performance.md says what the numbers mean and how they were made.
//
//	go test -run '^$' -bench . -benchtime 1x -timeout 40m ./test/bench/
//
// A benchmark that needs a program which is not installed is skipped with the
// program's name (see test/tools/install).
package bench

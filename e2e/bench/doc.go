// Package bench measures the engine against a real API server, in one run
// with what it is compared to: docs/benchmarks.md says how to read the table.
//
// # In
//
// bin/sluice-local, which starts the API server; Git.
//
// # Out
//
// A table. `make bench` fills it for 100, 500 and 1,000 services; a plain
// `go test` goes the same way with five, and fails where a count is wrong.
//
// # Reads
//
// bench_test.go says what is measured of the engine, worker_test.go is its
// process; requests_test.go and hop_test.go measure the request path.
package bench

// Package stat counts and measures for /metrics, in Prometheus' text format.
//
// # In
//
// Observations, from many goroutines at once, without locks.
//
// # Out
//
// [Writer] prints families of counters, gauges and histograms. The room knows
// no names: who measures says what it is called.
//
// # Reads
//
// writer.go
package stat

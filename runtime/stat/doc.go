// Package stat counts and measures for /metrics, in Prometheus' text format, and
// says what an activator and an autoscaler tell each other.
//
// # In
//
// Observations, from many goroutines at once, without locks. Frames, of which
// [Packer] makes blocks; and blocks, of which [Unpacker] makes frames.
//
// # Out
//
// [Writer] prints families of counters, gauges and histograms. The room knows
// no names: who measures says what it is called.
//
// # Reads
//
// writer.go; frame.go, then block.go
package stat

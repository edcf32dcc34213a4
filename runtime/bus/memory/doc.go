// Package memory is a bus in the memory of one process. It forgets everything
// when the process ends, and says so in the log when it starts.
//
// # In
//
// Topic arguments: maxMessages (default 10000) is how many settled messages are
// kept for replay.
//
// # Out
//
// A bus.Driver that is Ordered, with Replay by time and position, History, Lag
// and Age; not Persistent. It holds at most Config.MaxBytes; then Publish
// is bus.ErrFull until subscribers have caught up.
//
// # Reads
//
// memory.go, topic.go, subscription.go, stream.go.
package memory

package bus

// Promises is what a driver keeps, as data: printed in the docs, checked by the
// exam (bustest). A false promise makes the exam skip it, never pass it.
type Promises struct {
	// Persistent: what was stored outlives the process.
	Persistent bool
	// Ordered: messages of a key reach an ordered subscription one at a time and
	// in the order in which they were published, also across retries, with any
	// number of receivers.
	Ordered bool
	// Sequence: what is stored one after the other reaches a subscription of
	// Concurrency 1 in that order, whatever its keys, as long as nothing fails;
	// also when its receiver stops in order and another goes on. (In Kafka, where
	// the topic has one partition.)
	Sequence bool
	// Replay: a subscription can go back to messages that it has settled, by
	// time and, where Positions is true, by position.
	Replay bool
	// Positions: From(position) is understood.
	Positions bool
	// History: Browse reads what was stored before. Where it is false, Browse
	// follows from now on.
	History bool
	// Lag: the number of messages behind is known; the age of the oldest only
	// with Age.
	Lag, Age bool
	// Listed: List finds what earlier processes made.
	Listed bool
	// MaxBytes is the largest message, headers included; 0 where there is no
	// limit but memory.
	MaxBytes int
	// Direct: Publish is as fast with one message as with many, and is called
	// without gathering a batch.
	Direct bool
}

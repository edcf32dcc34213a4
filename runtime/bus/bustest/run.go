package bustest

import (
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Patience bounds every wait for something that has to come.
const Patience = 30 * time.Second

// Store is where a bus keeps what it keeps: a directory, a server, a process.
type Store struct {
	// Open connects once more. The exam closes what it opened.
	Open func(t *testing.T) bus.Driver
	// Lease is how long the bus waits for a settlement before it delivers again
	// to another; the exam holds a message for longer. 0: there is no such time.
	Lease time.Duration
	// Quiet is how long to wait to be sure that nothing comes. Default: 200 ms.
	Quiet time.Duration
	// MovedFromElsewhere says that one connection may move a subscription that
	// another receives from.
	MovedFromElsewhere bool
	// Args are given to every topic.
	Args map[string]string
}

// Run asks a driver everything. Store is called once per question.
func Run(t *testing.T, promises bus.Promises, store func(t *testing.T) Store) {
	for _, q := range questions {
		t.Run(q.name, func(t *testing.T) {
			if q.needs != nil && !q.needs(promises) {
				t.Skip("not promised")
			}
			q.ask(newExam(t, promises, store(t)))
		})
	}
}

type question struct {
	name  string
	needs func(bus.Promises) bool // nil: nothing
	ask   func(*exam)
}

var questions = []question{
	{"WhatIsPublishedArrivesAsItWas", nil, arrivesAsItWas},
	{"EverySubscriptionGetsEveryMessage", nil, everySubscriptionGetsEvery},
	{"ReceiversOfOneSubscriptionShare", nil, receiversShare},
	{"PublishersAtTheSameTimeLoseNothing", nil, publishersAtTheSameTime},
	{"WhatIsNotThereIsNotFound", nil, notFound},
	{"TooLargeIsRefusedAndTheRestStored", func(p bus.Promises) bool { return p.MaxBytes > 0 }, tooLarge},
	{"NextGivesNoMoreThanAskedFor", nil, noMoreThanAskedFor},
	{"NextEndsWithItsContext", nil, nextEndsWithContext},
	{"NothingSettledComesAgain", nil, nothingSettledComesAgain},
	{"ThePlaceNeverPassesAnUnsettledMessage", nil, placeNeverPasses},
	{"GivenBackComesAgain", nil, givenBackComesAgain},
	{"ClosedGivesBack", nil, closedGivesBack},
	{"AMessageIsHeldForAsLongAsItTakes", nil, heldForAsLong},
	{"AKeyIsWithOneReceiverAtATime", func(p bus.Promises) bool { return p.Ordered }, keyWithOneReceiver},
	{"ANewSubscriptionStartsWhereItSays", nil, startsWhereItSays},
	{"EnsuredAgainASubscriptionKeepsItsPlace", nil, keepsItsPlace},
	{"RemovedIsGone", nil, removedIsGone},
	{"ListTellsWhatWeMade", nil, listTells},
	{"WhatIsStoredOutlivesTheDriver", func(p bus.Promises) bool { return p.Persistent }, outlives},
	{"SeekReplaysToOneSubscription", func(p bus.Promises) bool { return p.Replay }, seekReplays},
	{"SeekGoesToATime", func(p bus.Promises) bool { return p.Replay }, seekToTime},
	{"SeekGoesToAPosition", func(p bus.Promises) bool { return p.Replay && p.Positions }, seekToPosition},
	{"SeekGoesNoFurtherThanTheEnd", func(p bus.Promises) bool { return p.Replay && p.Positions }, seekBeyondTheEnd},
	{"BrowseReadsWithoutConsuming", func(p bus.Promises) bool { return p.History }, browseReads},
	{"BrowseFollows", nil, browseFollows},
	{"LagCounts", func(p bus.Promises) bool { return p.Lag }, lagCounts},
	{"PeekShowsAndGivesBack", nil, peekShows},

	{"RetriedUntilAcknowledged", nil, retriedUntilAcknowledged},
	{"OrderPerKeySurvivesFailures", func(p bus.Promises) bool { return p.Ordered }, orderSurvivesFailures},
	{"OneByOneIsInSequence", func(p bus.Promises) bool { return p.Sequence }, oneByOne},
	{"DeadGoesToTheDeadLetterTopicAndComesBackByRedrive", nil, deadAndRedriven},
	{"StoppingGivesNothingUp", nil, stoppingGivesNothingUp},
	{"StoppingWaitsForNoRate", nil, stoppingWaitsForNoRate},
	{"ACopyWithinTheWindowIsLeftOut", nil, copyIsLeftOut},
	{"ARunningSubscriptionFollowsSeek", func(p bus.Promises) bool { return p.Replay }, runningFollowsSeek},
	{"SeekAtAnyTime", func(p bus.Promises) bool { return p.Replay }, seekAtAnyTime(bus.Policy{})},
	{"SeekAtAnyTimeOneByOne", func(p bus.Promises) bool { return p.Replay }, seekAtAnyTime(bus.Policy{Concurrency: 1})},
	{"SeekAtAnyTimeInOrder", func(p bus.Promises) bool { return p.Replay && p.Ordered }, seekAtAnyTime(bus.Policy{Ordered: true})},
	{"ReceiversComeAndGoAndNothingIsLost", nil, receiversComeAndGo},
}

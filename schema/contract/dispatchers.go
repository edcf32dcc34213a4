package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// LabelDispatcher is on the pods, and on the engine's own Deployments, of
// dispatchers; its value is the dispatcher's name.
const LabelDispatcher = "sluice.dev/dispatcher"

// HeaderForwarded marks an event that one dispatcher passes on to another.
const HeaderForwarded = "Sluice-Forwarded"

// longestName is how much of a bus's name the name of its dispatcher shows: a
// Service's name has 63 characters.
const longestName = 40

// DispatcherOf is the name of the Deployment, Service and revision that has the
// channels of a bus. What is kept within a process of ours is with Channels;
// what is kept elsewhere has a process of its own, so that its troubles are
// nobody else's.
func DispatcherOf(bus Ref, driver string) string {
	switch driver {
	case "", DriverJetStream, DriverMemory:
		return Channels
	}
	sum := sha256.Sum256([]byte(bus.String()))
	name := strings.Trim(strings.ReplaceAll(bus.Name, ".", "-")[:min(len(bus.Name), longestName)], "-")
	return Channels + "-" + name + "-" + hex.EncodeToString(sum[:4])
}

// ChannelArguments are the arguments that the channels of each driver may have,
// beside those that their Bus declares. All are optional; runtime/bus/catalog
// says what they mean.
var ChannelArguments = map[string][]string{
	DriverMemory:    {"maxMessages"},
	DriverJetStream: {"maxBytes"},
	DriverNATS:      {"maxBytes", "replicas"},
	DriverKafka:     {"NumPartitions", "replicationFactor"},
	DriverRabbitMQ:  {"queueType"},
}

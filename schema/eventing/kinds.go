package eventing

import "github.com/sluice-dev/sluice/schema"

// Groups, and the versions that are read.
const (
	FeedsGroup     = "feeds.knative.dev"
	ChannelsGroup  = "channels.knative.dev"
	FlowsGroup     = "flows.knative.dev"
	MessagingGroup = "messaging.knative.dev"
	EventingGroup  = "eventing.knative.dev"
	SourcesGroup   = "sources.knative.dev"
	GoogleGroup    = "events.cloud.google.com"

	feeds     = FeedsGroup + "/v1alpha1"
	channels  = ChannelsGroup + "/v1alpha1"
	flows     = FlowsGroup + "/v1alpha1"
	messaging = MessagingGroup + "/v1"
	eventing  = EventingGroup + "/v1"
	sources   = SourcesGroup + "/v1"
	sources1  = SourcesGroup + "/v1alpha1"
	sourcesB1 = SourcesGroup + "/v1beta1"
)

// Kinds lists the kinds of all groups of events, each version an entry.
func Kinds() []schema.Kind {
	return []schema.Kind{
		{APIVersion: feeds, Kind: "Feed", Label: true, Decode: decodeFeed},
		{APIVersion: feeds, Kind: "EventSource", Decode: decodeFeedSource},
		{APIVersion: feeds, Kind: "ClusterEventSource", ClusterScoped: true, Decode: decodeFeedSource},
		{APIVersion: feeds, Kind: "EventType", Decode: decodeFeedType},
		{APIVersion: feeds, Kind: "ClusterEventType", ClusterScoped: true, Decode: decodeFeedType},

		{APIVersion: channels, Kind: "Bus", Decode: decodeBus},
		{APIVersion: channels, Kind: "ClusterBus", ClusterScoped: true, Decode: decodeBus},
		{APIVersion: channels, Kind: "Channel", Label: true, Decode: decodeOldChannel},
		{APIVersion: channels, Kind: "Subscription", Decode: decodeOldSubscription},
		{APIVersion: flows, Kind: "Flow", Label: true, Decode: decodeFlow},

		{APIVersion: messaging, Kind: "Channel", Label: true, Decode: decodeChannel},
		{APIVersion: messaging, Kind: "InMemoryChannel", Label: true, Decode: decodeInMemoryChannel},
		{APIVersion: messaging, Kind: "Subscription", Decode: decodeSubscription},
		{APIVersion: eventing, Kind: "Broker", Label: true, Decode: decodeBroker},
		{APIVersion: eventing, Kind: "Trigger", Decode: decodeTrigger},

		{APIVersion: sources, Kind: "PingSource", Label: true, Decode: decodePingSource},
		{APIVersion: sources, Kind: "ApiServerSource", Label: true, Decode: decodeAPIServerSource},
		{APIVersion: sources, Kind: "ContainerSource", Label: true, Decode: decodeContainerSource},
		{APIVersion: sources, Kind: "SinkBinding", Decode: decodeSinkBinding},
		{APIVersion: sources, Kind: "KafkaSource", Label: true, Decode: decodeKafkaSource},
		{APIVersion: sourcesB1, Kind: "KafkaSource", Label: true, Decode: decodeKafkaSource},
		{APIVersion: sources1, Kind: "GitHubSource", Label: true, Decode: decodeGitHubSource},
		{APIVersion: GoogleGroup + "/v1", Kind: "CloudPubSubSource", Label: true, Decode: decodePubSubSource},
		{APIVersion: GoogleGroup + "/v1beta1", Kind: "CloudPubSubSource", Label: true, Decode: decodePubSubSource},
	}
}

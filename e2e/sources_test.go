package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sluice-dev/sluice/runtime/google"
)

// topic PROJECT/NAME: make a topic of Google Pub/Sub, on what $PUBSUB names
// from then on: what $SLUICE_PUBSUB does, or a fake of the story's own.
func topic(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: topic PROJECT/NAME")
	}
	if ts.Getenv("PUBSUB") == "" {
		ts.Setenv("PUBSUB", os.Getenv("SLUICE_PUBSUB"))
	}
	if ts.Getenv("PUBSUB") == "" {
		server := pstest.NewServer()
		ts.Defer(func() { _ = server.Close() })
		ts.Setenv("PUBSUB", server.Addr)
	}
	project, name, _ := strings.Cut(args[0], "/")
	c := pubsubClient(ts, project)
	defer c.Close()
	_, err := c.TopicAdminClient.CreateTopic(context.Background(), &pubsubpb.Topic{Name: "projects/" + project + "/topics/" + name})
	ts.Check(err)
}

// publish PROJECT/TOPIC DATA [ATTRIBUTE=VALUE...]: publish a message.
func publish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: publish PROJECT/TOPIC DATA [ATTRIBUTE=VALUE...]")
	}
	project, name, _ := strings.Cut(args[0], "/")
	m := &pubsub.Message{Data: []byte(args[1]), Attributes: map[string]string{}}
	for _, pair := range args[2:] {
		key, value, _ := strings.Cut(pair, "=")
		m.Attributes[key] = value
	}
	c := pubsubClient(ts, project)
	defer c.Close()
	to := c.Publisher(name)
	defer to.Stop()
	_, err := to.Publish(context.Background(), m).Get(context.Background())
	ts.Check(err)
}

// subscribed PROJECT/TOPIC NAMES: within three minutes, these are the
// subscriptions of a topic.
func subscribed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: subscribed PROJECT/TOPIC NAMES")
	}
	project, name, _ := strings.Cut(args[0], "/")
	c := pubsubClient(ts, project)
	defer c.Close()
	awaitFor(ts, 3*patience, args[1], func() string {
		var all []string
		of := c.TopicAdminClient.ListTopicSubscriptions(context.Background(), &pubsubpb.ListTopicSubscriptionsRequest{Topic: "projects/" + project + "/topics/" + name})
		for path, err := range of.All() {
			ts.Check(err)
			all = append(all, path[strings.LastIndexByte(path, '/')+1:])
		}
		return strings.Join(all, " ")
	})
}

func pubsubClient(ts *testscript.TestScript, project string) *pubsub.Client {
	options, err := google.Access{Endpoint: ts.Getenv("PUBSUB")}.Options()
	ts.Check(err)
	c, err := pubsub.NewClient(context.Background(), project, options...)
	ts.Check(err)
	return c
}

// matches HOST PATTERN: within a while, what GET http://HOST/ gives matches.
func matches(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: matches HOST PATTERN")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	await(ts, args[1], func() string {
		code, body := get(args[0])
		if code == http.StatusOK && pattern.MatchString(body) {
			return args[1]
		}
		return fmt.Sprint("HTTP ", code, " ", body)
	})
}

// times HOST TEXT N: what GET http://HOST/ gives has TEXT as often, now.
func times(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: times HOST TEXT N")
	}
	if code, body := get(args[0]); code != http.StatusOK || fmt.Sprint(strings.Count(body, args[1])) != args[2] {
		ts.Fatalf("HTTP %d %s", code, body)
	}
}

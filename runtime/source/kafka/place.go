package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	beginWithin = 15 * time.Second
	beginAgain  = 2 * time.Second
)

// begin commits where the group begins in partitions that it has no place in,
// and tries until it could. A group at work is left alone: what it has no place
// in came after it began.
func (s *Source) begin(ctx context.Context) error {
	client, err := kgo.NewClient(s.options...)
	if err != nil {
		return fmt.Errorf("%s: %w", s.cfg.Source.Ref, err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for said := false; ; said = true {
		err := s.commitBegin(ctx, admin)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if !said {
			s.cfg.Log.Warn("Kafka does not answer, is asked until it does", "brokers", s.spec.Brokers, "error", err)
		}
		select {
		case <-time.After(beginAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *Source) commitBegin(ctx context.Context, admin *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, beginWithin)
	defer cancel()
	have, err := admin.FetchOffsets(ctx, s.spec.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return err
	}
	list := admin.ListEndOffsets
	if s.spec.InitialOffset == "earliest" {
		list = admin.ListStartOffsets
	}
	listed, err := list(ctx, s.spec.Topics...)
	if err != nil {
		return err
	}
	var missing kadm.Offsets
	for topic, partitions := range listed {
		for n, o := range partitions {
			if errors.Is(o.Err, kerr.UnknownTopicOrPartition) {
				s.cfg.Log.Warn("there is no such topic yet", "topic", topic)
				continue
			}
			if o.Err != nil {
				return fmt.Errorf("topic %s: %w", topic, o.Err)
			}
			if at, ok := have.Lookup(topic, n); !ok || at.At < 0 {
				missing.AddOffset(topic, n, o.Offset, -1)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return s.commitPlaces(ctx, admin, missing)
}

func (s *Source) commitPlaces(ctx context.Context, admin *kadm.Client, places kadm.Offsets) error {
	answer, err := admin.CommitOffsets(ctx, s.spec.Group, places)
	if err == nil {
		err = answer.Error()
	}
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) {
		return nil // the group is at work
	}
	return err
}

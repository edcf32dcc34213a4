package contract

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestSubscription_SurvivesJSON(t *testing.T) {
	capped := Duration(0)
	in := Subscription{
		Ref: Ref{"shop", "mail"}, Channel: Ref{"shop", "orders"},
		Subscriber: &Destination{URL: "http://mail.shop.svc.cluster.local/"},
		Delivery:   Delivery{Retry: 3, BackoffDelay: Duration(200 * time.Millisecond), RetryAfterMax: &capped},
		Filter:     &Filter{Any: []Filter{{Exact: map[string]string{"type": "a"}}, {Not: &Filter{CESQL: "EXISTS subject"}}}},
		Dedupe:     Duration(90 * time.Second),
	}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Subscription
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("%s became %+v", b, out)
	}
}

func TestDuration_SaysHowToWriteIt(t *testing.T) {
	var d Duration
	if err := d.UnmarshalText([]byte("90")); err == nil || err.Error() != `duration "90": write it as 1m30s` {
		t.Errorf("got %v", err)
	}
}

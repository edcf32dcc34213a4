package rabbitmq

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestLimitsRedeliveries_SinceRabbitMQ4(t *testing.T) {
	for version, want := range map[any]bool{"3.10.8": false, "3.13.7": false, "4.0.0": true, "4.1.4+1": true, "10.0": true, "": false, nil: false} {
		if got := limitsRedeliveries(amqp.Table{"version": version}); got != want {
			t.Errorf("%v: %t", version, got)
		}
	}
}

package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/runtime/bus"
)

// Parameter is one setting.
type Parameter struct {
	Name, Description string
	// Default is what it is where it is not given; nil: it is required, unless
	// Optional.
	Default  *string
	Optional bool
	// Secret marks what belongs in a Secret.
	Secret bool
}

// Driver is one kind of bus.
type Driver struct {
	// Summary is one line for people.
	Summary string
	// Promises are the driver's usual ones; Open returns those of the bus.
	Promises bus.Promises
	// Settings are those of a bus, Channel those of each of its topics (2018's
	// parameters.channel), Subscription those of subscriptions.
	Settings, Channel, Subscription []Parameter

	open func(context.Context, *settings, *slog.Logger) (bus.Driver, bus.Promises, error)
}

// Drivers are all of them, by name.
func Drivers() map[string]Driver {
	return map[string]Driver{
		"memory":    memoryDriver,
		"stub":      memoryDriver, // its name in 2018
		"jetstream": jetstreamDriver,
		"nats":      natsDriver,
		"kafka":     kafkaDriver,
		"rabbitmq":  rabbitmqDriver,
		"gcppubsub": pubsubDriver, // its name in 2018
	}
}

// Open opens a bus. Unknown settings are errors.
func Open(ctx context.Context, name string, values map[string]string, log *slog.Logger) (bus.Driver, bus.Promises, error) {
	d, ok := Drivers()[name]
	if !ok {
		known := slices.Sorted(maps.Keys(Drivers()))
		return nil, bus.Promises{}, fmt.Errorf("bus driver %q is unknown; there are %s", name, strings.Join(known, ", "))
	}
	if log == nil {
		log = slog.Default()
	}
	s := &settings{driver: name, values: values, known: d.Settings}
	s.check()
	if s.err != nil {
		return nil, bus.Promises{}, s.err
	}
	driver, promises, err := d.open(ctx, s, log.With("bus", name))
	if s.err != nil || err != nil {
		if err == nil {
			_ = driver.Close()
			err = s.err
		}
		return nil, bus.Promises{}, err
	}
	return driver, promises, nil
}

func required(name, description string) Parameter {
	return Parameter{Name: name, Description: description}
}

func optional(name, description string) Parameter {
	return Parameter{Name: name, Description: description, Optional: true}
}

func secret(name, description string) Parameter {
	return Parameter{Name: name, Description: description, Optional: true, Secret: true}
}

func defaulted(name, otherwise, description string) Parameter {
	return Parameter{Name: name, Description: description, Default: &otherwise}
}

package ping

import (
	"fmt"
	"time"
	_ "time/tzdata" // images may have no time zones

	"github.com/robfig/cron/v3"

	"github.com/sluice-dev/sluice/schema/contract"
)

// maxMissed bounds how many ticks are made up for.
const maxMissed = 1000

// parser reads five fields, or six with seconds first, and @every and the like.
var parser = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// schedule is a cron line in a time zone.
type schedule struct {
	cron cron.Schedule
	zone *time.Location
}

func parse(p contract.PingSource) (schedule, error) {
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil {
		return schedule{}, fmt.Errorf("time zone %q is unknown: write an IANA name, as Europe/Berlin", p.TimeZone)
	}
	c, err := parser.Parse(p.Schedule)
	if err != nil {
		return schedule{}, fmt.Errorf("schedule %q: %w: write five fields, as */5 * * * *, or six with seconds first", p.Schedule, err)
	}
	return schedule{c, zone}, nil
}

// next is the first tick after t; zero where there is none.
func (s schedule) next(t time.Time) time.Time { return s.cron.Next(t.In(s.zone)) }

// due returns the ticks to send of those after last and not after now.
func (s schedule) due(last, now time.Time, policy string) (ticks []time.Time) {
	for t := s.next(last); !t.IsZero() && !t.After(now); t = s.next(t) {
		ticks = append(ticks, t)
		if len(ticks) > maxMissed {
			ticks = ticks[1:]
		}
	}
	if len(ticks) == 0 || policy == contract.MissedAll {
		return ticks
	}
	newest := ticks[len(ticks)-1]
	if policy == contract.MissedOne || now.Sub(newest) < onTime {
		return []time.Time{newest}
	}
	return nil
}

// onTime is for how long a tick counts as not missed.
const onTime = 5 * time.Second

// Package ping sends an event at the times of a schedule.
//
// # In
//
// A contract.PingSource: a cron line in a time zone, the payload, and what to do
// about missed ticks.
//
// # Out
//
// One event per tick, of the type and source that Knative's PingSource has. Its
// time is the tick's and its id is made of the source's name and the tick, so
// that two copies of a tick are the same event. A tick is missed while the
// sink does not take the one before, and, where the last tick is remembered,
// while the source does not run.
//
// # Reads
//
// ping.go, then ticks.go, which is pure.
package ping

package eventing

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/sluice-dev/sluice/schema"
	"github.com/sluice-dev/sluice/schema/contract"
	"github.com/sluice-dev/sluice/schema/desired"
)

// pingSource is a PingSource as written.
type pingSource struct {
	object `json:",inline"`
	Spec   struct {
		sourceSpec  `json:",inline"`
		Schedule    string `json:"schedule,omitempty"`
		Timezone    string `json:"timezone,omitempty"`
		ContentType string `json:"contentType,omitempty"`
		Data        string `json:"data,omitempty"`
		DataBase64  string `json:"dataBase64,omitempty"`
	} `json:"spec"`
}

// defaultSchedule is Knative's: once a minute.
const defaultSchedule = "* * * * *"

// schedules are lines of cron, with seconds before them if there are six fields.
var schedules = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

func decodePingSource(doc schema.Document) (schema.Spec, []schema.Problem) {
	return decode(doc, (*check).pingSource)
}

func (c *check) pingSource(w *pingSource) desired.Nouns {
	e := c.emitter("PingSource", contract.SourcePing, w.Spec.sourceSpec, w.Labels)
	p := contract.PingSource{Schedule: w.Spec.Schedule, TimeZone: w.Spec.Timezone, ContentType: w.Spec.ContentType}
	if p.Schedule == "" {
		p.Schedule = defaultSchedule
	}
	c.schedule(p.Schedule)
	if _, err := time.LoadLocation(p.TimeZone); err != nil || p.TimeZone == "Local" {
		c.errorf("spec.timezone", "%q is no time zone: write one of the IANA names, such as Europe/Berlin", short(p.TimeZone))
	}
	p.Data = c.pingData(w)
	o := c.options(w.Annotations)
	if text, ok := o.take("missed"); ok {
		c.oneOf(o.path("missed"), text, contract.MissedSkip, contract.MissedOne, contract.MissedAll)
		p.Missed = text
	}
	o.done()
	e.Ping = &p
	return desired.Nouns{Emitters: []desired.Emitter{e}}
}

// anyDay is where a schedule is tried from; the five years that are looked at have
// every day that there is.
var anyDay = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func (c *check) schedule(text string) {
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		c.errorf("spec.schedule", "the time zone has a field of its own: write it as timezone")
		return
	}
	s, err := schedules.Parse(text)
	if err == nil && s.Next(anyDay).IsZero() {
		c.errorf("spec.schedule", "%q never comes: no month has such a day", short(text))
	}
	if err != nil {
		c.errorf("spec.schedule", "%q is no schedule: write five fields (minute, hour, day, month, weekday) as in \"*/5 * * * *\", or six with seconds first", short(text))
	}
}

func (c *check) pingData(w *pingSource) []byte {
	if w.Spec.Data != "" && w.Spec.DataBase64 != "" {
		c.errorf("spec.dataBase64", "an event has one payload: keep data or dataBase64")
	}
	if w.Spec.DataBase64 != "" {
		b, err := base64.StdEncoding.DecodeString(w.Spec.DataBase64)
		if err != nil {
			c.errorf("spec.dataBase64", "this is no base64; for plain text write data")
		}
		return b
	}
	if w.Spec.ContentType == "application/json" && w.Spec.Data != "" && !json.Valid([]byte(w.Spec.Data)) {
		c.errorf("spec.data", "contentType says application/json, but this is no JSON")
	}
	return []byte(w.Spec.Data)
}

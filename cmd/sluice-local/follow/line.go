package follow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// longestValue is where a value is cut.
const longestValue = 160

// shown is how much of a commit's hash people read.
const shown = 7

// line makes a slog line in JSON short: "15:04:05 message key=value". What is
// no such line stays as it is; debug lines are left out.
func line(raw []byte) string {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return strings.TrimSpace(string(raw))
	}
	var at time.Time
	var level, msg string
	var rest []string
	for dec.More() {
		key, value, err := field(dec)
		if err != nil {
			return strings.TrimSpace(string(raw))
		}
		switch key {
		case "time":
			at, _ = time.Parse(time.RFC3339Nano, value)
		case "level":
			level = value
		case "msg":
			msg = value
		default:
			rest = append(rest, key+"="+shorten(key, value))
		}
	}
	return assemble(at, level, msg, rest)
}

func assemble(at time.Time, level, msg string, rest []string) string {
	parts := []string{at.Local().Format(time.TimeOnly)}
	switch level {
	case "DEBUG":
		return ""
	case "WARN", "ERROR":
		parts = append(parts, level)
	}
	return strings.Join(append(append(parts, msg), rest...), " ")
}

// field reads a key and its value as text.
func field(dec *json.Decoder) (key, value string, err error) {
	token, err := dec.Token()
	if err != nil {
		return "", "", err
	}
	key, _ = token.(string)
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return "", "", err
	}
	if json.Unmarshal(raw, &value) != nil { // no string: numbers, lists and groups stay JSON
		value = string(raw)
	}
	return key, value, nil
}

func shorten(key, value string) string {
	if key == "commit" && len(value) > shown {
		return value[:shown]
	}
	if len(value) > longestValue {
		value = strings.ToValidUTF8(value[:longestValue], "") + "..."
	}
	if value == "" || strings.ContainsAny(value, " \n\t\"") {
		return fmt.Sprintf("%q", value)
	}
	return value
}

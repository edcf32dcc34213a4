package cloudevents

import (
	"strings"
	"time"
	"unicode/utf8"
)

// checkName refuses names that are not lower-case letters and digits, and
// those that are no attributes.
func checkName(name string) error {
	if name == "" {
		return badf("an attribute has no name")
	}
	if name == "data" {
		return badf("data is not an attribute: the payload is the body, or the member data of the JSON format")
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return badf("attribute %q: a name has lower-case letters a-z and digits only", name)
		}
	}
	return nil
}

// checkValue refuses what an attribute's type does not allow, and gives the
// canonical form.
func checkValue(name, value string) (string, error) {
	if value == "" {
		return "", badf("attribute %s is empty: leave it out", name)
	}
	if err := checkText(name, value); err != nil {
		return "", err
	}
	switch name {
	case "specversion":
		if value != "1.0" {
			return "", badf("specversion %q: this understands 1.0", value)
		}
	case "time":
		return checkTime(value)
	case "source", "dataschema":
		if i := strings.IndexAny(value, " <>\"{}|\\^`"); i >= 0 {
			return "", badf("attribute %s: %q is no URI: it has a %q that must be percent-encoded", name, value, value[i])
		}
	}
	return value, nil
}

// checkText refuses what the type String may not hold: control characters,
// noncharacters, and bytes that are not UTF-8.
func checkText(name, value string) error {
	ascii := true
	for i := range len(value) {
		c := value[i]
		if c < 0x20 || c == 0x7f {
			return badf("attribute %s has the control character %U", name, c)
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if ascii {
		return nil
	}
	if !utf8.ValidString(value) {
		return badf("attribute %s is not valid UTF-8", name)
	}
	for _, r := range value {
		if r >= 0x80 && r <= 0x9f || r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef {
			return badf("attribute %s has the character %U, which no text may have", name, r)
		}
	}
	return nil
}

// checkTime reads RFC 3339, whose letters may be small.
func checkTime(value string) (string, error) {
	if _, err := time.Parse(time.RFC3339Nano, value); err == nil {
		return value, nil
	}
	upper := strings.ToUpper(value)
	if _, err := time.Parse(time.RFC3339Nano, upper); err == nil {
		return upper, nil
	}
	return "", badf("attribute time: %q is not RFC 3339: write it as 2026-01-31T12:00:00Z", value)
}

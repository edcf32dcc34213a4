package strict

import (
	"encoding/json"
	"strconv"
	"strings"
)

// wrong notes that something else stands where a type is wanted, and how to
// write it where that can be told.
func (w *walker) wrong(path, want string, v any) {
	show := !w.secret && !sensitive(path)
	text := "want " + want + ", got " + got(v, show)
	s, isString := v.(string)
	_, isNumber := v.(json.Number)
	_, isBool := v.(bool)
	switch {
	case want == "a string" && isNumber:
		text += ": put it in quotes"
	case want == "a string" && isBool:
		text += " (YAML reads yes, no, on and off as booleans too): put it in quotes"
	case isString && show && isPlain(want, s):
		text += ": write " + s + " without quotes"
	}
	w.problem(path, text)
}

// isPlain reports whether a string holds what is wanted, but for its quotes.
func isPlain(want, s string) bool {
	switch want {
	case "an integer":
		_, err := strconv.Atoi(s)
		return err == nil
	case "a number":
		_, err := strconv.ParseFloat(s, 64)
		return err == nil
	case "true or false":
		return s == "true" || s == "false"
	}
	return false
}

// got says what a value is, and which, if it is short and may be shown.
func got(v any, show bool) string {
	switch v := v.(type) {
	case string:
		if show && len(v) <= 40 {
			return "the string " + strconv.Quote(v)
		}
		return "a string"
	case json.Number:
		if show {
			return "the number " + v.String()
		}
		return "a number"
	case bool:
		if show {
			return "the boolean " + strconv.FormatBool(v)
		}
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "nothing"
}

// sensitive reports whether a path is one where people keep secrets.
func sensitive(path string) bool {
	for _, s := range []string{"data[", "Data[", ".args[", ".command["} {
		if strings.Contains(path, s) {
			return true
		}
	}
	return strings.Contains(path, "env[") && strings.HasSuffix(path, "].value")
}

package preview

import (
	"reflect"
	"strings"
)

// jsonName is how a field is written in a manifest.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

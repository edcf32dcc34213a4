package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	// maxExact is up to where every whole number is one of 64 bits of floating point.
	maxExact = 1 << 53
	// largeDigits is how many digits a whole number beyond that has at least.
	largeDigits = 16
)

// decodeJSON reads JSON. Numbers are of floating point, as in JSON itself, but for
// whole ones that would become another number by it: those are whole.
func decodeJSON(b []byte) (v any, err error) {
	if !hasLarge(b) || !json.Valid(b) {
		err = json.Unmarshal(b, &v)
		return v, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return exact(v)
}

// hasLarge tells whether there may be a large number.
func hasLarge(b []byte) bool {
	run := 0
	for _, c := range b {
		if run++; c < '0' || c > '9' {
			run = 0
		}
		if run >= largeDigits {
			return true
		}
	}
	return false
}

// exact gives numbers their type, in place.
func exact(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		return number(string(v))
	case map[string]any:
		for key := range v {
			if v[key], err = exact(v[key]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = exact(v[i]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func number(text string) (any, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && (n > maxExact || n < -maxExact) {
		return n, nil
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n > maxExact {
		return n, nil
	}
	return strconv.ParseFloat(text, 64)
}

// marshal writes a value of CEL as JSON, with sorted keys.
func marshal(v ref.Val) ([]byte, error) {
	plain, err := plain(v)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

// plain is a value of CEL as encoding/json writes it.
func plain(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool, types.Int, types.Uint, types.Double, types.String, types.Bytes:
		return v.Value(), nil
	case traits.Mapper:
		return plainMap(v)
	case traits.Lister:
		list := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			item, err := plain(it.Next())
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		return list, nil
	}
	native, err := v.ConvertToNative(jsonValue)
	if err != nil {
		return nil, err
	}
	value, ok := native.(*structpb.Value)
	if !ok {
		return nil, fmt.Errorf("a %s is no JSON", v.Type().TypeName())
	}
	return value.AsInterface(), nil
}

// plainMap spells keys that are no texts.
func plainMap(m traits.Mapper) (any, error) {
	out := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.ConvertToType(types.StringType).(types.String)
		if !ok {
			return nil, fmt.Errorf("a %s is no key in JSON", key.Type().TypeName())
		}
		value, err := plain(m.Get(key))
		if err != nil {
			return nil, err
		}
		out[string(name)] = value
	}
	return out, nil
}

var jsonValue = reflect.TypeFor[*structpb.Value]()

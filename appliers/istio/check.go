package istio

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/sluice-dev/sluice/engine/manifest"
)

// UnfitError says that an object is not what Istio's types describe.
type UnfitError struct{ Text string }

// Error is the sentence.
func (e *UnfitError) Error() string { return e.Text }

// Terminal reports that another try is of no use.
func (e *UnfitError) Terminal() bool { return true }

func known(id manifest.ID) error {
	if !slices.Contains(Kinds(), id.KindOf()) {
		return &UnfitError{fmt.Sprintf("%s in %s is none of the kinds of Istio that are written: use %s", id.Kind, id.APIVersion, APIVersion)}
	}
	return nil
}

// check decodes an object into Istio's types; an unknown field is an error.
func check(id manifest.ID, body []byte) error {
	if err := known(id); err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return &UnfitError{fmt.Sprintf("it is no JSON object: %v", err)}
	}
	for key := range object {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec"}, key) {
			return &UnfitError{fmt.Sprintf("%s: a %s has no such field", key, id.Kind)}
		}
	}
	if len(object["spec"]) == 0 {
		return nil
	}
	var spec proto.Message = &networking.VirtualService{}
	if id.Kind == "Gateway" {
		spec = &networking.Gateway{}
	}
	if err := protojson.Unmarshal(object["spec"], spec); err != nil {
		return &UnfitError{"spec is not what Istio knows: " + reason(err)}
	}
	return nil
}

// reason is what protojson says, without its prefix.
func reason(err error) string {
	text := strings.ReplaceAll(err.Error(), "\u00a0", " ") // protojson varies its blanks on purpose
	return strings.TrimPrefix(text, "proto: ")
}

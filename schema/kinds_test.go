package schema

import (
	"testing"
)

func table() Kinds {
	return NewKinds([]Kind{
		{APIVersion: "g.example.com/v1", Kind: "Service"},
		{APIVersion: "g.example.com/v1alpha1", Kind: "Service"},
		{APIVersion: "g.example.com/v1", Kind: "Route"},
		{APIVersion: "v1", Kind: "ConfigMap", Foreign: true},
		{APIVersion: Any, Kind: Any, Foreign: true},
	})
}

func TestKinds_FindSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name, apiVersion, kind string
		want                   Miss
	}{
		{"a kind that is there", "g.example.com/v1", "Service", Miss{}},
		{"another version", "g.example.com/v2", "Service", Miss{"apiVersion", "g.example.com/v2 is not read for kind Service: write g.example.com/v1 or g.example.com/v1alpha1", true}},
		{"a kind of our group that is not there", "g.example.com/v1", "Servcie", Miss{"kind", "there is no kind Servcie in g.example.com (did you mean Service?): it has Service, Route", false}},
		{"a group misspelt", "g.example.co/v1", "Route", Miss{"apiVersion", "g.example.co/v1 is unknown for kind Route: did you mean g.example.com/v1?", false}},
		{"somebody else's", "apps/v1", "Deployment", Miss{}},
		{"a foreign group holds more than is listed", "v1", "Pod", Miss{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, miss := table().Find(c.apiVersion, c.kind); miss != c.want {
				t.Errorf("got %+v, want %+v", miss, c.want)
			}
		})
	}
}

func TestKinds_WithoutAFallbackOthersAreRefused(t *testing.T) {
	_, miss := NewKinds(nil).Find("apps/v1", "Deployment")
	if want := (Miss{"kind", "kind Deployment of apps/v1 is not one that is read", false}); miss != want {
		t.Errorf("got %+v, want %+v", miss, want)
	}
}

func TestNearest_FindsWhatWasMeant(t *testing.T) {
	known := []string{"containers", "image", "env", "envFrom", "args", "name"}
	for word, want := range map[string]string{
		"Containers": "containers", "container": "containers", "contianers": "containers", "imagee": "image", "imgae": "image",
		"enV": "env", "arg": "args", "xyz": "", "image": "", "volumes": "", "": "",
	} {
		if got, _ := Nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

func TestProblem_AFileNameCannotForgeALine(t *testing.T) {
	p := Problem{File: "a\nb.yaml: all is well", Line: 1, Column: 2, Path: "spec", Text: "no"}
	if got, want := p.String(), `"a\nb.yaml: all is well":1:2: spec: no`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

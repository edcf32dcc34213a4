package strict

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-dev/sluice/schema"
)

// sample has a field of every sort.
type sample struct {
	metav1.ObjectMeta `json:"metadata"`
	inline            `json:",inline"`
	Text              string                `json:"text,omitempty"`
	Small             int32                 `json:"small,omitempty"`
	Count             *uint16               `json:"count,omitempty"`
	Share             float64               `json:"share,omitempty"`
	On                bool                  `json:"on,omitempty"`
	Bytes             []byte                `json:"bytes,omitempty"`
	List              []string              `json:"list,omitempty"`
	Labels            map[string]string     `json:"labels,omitempty"`
	Memory            *resource.Quantity    `json:"memory,omitempty"`
	Port              intstr.IntOrString    `json:"port,omitempty"`
	Every             metav1.Duration       `json:"every,omitempty"`
	At                *metav1.Time          `json:"at,omitempty"`
	Deep              struct{ Deeper deep } `json:"deep,omitempty"`
	Anything          any                   `json:"anything,omitempty"`
	Pod               corev1.PodSpec        `json:"pod,omitempty"`
}

type inline struct {
	Inner string `json:"inner,omitempty"`
}

type deep struct {
	Bottom string `json:"bottom"`
}

func problems(t *testing.T, json string, decode func(schema.Document, any) []schema.Problem) string {
	t.Helper()
	var lines []string
	for _, p := range decode(schema.Document{File: "a", JSON: []byte(json)}, new(sample)) {
		lines = append(lines, p.Path+": "+p.Text)
	}
	return strings.Join(lines, "\n")
}

func TestDecode_EveryTypeSaysWhatItWants(t *testing.T) {
	for _, c := range []struct{ name, json, want string }{
		{"all is well", `{"metadata":{"name":"a"},"inner":"b","text":"c","small":-1,"count":2,"share":0.5,"on":true,"bytes":"YQ==","list":["a"],"labels":{"a":"b"},"memory":"64Mi","port":"http","every":"1s","at":"2026-01-31T00:00:00Z","anything":{"x":[1]},"pod":{"containers":[]}}`, ""},
		{"nothing is well too", `{"text":null,"list":null,"deep":null,"memory":null}`, ""},
		{"a quantity may be a number", `{"memory":1}`, ""},
		{"a port may be a number", `{"port":80}`, ""},
		{"text", `{"text":80}`, `text: want a string, got the number 80: put it in quotes`},
		{"text from a boolean", `{"text":true}`, `text: want a string, got the boolean true (YAML reads yes, no, on and off as booleans too): put it in quotes`},
		{"integer", `{"small":"80"}`, `small: want an integer, got the string "80": write 80 without quotes`},
		{"integer from prose", `{"small":"many"}`, `small: want an integer, got the string "many"`},
		{"fraction", `{"small":1.5}`, `small: want an integer of 32 bits, got 1.5`},
		{"too large", `{"small":3000000000}`, `small: want an integer of 32 bits, got 3000000000`},
		{"below zero", `{"count":-1}`, `count: want an integer of 16 bits, got -1`},
		{"number", `{"share":"0.5"}`, `share: want a number, got the string "0.5": write 0.5 without quotes`},
		{"boolean", `{"on":"true"}`, `on: want true or false, got the string "true": write true without quotes`},
		{"bytes", `{"bytes":"a b"}`, `bytes: want base64 text; for plain text use stringData`},
		{"list", `{"list":"a"}`, "list: want a list (each item on a line that begins with `- `), got the string \"a\""},
		{"item", `{"list":["a",1]}`, `list[1]: want a string, got the number 1: put it in quotes`},
		{"map", `{"labels":["a"]}`, `labels: want a map, got a list`},
		{"value of a map", `{"labels":{"a.b/c":1}}`, `labels[a.b/c]: want a string, got the number 1: put it in quotes`},
		{"structure", `{"deep":"x"}`, `deep: want a map of fields, got the string "x"`},
		{"quantity", `{"memory":"64 megs"}`, `memory: want a quantity such as "100m", "0.5" or "64Mi", got the string "64 megs"`},
		{"port", `{"port":[]}`, `port: want an integer or a string, got a list`},
		{"duration", `{"every":10}`, `every: want a duration such as "30s", got the number 10`},
		{"time", `{"at":"yesterday"}`, `at: want a time such as "2026-01-31T15:04:05Z", got the string "yesterday"`},
		{"a slip of the pen", `{"txet":"a"}`, `txet: unknown field: did you mean text?`},
		{"wrong case", `{"Text":"a"}`, `Text: unknown field: did you mean text?`},
		{"an inline field", `{"iner":"a"}`, `iner: unknown field: did you mean inner?`},
		{"a field of another place", `{"containers":[]}`, `containers: unknown field: did you mean pod.containers?`},
		{"nothing like it", `{"zzzzzz":1}`, `zzzzzz: unknown field`},
		{"all of them", `{"small":"a","text":1,"pod":{"containers":[{"imagee":"a","ports":[{"containerPort":"x"}]}]}}`,
			"pod.containers[0].imagee: unknown field: did you mean image?\n" +
				"pod.containers[0].ports[0].containerPort: want an integer, got the string \"x\"\n" +
				"small: want an integer, got the string \"a\"\n" +
				"text: want a string, got the number 1: put it in quotes"},
		{"not a map at all", `[1]`, `: want a map of fields, got a list`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, problems(t, c.json, Decode)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDecode_NoTextRepeatsASecret(t *testing.T) {
	const secret = "4242"
	everywhere := `{"text":` + secret + `,"small":"` + secret + `x","list":[` + secret + `],"every":` + secret + `}`
	if got := problems(t, everywhere, DecodeSecret); strings.Contains(got, secret) || got == "" {
		t.Errorf("the problems of a secret document repeat it:\n%s", got)
	}
	env := `{"pod":{"containers":[{"env":[{"name":"A","value":` + secret + `}],"args":[` + secret + `],"command":[` + secret + `]}]}}`
	if got := problems(t, env, Decode); strings.Contains(got, secret) || strings.Count(got, "\n") != 2 {
		t.Errorf("the problems of an environment repeat it:\n%s", got)
	}
}

func TestDecode_AHopelessDocumentIsNotToldForEver(t *testing.T) {
	if got := problems(t, `{"list":[`+strings.Repeat("1,", 10_000)+`1]}`, Decode); strings.Count(got, "\n") != maxProblems-1 {
		t.Errorf("got %d problems, want %d", strings.Count(got, "\n")+1, maxProblems)
	}
}

func TestDecode_FillsTheValue(t *testing.T) {
	var got sample
	if problems := Decode(schema.Document{JSON: []byte(`{"inner":"a","every":"90s","memory":"1024Mi"}`)}, &got); len(problems) > 0 {
		t.Fatal(problems)
	}
	if got.Inner != "a" || got.Every.Duration != 90*time.Second || got.Memory.String() != "1Gi" {
		t.Errorf("got %+v", got)
	}
}

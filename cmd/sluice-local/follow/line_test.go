package follow

import (
	"strings"
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	stamp := at.Local().Format(time.TimeOnly)
	tests := []struct{ name, in, want string }{
		{"an info line is message and pairs, in order", `{"time":"2030-01-02T03:04:05Z","level":"INFO","msg":"sync succeeded","commit":"0123456789abcdef","applied":2}`, stamp + " sync succeeded commit=0123456 applied=2"},
		{"an error says so", `{"time":"2030-01-02T03:04:05Z","level":"ERROR","msg":"sync failed","error":"no such host"}`, stamp + ` ERROR sync failed error="no such host"`},
		{"debug is left out", `{"time":"2030-01-02T03:04:05Z","level":"DEBUG","msg":"x"}`, ""},
		{"groups stay JSON", `{"time":"2030-01-02T03:04:05Z","level":"INFO","msg":"x","g":{"a":1}}`, stamp + ` x g="{\"a\":1}"`},
		{"what is no JSON stays as it is", "panic: oh no\n", "panic: oh no"},
		{"half a line stays as it is", `{"time":"2030`, `{"time":"2030`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := line([]byte(tt.in)); got != tt.want {
				t.Errorf("line = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLine_LongValuesAreCut(t *testing.T) {
	got := line([]byte(`{"msg":"x","error":"` + strings.Repeat("a", 1000) + `"}`))
	if len(got) > 200 || !strings.HasSuffix(got, "...") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"msg":"x"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got := line(raw); len(got) > len(raw)*8+100 {
			t.Errorf("%d bytes became %d", len(raw), len(got))
		}
	})
}

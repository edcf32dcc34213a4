package filter

import (
	"testing"

	"github.com/sluice-dev/sluice/schema/contract"
)

func BenchmarkMatch(b *testing.B) {
	exact := contract.Filter{Exact: attrs{"id": "7"}}
	thousand, alternating := make([]contract.Filter, 1000), make([]contract.Filter, 1000)
	for i := range thousand {
		thousand[i] = exact
		alternating[i] = contract.Filter{Not: &contract.Filter{Prefix: attrs{"source": "/other"}}}
	}
	for _, row := range []struct {
		name   string
		filter contract.Filter
	}{
		{"exact id", exact},
		{"exact extension", contract.Filter{Exact: attrs{"region": "eu"}}},
		{"exact all attributes", contract.Filter{Exact: attrs{"id": "7", "source": "/shop/eu", "type": "order.created", "subject": "o-7", "time": "2026-01-02T03:04:05Z"}}},
		{"prefix", contract.Filter{Prefix: attrs{"source": "/shop"}}},
		{"suffix", contract.Filter{Suffix: attrs{"type": ".created"}}},
		{"not", contract.Filter{Not: &contract.Filter{Exact: attrs{"id": "8"}}}},
		{"all 1000 exact", contract.Filter{All: thousand}},
		{"all 1000 not prefix", contract.Filter{All: alternating}},
		{"cesql", contract.Filter{CESQL: "source LIKE '%eu' AND EXISTS region"}},
		{"cel attributes", contract.Filter{CEL: "event.type == 'order.created'"}},
		{"cel payload", contract.Filter{CEL: "data.total > 100"}},
	} {
		b.Run(row.name, func(b *testing.B) {
			f, err := Compile(&row.filter)
			if err != nil {
				b.Fatal(err)
			}
			e := order()
			var in Input // one for all, as a dispatcher has it
			b.ReportAllocs()
			for b.Loop() {
				in = Input{Event: e}
				if ok, err := f.Match(&in); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

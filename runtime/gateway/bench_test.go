package gateway

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	networking "istio.io/api/networking/v1"
	istio "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func thousand() *Table {
	table := NewTable(nil)
	for i := range 1000 {
		table.SetRoute(engineRoute(i, 90))
	}
	return table
}

func engineRoute(i int, weight int32) *istio.VirtualService {
	n := fmt.Sprintf("svc-%d", i)
	hosts := []string{n + ".default.localhost", "v1-" + n + ".default.localhost", n + ".default.svc.cluster.local", n + ".default.svc", n + ".default"}
	vs := virtualService(n, hosts, route([]*networking.HTTPMatchRequest{{Authority: exact(hosts[1])}}, dest(n+"-1", 0)), route(nil, dest(n+"-1", weight), dest(n+"-2", 100-weight)))
	vs.CreationTimestamp = metav1.Time{Time: time.Unix(int64(i), 0)}
	return vs
}

func BenchmarkTableUpdate1000(b *testing.B) {
	b.Run("weights", func(b *testing.B) {
		table := thousand()
		one, two := engineRoute(500, 10), engineRoute(500, 20)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%2 == 0 {
				one, two = two, one
			}
			table.SetRoute(one)
		}
	})
	b.Run("come and go", func(b *testing.B) {
		table := thousand()
		vs := engineRoute(1001, 10)
		b.ReportAllocs()
		for b.Loop() {
			table.SetRoute(vs)
			table.DeleteRoute("default", vs.Name)
		}
	})
}

func BenchmarkWeightedPick(b *testing.B) {
	rs, _ := compile(engineRoute(1, 50))
	ru := &rs.list[1]
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if ru.pick() == nil {
				b.Fail()
			}
		}
	})
}

func BenchmarkRoute1000(b *testing.B) {
	h, err := New(Config{Table: thousand(), Next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	if err != nil {
		b.Fatal(err)
	}
	r := get("svc-500.default.localhost:8080", "/")
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}

package channel

import (
	"testing"

	"github.com/sluice-dev/sluice/schema/contract"
)

func TestAbsent_SaysWhatThereIs(t *testing.T) {
	ref := func(ns, name string) contract.Ref { return contract.Ref{Namespace: ns, Name: name} }
	var many []contract.Ref
	for _, name := range []string{"j", "i", "h", "g", "f", "e", "d", "c", "b", "a"} {
		many = append(many, ref("shop", name))
	}
	for _, c := range []struct {
		all  []contract.Ref
		want string
	}{
		{nil, "there is no channel shop/till, and no other in the namespace shop"},
		{[]contract.Ref{ref("other", "till")}, "there is no channel shop/till, and no other in the namespace shop"},
		{[]contract.Ref{ref("shop", "orders"), ref("shop", "bills")}, "there is no channel shop/till; there are bills, orders"},
		{[]contract.Ref{ref("shop", "orders"), ref("shop", "till-broker")}, "there is no channel shop/till: the channel of that Broker is shop/till-broker"},
		{many, "there is no channel shop/till; there are a, b, c, d, e, f, g, h and 2 more"},
	} {
		if got := absent("channel", ref("shop", "till"), c.all).Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

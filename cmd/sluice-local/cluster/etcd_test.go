package cluster

import (
	"net/url"
	"testing"
)

func TestEtcdConfig_SyncsUnlessTheUserWantsItOtherwise(t *testing.T) {
	socket := url.URL{Scheme: "unix", Path: "/etcd.sock"}
	for _, no := range []bool{false, true} {
		cfg := etcdConfig(Config{Dir: "/data", NoSync: no}, socket)
		if cfg.UnsafeNoFsync != no || cfg.Dir != "/data/etcd" || cfg.ListenPeerUrls != nil {
			t.Errorf("NoSync %v: %v, in %s, peers at %v", no, cfg.UnsafeNoFsync, cfg.Dir, cfg.ListenPeerUrls)
		}
	}
}

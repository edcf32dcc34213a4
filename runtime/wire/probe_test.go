package wire

import (
	"io"
	"net"
	"testing"
	"time"
)

// pair is the two ends of a connection.
func pair(t testing.TB) (ours, theirs net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if ours, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return ours, theirs
}

func TestProbe_OnlyAnOpenSilentConnectionIsOfUse(t *testing.T) {
	for name, then := range map[string]func(net.Conn) error{
		"closed": net.Conn.Close,
		"words":  func(c net.Conn) error { _, err := io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\n"); return err },
	} {
		ours, theirs := pair(t)
		p := NewProbe(ours)
		for range 2 {
			if !p.Silent() {
				t.Error(name, ": it was silent")
			}
		}
		if err := then(theirs); err != nil {
			t.Fatal(err)
		}
		for late := time.Now().Add(10 * time.Second); p.Silent(); { // nothing tells when it has arrived
			if time.Now().After(late) {
				t.Fatal(name, ": not noticed")
			}
		}
	}
}

func TestProbe_WhatHasNoDescriptorIsTakenForSilent(t *testing.T) {
	ours, theirs := net.Pipe()
	_ = theirs.Close()
	if !NewProbe(ours).Silent() {
		t.Error("it cannot be known")
	}
}

func BenchmarkProbe(b *testing.B) {
	ours, _ := pair(b)
	p := NewProbe(ours)
	b.ReportAllocs()
	for b.Loop() {
		if !p.Silent() {
			b.Fatal("it is silent")
		}
	}
}

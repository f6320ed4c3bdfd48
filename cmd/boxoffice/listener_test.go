package main

import (
	"errors"
	"net"
	"testing"
)

// Connections that nobody has accepted when the listener stops are served, and then there are
// no more.
func TestStoppedListenerServesWhoIsThere(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &drainable{Listener: inner}
	const clients = 8
	for range clients {
		connection, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = connection.Close() }()
		if _, err := connection.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	first, err := d.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Close()
	d.stop()
	for i := range clients - 1 {
		connection, err := d.Accept()
		if err != nil {
			t.Fatalf("client %d: %v", i+1, err)
		}
		if n, err := connection.Read(make([]byte, 1)); n != 1 {
			t.Errorf("client %d: %v", i+1, err)
		}
		_ = connection.Close()
	}
	if _, err := d.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("then %v", err)
	}
	if late, err := net.Dial("tcp", inner.Addr().String()); err == nil {
		_ = late.Close()
		t.Error("a connection was made after the listener had stopped")
	}
}

// An error of a listener that was not stopped is not hidden.
func TestListenerFails(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = inner.Close()
	if _, err := (&drainable{Listener: inner}).Accept(); err == nil {
		t.Error("a connection was accepted")
	}
}

package main

import (
	"net"
	"sync"
)

// drainable is a listener that can stop without resetting connections that clients have made
// and nobody has accepted yet.
type drainable struct {
	net.Listener
	mutex   sync.Mutex
	stopped bool
	last    []net.Conn // accepted while it stopped
}

// Accept returns the next connection; after stop, those that were left, and then
// net.ErrClosed.
func (d *drainable) Accept() (net.Conn, error) {
	connection, err := d.Listener.Accept()
	if err == nil {
		return connection, nil
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if !d.stopped {
		return nil, err
	}
	if len(d.last) == 0 {
		return nil, net.ErrClosed
	}
	connection, d.last = d.last[0], d.last[1:]
	return connection, nil
}

// stop refuses further connections.
func (d *drainable) stop() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.stopped = true
	d.last = acceptLast(d.Listener)
	_ = d.Listener.Close()
}

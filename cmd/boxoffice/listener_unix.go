//go:build unix

package main

import (
	"net"
	"os"
	"syscall"
)

// acceptLast accepts what is in the kernel's queue, and ends that at once. Closing the
// listener would leave the queue open until Go has woken whoever waits for a connection, and
// reset what came meanwhile.
func acceptLast(listener net.Listener) (last []net.Conn) {
	socket, ok := listener.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil
	}
	var accepted []int
	_ = raw.Control(func(fd uintptr) { // no error: the listener is open
		for {
			one, _, err := syscall.Accept(int(fd))
			if err != nil {
				break
			}
			accepted = append(accepted, one)
		}
		_ = syscall.Shutdown(int(fd), syscall.SHUT_RD)
	})
	for _, fd := range accepted {
		file := os.NewFile(uintptr(fd), "accepted")
		connection, err := net.FileConn(file) // has a descriptor of its own
		_ = file.Close()
		if err == nil {
			last = append(last, connection)
		}
	}
	return last
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// keptAlive is a client that posts over one connection for as long as that is not said to be
// closed, and then over a new one, until it gets none.
type keptAlive struct {
	address  string
	draining *atomic.Bool

	requests atomic.Int64
	untold   atomic.Int64 // answers to requests sent while draining that do not say close
	cut      atomic.Int64 // requests without an answer
}

func (k *keptAlive) run(tick <-chan time.Time) {
	for {
		connection, err := net.Dial("tcp", k.address)
		if err != nil {
			return
		}
		alive := k.post(connection, tick)
		_ = connection.Close()
		if !alive {
			return
		}
	}
}

// post sends requests until one is the last of its connection. It reports whether that was
// answered.
func (k *keptAlive) post(connection net.Conn, tick <-chan time.Time) bool {
	reader := bufio.NewReader(connection)
	for range tick {
		draining := k.draining.Load()
		last, err := exchange(connection, reader)
		switch {
		case err != nil:
			k.cut.Add(1)
			return false
		case last:
			return true
		case draining:
			k.untold.Add(1)
		}
		k.requests.Add(1)
	}
	return false
}

// exchange sends one request and reads its answer, which may be the last of the connection.
func exchange(connection io.Writer, reader *bufio.Reader) (last bool, err error) {
	const body = `{"eventId":1,"userId":7}`
	_, err = fmt.Fprintf(connection, "POST /book HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if err != nil {
		return false, err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return false, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.Close, errors.Join(err, response.Body.Close())
}

// Clients that keep their connections alive are told before these are closed, whether or not
// there is a delay.
func TestDrainCutsNobody(t *testing.T) {
	for _, delay := range []string{"0s", "400ms"} {
		t.Run(delay, func(t *testing.T) {
			t.Setenv("DRAIN_DELAY", delay)
			t.Setenv("LOG_LEVEL", "info")
			t.Setenv("ACCESS_LOG", "false")
			p := start(t)
			p.post("/initialize", `{"name":"x","totalTickets":1}`)
			var draining atomic.Bool
			var posting sync.WaitGroup
			clients := make([]*keptAlive, 64)
			for i := range clients {
				k := &keptAlive{address: strings.TrimPrefix(p.url, "http://"), draining: &draining}
				clients[i] = k
				posting.Go(func() {
					tick := time.NewTicker(50 * time.Millisecond)
					defer tick.Stop()
					k.run(tick.C)
				})
			}
			sent := func() (all int64) {
				for _, k := range clients {
					all += min(2, k.requests.Load())
				}
				return all
			}
			eventually(t, "every client posts", func() bool { return sent() == int64(2*len(clients)) })
			p.stop()
			waitFor(t, p.log, "draining")
			draining.Store(true)
			if err := <-p.ended; err != nil {
				t.Error(err)
			}
			posting.Wait()
			var cut, untold int64
			for _, k := range clients {
				cut += k.cut.Load()
				untold += k.untold.Load()
			}
			if cut > 0 || untold > 0 {
				t.Errorf("%d of %d clients were cut on a request, %d answers did not say close", cut, len(clients), untold)
			}
		})
	}
}

// eventually waits for something to become true.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("it did not come to pass that " + what)
		}
		<-tick.C
	}
}

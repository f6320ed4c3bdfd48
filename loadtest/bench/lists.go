package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"boxoffice/loadtest/load"
	"boxoffice/store"
)

const (
	listed      = 100_000 // bookings of the event that is listed
	pagers      = 16      // clients that page through it, each as fast as it is answered
	listRate    = 500     // bookings a second of another event meanwhile
	fewestPages = 10      // fewer in a measurement would say nothing
)

// lists measures what clients that page through a big event do to the bookings of another.
func (b *bench) lists(ctx context.Context) error {
	s, err := startService(ctx, "everysec")
	if err != nil {
		return err
	}
	defer s.stop()
	opened, err := store.Open(ctx, store.Config{Addrs: []string{s.redis.Addr}})
	if err != nil {
		return err
	}
	r := &rig{Store: opened}
	event, _, err := r.event(ctx, listed)
	if err == nil {
		_, err = r.fill(ctx, event, listed*b.million/full.million)
	}
	_ = opened.Close()
	if err != nil {
		return err
	}
	span := load.Span{Rate: listRate, Duration: b.span}
	alone := func() (float64, error) {
		measured, err := s.measure(ctx, busyConnections, span)
		if err != nil {
			return 0, err
		}
		return load.PercentilesOf(measured.Response).P99, nil
	}
	var pages atomic.Int64
	medians, err := rounds(b.rounds, alone, func() (float64, error) {
		pages.Store(0)
		stop := page(ctx, s.process.url+"/api/events/"+event.UUID()+"/bookings?limit=500", &pages)
		p99, err := alone()
		stop()
		if read := pages.Load(); err == nil && read < fewestPages {
			err = fmt.Errorf("only %d pages were read", read)
		}
		return p99, err
	})
	if err != nil {
		return err
	}
	b.add(figure{
		"booking p99 while others page through a big event / alone", medians[1] / medians[0], "x", 10, false,
		fmt.Sprintf("%d clients, 500 a page, last run %d pages; %.1f ms at %d/s, alone %.1f ms",
			pagers, pages.Load(), medians[1], listRate, medians[0]),
	})
	return nil
}

// page lets clients page through a list, again and again, until stop is called. They do not
// read more of a page than its cursor: the processors are those of the service.
func page(ctx context.Context, list string, pages *atomic.Int64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: pagers}}
	var paging sync.WaitGroup
	for range pagers {
		paging.Go(func() {
			for cursor := ""; ctx.Err() == nil; {
				next, err := nextPage(ctx, client, list+cursor)
				if err != nil {
					continue // no page is counted
				}
				pages.Add(1)
				cursor = next
			}
		})
	}
	return func() {
		cancel()
		paging.Wait()
		client.CloseIdleConnections()
	}
}

// nextPage reads a page, and returns the parameter that asks for the next; empty after the last.
func nextPage(ctx context.Context, client *http.Client, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("a page was answered with %s: %w", response.Status, err)
	}
	_, after, found := bytes.Cut(body, []byte(`"nextCursor":"`))
	if !found {
		return "", nil
	}
	cursor, _, _ := bytes.Cut(after, []byte(`"`))
	return "&cursor=" + string(cursor), nil
}

package main

import (
	"context"
	"testing"

	"boxoffice/loadtest/faults/history"
	"boxoffice/store"
)

// A request goes to another instance each time it is repeated, so that no connection that
// made a change is asked about it again; a new one goes to the first.
func TestRepetitionsGoElsewhere(t *testing.T) {
	const count = 3
	all, err := openInstances(context.Background(), store.Config{}, count)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all.close() })
	request := history.Call{Verb: history.Book, User: "ann", Key: "1"}
	other := request
	other.Key = "2"
	for attempt := range count + 1 {
		if got := all.next(request); got != all.stores[attempt%count] {
			t.Errorf("attempt %d goes to the wrong instance", attempt)
		}
	}
	if got := all.next(other); got != all.stores[0] {
		t.Error("a new request does not go to the first instance")
	}
}

package store_test

import (
	"errors"
	"testing"

	"boxoffice/store"
)

func TestClosedStore(t *testing.T) {
	s, err := store.Open(ctx, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	// No deadline: it must not be taken for an outage that may pass.
	if _, err := s.Book(ctx, store.BookRequest{Event: store.EventNumber(1), User: "a", Quantity: 1}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("booked on a closed store: %v", err)
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"

	"github.com/gorilla/mux"
)

// serveLimit serves the limit of HTTP (L1): the same router decodes the same body,
// the answer has the same JSON, and nothing is called in between.
func serveLimit(ctx context.Context) error {
	router := mux.NewRouter()
	router.HandleFunc("/api/events/book", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			EventID string `json:"eventId"`
			UserID  string `json:"userId"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(struct {
			Message   string `json:"message"`
			BookingID string `json:"bookingId"`
			Status    string `json:"status"`
			Quantity  int64  `json:"quantity"`
			Version   int64  `json:"version"`
		}{"Ticket successfully booked", body.EventID, "Confirmed", 1, 1234567})
	}).Methods(http.MethodPost)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	return http.Serve(listener, router) //nolint:gosec // on loopback, for the benchmark
}

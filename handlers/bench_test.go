package handlers_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"boxoffice/handlers"
	"boxoffice/store"
)

// instantStore books at once.
type instantStore struct{ handlers.Store }

func (instantStore) Book(context.Context, store.BookRequest) (store.BookResult, error) {
	return store.BookResult{Booking: uuid.Max, Status: store.StatusConfirmed, Version: 1234567}, nil
}

// discard is a response that goes nowhere.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func benchmark(b *testing.B, handler http.Handler) {
	b.Helper()
	const body = `{"eventId":"00000000-0001-8850-bd94-5d60d3b0a36a","userId":"u1234567"}`
	reader := strings.NewReader(body)
	request := httptest.NewRequest(http.MethodPost, "/api/events/book", reader)
	request.Header.Set("Content-Type", "application/json")
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		request.Body = io.NopCloser(reader)
		delete(request.Header, "X-Request-Id")
		clear(w.header)
		handler.ServeHTTP(w, request)
	}
}

// BenchmarkBook is the cost of a booking in the handlers, without Redis.
func BenchmarkBook(b *testing.B) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	for _, c := range []struct {
		name      string
		accessLog bool
		metrics   *handlers.Metrics
	}{
		{"access log off", false, nil},
		{"metrics on", false, handlers.NewMetrics(prometheus.NewRegistry())},
		{"access log on", true, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmark(b, handlers.New(handlers.Options{
				Store: instantStore{}, Log: log, RequestTimeout: 5 * time.Second, AccessLog: c.accessLog, Metrics: c.metrics, OpenToAll: true,
			}))
		})
	}
}

// BenchmarkLimit is the least that this can cost: the router, the decoder and the encoder.
func BenchmarkLimit(b *testing.B) {
	router := mux.NewRouter()
	router.HandleFunc("/api/events/book", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			EventID string `json:"eventId"`
			UserID  string `json:"userId"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			b.Error(err)
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
	benchmark(b, router)
}

package handlers

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"boxoffice/store"
)

// reduceForm is strict, as any form of a PATCH: what it does not know would be left as it is.
var reduceForm = form{members: newForm("userId", "quantity").members, strict: true}

func parseReduce(r *http.Request) (store.ReduceRequest, error) {
	booking, err := parseBookingPath(r)
	if err != nil {
		return store.ReduceRequest{}, err
	}
	body, err := readBody(r)
	if err != nil {
		return store.ReduceRequest{}, err
	}
	owner, by, userErr := ownerField(r, body.get("userId"))
	quantity, quantityErr := int64(0), badInput("quantity is required: the tickets that the booking is to have")
	if value := body.get("quantity"); !missing(value) {
		quantity, quantityErr = quantityField(value)
	}
	return store.ReduceRequest{Booking: booking, User: owner, Quantity: quantity, By: by},
		joinProblems(userErr, quantityErr, reduceForm.check(body))
}

// ownerField reads whose booking it is. An organizer, whose key's name is by, may leave that out.
func ownerField(r *http.Request, userID gjson.Result) (owner, by string, err error) {
	if organizes(r) {
		by = keyName(r)
	}
	if !organizes(r) || !missing(userID) {
		owner, err = userField(userID)
	}
	return owner, by, err
}

// bookingReduced answers a reduction.
type bookingReduced struct {
	Message   string           `json:"message"`
	BookingID uuid.UUID        `json:"bookingId"`
	Quantity  int64            `json:"quantity"`
	Current   string           `json:"current"` // the status now
	Details   promotionDetails `json:"details"`
	Promoted  []promotionView  `json:"promoted"`
	Version   int64            `json:"version"`
}

func renderReduced(w http.ResponseWriter, request store.ReduceRequest, result store.ReduceResult) {
	writeJSON(w, http.StatusOK, bookingReduced{
		Message: "Booking reduced", BookingID: request.Booking, Quantity: request.Quantity,
		Current: eventStatusTexts[result.Current], Details: detailsOfPromotions(result.Promoted),
		Promoted: promotionsOf(result.Promoted), Version: result.Version,
	})
}

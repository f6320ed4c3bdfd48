package model

import (
	"slices"

	"boxoffice/scripts"
	"boxoffice/store"
)

// Tickets is an event's tickets and its waiting list: how many are available, and who
// gets the next ones. It knows no users and no versions, so that it can also follow a
// history that only the records of a service tell. Each of its methods but Serve costs
// the same however many bookings there are.
type Tickets struct {
	store.Settings
	Confirmed int64 // tickets
	Held      int64 // tickets of holds and offers
	Waiting   int64 // bookings

	Now store.Millis // the time; it never moves by itself

	// PromotionsDue is true from a change that leaves promotions to be made until a step of
	// promotions finds none left.
	PromotionsDue bool

	waitlist   []waiter // all who ever joined: sequence number n is at n - 1
	lastServed int64    // all sequence numbers up to this one were promoted or withdrew, and were passed
	head       int64    // all sequence numbers up to this one were promoted or withdrew
}

// waiter is a booking that joined the waiting list.
type waiter struct {
	quantity int64
	waits    bool
}

// Available returns the tickets that nobody has.
func (t *Tickets) Available() int64 { return t.TotalTickets - t.Confirmed - t.Held }

// serves reports whether the waiting list is served now.
func (t *Tickets) serves() bool { return Promotes(t.State) && (t.ClosesAt == 0 || t.Now < t.ClosesAt) }

// NewcomerStatus returns what a booking of so many tickets would be now: nobody
// overtakes, so it is confirmed only if nobody waits.
func (t *Tickets) NewcomerStatus(quantity int64) store.Status {
	if t.Waiting == 0 && quantity <= t.Available() {
		return store.StatusConfirmed
	}
	return store.StatusWaiting
}

// Confirm gives tickets to a newcomer.
func (t *Tickets) Confirm(quantity int64) { t.Confirmed += quantity }

// Release takes the tickets of a booking back.
func (t *Tickets) Release(quantity int64) { t.Confirmed -= quantity }

// Join puts a booking at the end of the waiting list and returns its sequence number: 1,
// 2, 3 and so on.
func (t *Tickets) Join(quantity int64) (sequence int64) {
	t.waitlist = append(t.waitlist, waiter{quantity, true})
	t.Waiting++
	return int64(len(t.waitlist))
}

// Withdraw takes a booking out of the waiting list.
func (t *Tickets) Withdraw(sequence int64) {
	if one := &t.waitlist[sequence-1]; one.waits {
		one.waits = false
		t.Waiting--
	}
}

// Shrink leaves a booking of the waiting list with fewer tickets to wait for, at its place.
func (t *Tickets) Shrink(sequence, quantity int64) { t.waitlist[sequence-1].quantity = quantity }

// Promote gives a booking of the waiting list its tickets, or offers them.
func (t *Tickets) Promote(sequence int64) {
	t.Withdraw(sequence)
	if quantity := t.waitlist[sequence-1].quantity; t.OfferSeconds > 0 {
		t.Held += quantity
	} else {
		t.Confirm(quantity)
	}
}

// Head returns the sequence number of who is next in the waiting list, or 0.
func (t *Tickets) Head() (sequence int64) {
	for t.head < int64(len(t.waitlist)) && !t.waitlist[t.head].waits {
		t.head++
	}
	if t.head == int64(len(t.waitlist)) {
		return 0
	}
	return t.head + 1
}

// HeadFits reports whether somebody waits whose whole quantity is available.
func (t *Tickets) HeadFits() bool {
	head := t.Head()
	return head != 0 && t.waitlist[head-1].quantity <= t.Available()
}

// Change changes settings. Whom that gives tickets is left to steps of promotions, which are
// due then.
func (t *Tickets) Change(settings store.Settings) {
	t.Settings = settings
	if Promotes(t.State) && t.Waiting > 0 && t.Available() > 0 {
		t.PromotionsDue = true
	}
}

// StepEnds reports whether a step of promotions ends after it looked at so many
// bookings, those who withdrew included: the rest is left to a further step.
func StepEnds(looked int64) bool { return looked >= scripts.LookLimit }

// Serve is one step of promotions: from the head of the waiting list on, strictly in
// order, while the whole quantity of the next one is available. It passes those who
// withdrew. passed counts the bookings that the caller has looked at already. Serve
// returns the sequence numbers that it promoted, and whether it ended before it found
// that there is nobody else to promote.
func (t *Tickets) Serve(passed int64) (promoted []int64, more bool) {
	looked, lastJoined := passed, int64(len(t.waitlist))
	for !StepEnds(looked) && t.lastServed+looked < lastJoined {
		next := t.waitlist[t.lastServed+looked]
		if next.waits {
			if !t.serves() || next.quantity > t.Available() {
				break
			}
			t.Promote(t.lastServed + looked + 1)
			promoted = append(promoted, t.lastServed+looked+1)
		}
		looked++
	}
	t.lastServed += looked
	return promoted, StepEnds(looked) && t.lastServed < lastJoined
}

func (t *Tickets) clone() Tickets {
	c := *t
	c.waitlist = slices.Clone(t.waitlist)
	return c
}

func (t *Tickets) equal(other *Tickets) bool {
	return t.Settings == other.Settings && t.Confirmed == other.Confirmed && t.Held == other.Held && t.Now == other.Now &&
		t.Waiting == other.Waiting &&
		t.PromotionsDue == other.PromotionsDue && t.lastServed == other.lastServed && slices.Equal(t.waitlist, other.waitlist)
}

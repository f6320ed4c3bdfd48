package handlers

// A service that takes more than it can do makes everybody wait, until nobody gets an
// answer in time. So the requests that the store works for are bounded, and one past
// the bound is refused at once. It is counted once it has been read: a client that
// sends slowly costs memory, not Redis, and must not keep others out.

// full tells whether a request that is yet to be read would be refused now.
func (a *API) full() bool {
	return a.MaxInFlight > 0 && a.inFlight.Load() >= int64(a.MaxInFlight)
}

// enter tells whether the store may be called for one more request; then leave has to
// be called after it.
func (a *API) enter() bool {
	if a.MaxInFlight <= 0 || a.inFlight.Add(1) <= int64(a.MaxInFlight) {
		return true
	}
	a.inFlight.Add(-1)
	return false
}

func (a *API) leave() {
	if a.MaxInFlight > 0 {
		a.inFlight.Add(-1)
	}
}

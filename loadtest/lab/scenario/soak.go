package scenario

import "time"

var soak = Scenario{
	Name:  "soak",
	About: "the mix of many-events for hours: new events each minute, each minute audited, the first breach ends it",
	New:   func(r *Run) Workload { return newMix(r, or(r.Events, 20)) },
	Round: time.Minute,
}

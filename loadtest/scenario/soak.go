package scenario

import "time"

var soak = Scenario{
	Name:  "soak",
	About: "the mix of many-events for hours: new events each minute, each minute audited, the first breach ends it",
	New:   func(s *Stage) Play { return newMix(s, or(s.Events, 20)) },
	Round: time.Minute,
}

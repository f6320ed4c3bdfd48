package scenario

var ramp = Scenario{
	Name:  "ramp",
	About: "the mix of many-events, faster step by step from -rate until the p99 passes -p99-limit: where is the knee?",
	New:   func(s *Stage) Play { return newMix(s, or(s.Events, 30)) },
	Ramp:  true,
}

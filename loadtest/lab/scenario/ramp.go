package scenario

var ramp = Scenario{
	Name:  "ramp",
	About: "the mix of many-events, faster step by step from -rate until the p99 passes -p99-limit: where is the knee?",
	New:   func(r *Run) Workload { return newMix(r, or(r.Events, 30)) },
	Ramp:  true,
}

package main

// rows is everything that the design promises in figures, in its order.
var rows = []row{
	{
		name: "gate", what: "Envelopes accepted by the gate (200 agencies, 8 outstanding, TLS; sealed beforehand)",
		target:  "5,000/s; 4 times plain single publishes",
		measure: measureGate,
	},
	{
		name: "latency", what: "Accept latency (10 agencies, 1 outstanding)", target: "p50 under 10 ms, p99 under 25 ms",
		measure: measureLatency,
	},
	{
		name: "return", what: "An agency returns to 100,000 waiting envelopes: all verified, opened, stored",
		target: "under 25 s, while others' p99 at most doubles", measure: measureReturn,
	},
}

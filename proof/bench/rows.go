package main

// rows is everything that the design promises in figures, in its order.
var rows = []row{
	{
		name: "gate", what: "Envelopes accepted by the gate (200 agencies, 8 outstanding, TLS; sealed beforehand)",
		target: "5,000/s; 4 times plain single publishes", measure: measureGate,
		limits: "is bound by the processor where the disk syncs fast: verifying the signature, the message server's copies of each message (in, to the gate, to the hub's batch, to the file), TLS.",
	},
	{
		name: "latency", what: "Accept latency (10 agencies, 1 outstanding)", target: "p50 under 10 ms, p99 under 25 ms", measure: measureLatency,
		limits: "is the four or so synced writes of an atomic batch.",
	},
	{
		name: "endtoend", what: "End to end at 100 a second: accepted at A to stored at B", target: "p50 under 12 ms, p99 under 60 ms", measure: measureEndToEnd,
		limits: "is the sum of three synced steps (frozen at A, committed at the broker, stored at B) and a hint.",
	},
	{
		name: "accept", what: "An agent accepts events", target: "5,000/s one at a time with 64 clients; 10,000/s in batches of 100", measure: measureAccept,
		limits: "shares the processors with the sealing and signing of what leaves meanwhile, and with the broker that takes it.",
	},
	{
		name: "return", what: "An agency returns to 100,000 waiting envelopes: all verified, opened, stored",
		target: "under 25 s, while others' p99 at most doubles", measure: measureReturn,
		limits: "is the processor: opening a seal and verifying two signatures take half of it, the store's transaction a third.",
	},
	{
		name: "revocation", what: "Revocation under the gate's load: call to return", target: "p99 under 60 ms", measure: measureRevocation,
		limits: "waits for the commit that is under way, then makes one of its own.",
	},
	{name: "suspension", what: "Suspension: call to connections closed", target: "under 1 s", measure: measureSuspension},
	{
		name: "refill", what: "Broker wiped, 50 agencies re-offer 10,000 envelopes each", target: "everything re-accepted under 120 s, nothing lost or doubled",
		missing: "the row is not written yet; proof/exchange shows that nothing is lost or doubled",
	},
	{
		name: "idle", what: "1,000 connected idle agencies on one broker", target: "under 400 MiB; stop under 2 s", measure: measureIdle,
		limits: "grows with the square of the agencies: every mailbox lists the news of every member.",
	},
	{
		name: "growth", what: "Cost of growth, and start of a big hub", target: "accept latency grows by less than 2 times; start with a million envelopes under 5 s", measure: measureGrowth,
		limits: "at the start is the reading of the whole hub, of which the gate makes its state anew.",
	},
	{name: "small", what: "One idle agent; the program", target: "under 64 MiB; under 45 MB", measure: measureIdleAgent},
	{name: "accounting", what: "One million disclosures: accounting of one client", target: "under 2 s", missing: "the accounting is not built yet"},
	{name: "ledger", what: "One million disclosures: full ledger verification offline", target: "under 30 s", missing: "the row is not written yet"},
}

// Package coordinator drives a run of the load generator: one coordinator, and workers
// that hold the clients (bench/virtualuser), each a process of its own, here or
// elsewhere.
//
// Run is the coordinator. It starts or dials the workers, has everybody
// connect, warms up, measures, stops posting, waits until nobody is behind, ends the
// workers, has the recorded histories checked, and gives the Result. While it
// measures, Options.During may do something to the target or the load: Ramp
// and Storms are such. Worker.Serve is the other side.
//
//	starting     the target is tried; workers, their clocks, their plans
//	connecting   all connections, at the scenario's pace
//	warming up   load that is not measured
//	measuring    whole seconds, by the coordinator's clock
//	settling     nobody posts; until everybody has everything
//	checking     workers end; histories against what the target has stored
//
// # The protocol
//
// A coordinator opens one TCP connection to each worker and keeps it for the run. A
// worker serves one at a time, and tells others so. First both greet, each in JSON, of
// at most 4,096 bytes:
//
//	worker       {version, nonce}           first of all; nonce is 16 random bytes (base64)
//	coordinator  {version, nonce, proof}    within 2 s
//	worker       {proof, machine}           or {refused}: a sentence, and it hangs up
//
// Version is 4 (1 to 3 had frames of their own). From then on the coordinator calls the
// worker's methods by JSON-RPC (net/rpc/jsonrpc), as "Worker.Now"; what a call that needs
// nothing is given, or answers, is {}; a call and an answer have 64 MiB at most. What comes at the wrong time is refused.
//
//	Now            its clock, Unix ns
//	Prepare        Plan: makes the clients of its share
//	Connect        answered when all of them are in their rooms
//	Begin          arrivals begin; Unix ns by the coordinator's clock
//	StopPosting    no more arrivals
//	Rate           posts a second, of this worker, from now on
//	Storm          cuts all connections
//	Heads          room → seq that its store has: what everybody is owed
//	Outages        those of its clients until now
//	Tick           the next second, when it is over: from Prepare on, each of them once
//	Recording      the next piece of its recording (bench/checker's form, base64); none is left behind an empty one
//	Stop           ends everything; answered with the bytes of the recording when they were taken
//
// In order: Now; Prepare, Connect, Begin; any of Rate, Storm, Outages; StopPosting; Heads;
// Outages; Stop. Now is called at any time, at least every 5 s; from Prepare on Tick and
// Recording are always under way. A worker that hears nothing for a minute, and a
// coordinator that hears nothing for 20 s, gives up. The types are in calls.go, the methods in workersession.go.
//
// # The key
//
// A worker makes load for whoever knows its key. A key never travels: with N the
// worker's nonce and M the coordinator's,
//
//	coordinator's proof = HMAC-SHA256(key, "tuitalk-bench coordinator" N M)
//	worker's proof      = HMAC-SHA256(key, "tuitalk-bench worker" N M)
//
// each of which the other side computes and compares in constant time. What
// follows is neither encrypted nor sealed: workers belong into one's own network.
// An empty key is a key that everybody knows, and is for loopback only. Workers
// that are started here are given a random one in their environment.
//
// # Clocks
//
// Latencies are from the author's intended time to each receiver, wherever that is.
// So every worker counts by the coordinator's clock: the coordinator asks 16
// times, one after the other, and of each answer knows that the worker's clock
// was read between question and answer. The quickest one counts: the offset is
// off by at most half its round trip, however the ways differ. The first such
// exchange sets the offset, later ones, every 5 s and at the end, tell how well it
// holds: the bound in Result.Clocks is the worst of |offset now - offset set| + half
// the round trip. Clocks are steady: they do not jump when somebody sets the time.
// A worker on the same running kernel (machine is its boot id) has the same clock:
// offset and bound are 0. A latency from one worker's author to another's receiver
// is off by at most the bounds of both, which Result.ClockError is about.
//
// # What is measured
//
// A sample holds for a second of the coordinator's clock. A worker that is late
// with one is waited for up to 3 s; after that it counts in the next second.
// Result.Whole has the counts of the measured seconds, and the latencies of what
// was posted in them, also of what arrived only while everybody settled: leaving
// out the slowest would be a lie.
//
// # Goroutines and locks
//
// Run's own; for each worker one that net/rpc reads with, one that asks for ticks, one
// that asks for the recording, and one that keeps asking for the time; one
// collector, which owns the merging; one that watches processes; one spawner with
// a thread of its own, as the kernel ends workers with the thread that started
// them; for each worker started here one that waits for its end. The first
// failure ends the run's context with its cause. A worker has one for each that has
// connected to it, which reads what it says, and for the one that it serves one
// for each call that is under way and one that samples. Coordinator.mu is held only to
// copy, and a clock's only to compute. A session's mu is held while its clients are made.
package coordinator

// Package coordinator drives a run of the load generator: one coordinator, and workers
// that hold the clients (bench/virtualuser), each a process of its own, here or
// elsewhere.
//
// Run is the coordinator. It starts or dials the workers, has everybody
// connect, warms up, measures, hushes, waits until nobody is behind, ends the
// workers, has the recorded histories checked, and gives the Result. While it
// measures, Options.Drive may do something to the target or the load: Ramp
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
// A coordinator opens one TCP connection to each worker and keeps it for the run.
// A worker serves one at a time, and tells others so. Either side sends frames:
//
//	length   4 bytes, big-endian: of what follows, 1 to 33,554,432
//	kind     1 byte
//	payload  JSON, but for 8; empty where nothing is named below
//
// Until both sides have proved that they know the key, a frame is no longer than
// 4,096 bytes, and a worker waits 2 s for the greeting. What a side does not know, or what comes at the wrong time, ends
// the conversation. Version is 3 (1 knew no trust, 2 fewer fields of a scenario); whoever
// sees another ends it.
//
// A worker says:
//
//	 1 hello      {version, nonce}               first of all; nonce is 16 random bytes (base64)
//	 2 welcome    {proof, machine, host, build, files}
//	 3 probed     {n, at}                        the answer to a probe: at is its clock, Unix ns
//	 4 ready                                     the clients of its plan are made
//	 5 connected                                 all of them are in their rooms
//	 6 tick       {sample, clients, messages}    each second from ready on: a measure.Sample, and
//	                                             how many clients are behind with how many messages
//	 7 outages    {outages, more}                the answer to ask, in parts of up to 1,000
//	 8 chunk      bytes                          the next piece of its recording (bench/checker's form)
//	 9 ended      {recorded, error}              all is ended and sent; recorded is the bytes of all chunks
//	10 failed     {text}                         one sentence; then it hangs up
//	11 told       {text}                         a line for people
//
// A coordinator says:
//
//	65 greet      {version, nonce, proof}
//	66 probe      {n}                            "what time is it?"
//	67 plan       {scenario, share, of, targets, trust, sources, offset, patience, record}
//	                                             this worker is share of of, from 0; client i belongs to
//	                                             share i mod of; offset and patience in ns; trust, of wss://
//	                                             targets, is {roots, insecure}: certificates of authorities
//	                                             besides the worker's own (PEM, base64), and whether any
//	                                             certificate is good
//	68 connect
//	69 begin      {at}                           arrivals begin; Unix ns by the coordinator's clock
//	70 hush                                      no more arrivals
//	71 rate       {per_second}                   of posts, of this worker, from now on
//	72 storm                                     cut all lines
//	73 heads      {heads}                        room → seq that its store has: what everybody is owed
//	74 ask                                       for outages
//	75 stop                                      end everything; answered by ended
//
// In order: hello, greet, welcome; probes; plan, ready; connect, connected; begin;
// any of rate, storm, ask; hush; heads; ask; stop, ended. Probes come at any time,
// at least every 5 s. Chunks come from ready to ended. A side that hears nothing
// for a minute (a coordinator of a worker that has ticked: 20 s) gives up.
//
// # The key
//
// A worker makes load for whoever knows its key. A key never travels: with N the
// worker's nonce and M the coordinator's,
//
//	greet.proof   = HMAC-SHA256(key, "tuitalk-bench coordinator" N M)
//	welcome.proof = HMAC-SHA256(key, "tuitalk-bench worker" N M)
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
// Run's own; for each worker a reader and one that keeps asking for the time; one
// collector, which owns the merging; one that watches processes; one spawner with
// a thread of its own, as the kernel ends workers with the thread that started
// them; for each worker started here one that waits for its end. The first
// failure ends the run's context with its cause. A worker has one for each that has
// connected to it, which reads what it says, and for the one that it serves one
// that connects clients and one that ticks. Coordinator.asking is held while workers are asked,
// and Coordinator.mu only to copy; neither is taken under the other. A link's comparing is
// held while its worker's clock is asked, and takes the clock's mu and the line's;
// a line's mu is held while a frame is written.
package coordinator

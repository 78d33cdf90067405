// Package attack does to a gateway what strangers may do, within bounds, while
// honest people chat, and tells what the strangers got, what the honest felt and
// what it cost.
//
//	List       the attacks, as data: who connects, how many, and what they do there
//	Step       what an attacker does with its connection; steps are put together
//	crowd      the attackers of one attack, and what they got
//	people     the honest: some who talk, and newcomers who join all the time
//	gauge      what the gateway's process uses
//	Run        one attack after the other: quiet, attack, afterwards
//
// # What is measured
//
// Honest people post when it is time to, whatever the gateway does, and a latency
// counts from then until the text is shown to another of them; newcomers come
// likewise, and count until they are in the room. What has not come to the end
// counts with the time for which it was waited, and as failed. So a gateway that
// stands still cannot look better than a slow one. A post or a join belongs to the
// phase in which it was due.
//
// Attackers and honest people dial from different addresses, since a gateway may
// hold the one against the other. All of this runs in one process beside the
// gateway: the attackers' own processor time is told (OwnCPU), and how much later
// than due honest posts were posted here (Late).
//
// # Bounds
//
// Every attack is bounded in connections, time and bytes (bounds.go), whatever its
// data says, and ends early when the gateway's memory has grown by maxGrowth. At its
// end, and when the context ends, all its connections are closed. A target that is
// not this machine's own is refused unless it was named twice (Own).
//
// # Goroutines
//
// One for each attacker's connection, and one more for those that read beside what
// they do: this is the side that may cost something, and is bounded. One for each
// honest person and newcomer, which owns its session; one that samples the gateway.
// Run starts and awaits all of them; nothing outlives it.
package attack

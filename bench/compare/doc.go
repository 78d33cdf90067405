// Package compare puts several servers under the same loads, one after the other
// and again (A B A B), so that whatever else the machine does hits them all, and
// makes tables of what it cost them.
//
// # A trial
//
// A target is tried once for each load and repetition. It is started anew,
// pinned to one processor with everything that it needs beside it (Redis), while
// this process, which is the generator, is pinned to another. All clients connect
// as fast as it goes: that is a measurement of its own. Then the rates of the load
// follow, rising, each with a time to settle in and a time that is measured. A
// trial for the idle clients opens connections and looks at the memory.
//
// # What a cell says
//
// Deliveries are counted at the receivers, latencies from the intended time of
// posting. The time on the processor is that of the server's processes, asked
// from the kernel at both ends of the measured time; the kernel charges sending
// through loopback, and the receiver's half of TCP with it, to the sender, for
// every target alike. A rate of which less than 95% arrived in the measured time,
// or during which more than 2.5% of it was added to what was under way, was not
// reached: the cell says what was. If the server's processor was not full and the
// generator was late or busy, the cell says that and nothing else. The load is
// never lowered.
//
// # What comes between
//
// A trial that fails (a server that does not start, lets nobody in, dies) is told
// of in its cells, and the others go on. When the context ends, or something
// happens that would spoil all further trials, there are none. In either case
// what was measured is kept, cells say "not measured" or in how many runs they
// were, and Comparison.Incomplete says why.
//
// # Why it is here
//
// The servers that are compared are in a module of their own (bench/peers). Who compares
// them is not: it is a command of tuitalk-bench, with its settings, reports and virtual
// users, of which those that speak as centrifuge's clients do are for every command
// (-speak centrifuge).
//
// # Goroutines
//
// None of its own; Run does one thing at a time.
package compare

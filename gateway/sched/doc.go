// Package sched is what the goroutines of a gateway have in common. It knows no connection,
// no room and no store.
//
//	Clock     the time, in steps, for who may not ask the system
//	Loops     every goroutine that others depend on. Each Loop tells when a piece of work
//	          begins and ends, when it wants to be at work again, and when it waits for
//	          the store or the bus (OutsideCall), so that who makes no progress although
//	          there is work can be named (Stuck)
//	Pool      workers for one class of tasks, which wait for the store or the bus. Networks
//	          take turns; what waits has a bound, a highest age, and somebody who is told
//	          when it is not done
//	Timers    short things that are done at their time, on one goroutine for all
//
// # Locks
//
// Loops.mu, Timers.mu and Pool.mu, each alone. Nobody is called under one of them, but who
// counts what a Pool refuses.
package sched

// Package chaos breaks a fleet while people talk in it, and has the history of
// what everybody sent, was told and saw checked.
//
// A Schedule injects faults one after the other into a fleet that is under the load of a
// coordinator's run (bench/coordinator), which may be of any size. The run is not sound
// unless every fault took hold and messages flowed throughout. Faults may also be
// commands for machines elsewhere.
//
// Each fault looks whether it took hold, by what the kernel and the servers say, and
// what it saw is written down as evidence. One that did not is marked so and mended,
// and the others follow.
//
// Most faults take nothing that was stored. The one that sets PostgreSQL back to an
// older copy does: it tells what (Fault.Took), which is recorded, so that the checker
// holds nobody to it; all else must be whole, rooms begin anew, and each gateway that
// has people raises its alarm. While a clock is wrong, entries may be dated wrongly up
// to a bound (Skew), and the gateways that see it must tell their operator.
//
// A Schedule has no goroutine of its own.
package chaos

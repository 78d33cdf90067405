// Package chaos breaks a fleet while people talk in it, and has the history of
// what everybody sent, was told and saw checked.
//
// A Run starts people (client.Session over real connections, through Nginx), lets
// them talk in many rooms, injects faults by a schedule, heals, waits until
// everybody has everything, and gives what was recorded to bench/checker. It is
// not sound unless every fault took hold and messages flowed throughout.
//
// A Schedule does the same to a fleet that is under the load of a crew, which may
// be of any size; its faults may also be commands for machines elsewhere.
//
// Each person of a Run is one goroutine that owns its session and driver; Run owns and
// awaits them all, and the goroutine that injects faults.
package chaos

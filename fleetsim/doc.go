// Package fleetsim simulates a whole fleet in one process and in virtual time, lets
// everything go wrong from a seed, heals it, and judges. All of it is tests:
//
//	go test ./fleetsim -run TestChaos -seeds 300
//	make sim SEED=17
//
// Real are the gateways (but for their poller), the client's Session, Driver and
// dialer, and the original's wire. Simulated are the network with its balancer
// (line_test.go, network_test.go, poller_test.go), the store (store_test.go: the
// contract's model, which passes the contract), the bus and the spool (bus_test.go,
// which pass theirs) and the disks of the clients.
//
// # A seed
//
//	newWorld     the settings are drawn: of everything a fleet has little
//	populate     gateways start, people come                          world_test.go
//	badDay       people live, faults strike and are undone            faults_test.go
//	judge        after the last one all must get well in time; then   judge_test.go
//	             bench/checker judges what was recorded
//
// Each seed has a bubble of testing/synctest: time.Now, timers and tickers are those
// of the bubble, and time passes when all its goroutines wait. So nothing in it may
// wait for a mutex whose owner waits for something else: a call out under a lock shows
// as a standstill, which a watchdog in real time ends.
//
// A seed decides what is drawn, and not in which order goroutines run. Each part draws
// from dice of its own. Whoever repeats a failing seed does it ten times.
//
// # Calm days
//
// A calm day (calm_test.go) has production's settings and one fault at most, and is held
// to what people may notice of it: how long a message, a join, a page may take, row by
// row of the design's "When a part is gone".
//
// Hostile people (hostile_test.go) come on chaotic and on calm days, and change nothing
// of what is promised to the others.
//
// # Who judges the judge
//
// mutants_table_test.go has small spoilings of the product; make mutants builds each of
// them and simulates it until a seed fails. docs/simulation.md has the last table.
//
// # How a process ends or stands still
//
// A node's edges are its store, its bus, its lines, its listener and its clock. A
// crash is edges that are dead and a drain whose context is cancelled; a freeze is a
// gate before each edge that is shut (gate).
package fleetsim

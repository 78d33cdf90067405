// Package recorder writes down what clients live through, for bench/checker.
//
// A Recorder is one recording: to a file, or to memory. Each client of the run
// has a Client in it. Whoever owns a client.Session tells its Client of every
// event that the session or its driver has handled:
//
//	rec := recorder.New(file)
//	who := rec.Client("client-17")
//	who.Attach(time.Now(), session)           // before Start; again for each new session after a restart
//	...
//	driver := client.NewDriver(session, who.Dialer(client.NewDialer()), storage)
//	…
//	outcome := driver.Handle(event)
//	who.Handled(time.Now(), event, outcome.Change)
//
// What the session asks for must be answered: a Dialer of its Client notes what goes
// over the connections, or, where there is no driver, Said and HungUp do.
//
// A Client looks at frames that say something of a message (Accepted, Stored,
// Error, Withdrawn), and at what the session shows: of Log, Pending and Outbox it
// notes what has changed since it looked last. So the history tells what people
// saw. Of what comes over each connection it notes only what is not as it should be: an
// entry left out, twice, or in the wrong place (Overheard: also behind the frame for
// which the session has hung up). An event that changes nothing costs a few
// nanoseconds, an entry that is shown a few hundred and about ten bytes.
//
// # A run
//
// So that a lost last message can be told from one that was only not yet
// there, a run ends in this order:
//
//  1. heal everything, and let the clients send what they still owe (At);
//  2. note how far the store is: Head, for every room;
//  3. wait until every client has been shown so much (At), or give up;
//  4. End every Client, then let the sessions Quit or close them;
//  5. read the store: ReadStore, or Truth;
//  6. Close.
//
// Faults are marked when they are done (Fault) and undone (FaultOver). Users who
// have no Client, but write to the same rooms, are named with Outsider.
//
// # Goroutines and locks
//
// Each Client belongs to the goroutine that owns its session. All of them write
// through the Recorder's mutex into memory; one goroutine, which New starts and
// Close ends, carries it from there to the io.Writer, without the lock. If it
// falls behind by more than maxBehind bytes the recording is given up, which
// Close says: it never makes a client wait.
package recorder

// Package result is what a run of the load generator found, as data, and what
// is derived from it.
//
// A Result begins in bench/coordinator, which fills it from the merged samples of the
// workers. Derive adds the figures that follow from the rest (Recovery and Herd of
// each fault, ClockError). From then on it is only read: Write and Read keep it
// as JSON, Summary ends a run with it as text, Check holds it against Thresholds,
// JUnit tells a CI server of that, FaultsMarkdown and LoadMarkdown make the tables
// of BENCHMARKS.md, and bench/report makes a page of it.
//
//	coordinator → Result → Derive → Write → file → Read → Summary, Check, JUnit, report.HTML
//
// A Comparison is what bench/compare found: several targets under several loads.
//
// # What is not said
//
// If the generator was the bottleneck, its latencies are not those of the target.
// Then nothing here gives them: Summary says why in their place, and a Check of a
// latency fails. The like holds for a cell of a Comparison that was saturated.
// A ramp has a Knee only if a higher rate failed, and not for the generator; KneeSaid
// tells what it has instead. Latencies that the clocks of several workers blur are
// said to be (Blurred), and pass a Check only if they do so however the clocks are.
//
// Everything in here is plain data without goroutines or locks.
package result

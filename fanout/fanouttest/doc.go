// Package fanouttest is the contract of fanout.Bus as tests. Every bus runs
// the same suite, so that a gateway cannot tell one from another.
package fanouttest

// Peers is the program that holds the servers with which TuiTalk is compared. It
// is a Go module of its own, so that what they need is no part of the product.
//
// Each is set up as those who make it advise for this work, and better where we
// know how: a comparison is worth something only if the others are at their best.
// The documents of the packages centrifugal, gorilla and floor say what is set and
// why. What no server here does, nor TuiTalk: wait before a write in the hope of
// more. centrifuge can, and it is measured so too, as a server of its own, since
// it pays for processor time with latency.
package main

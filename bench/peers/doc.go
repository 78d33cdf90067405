// Peers is the program that holds the servers with which TuiTalk is compared. It
// is a Go module of its own, so that what they need is no part of the product.
package main

// Package tlsconfig is whom the load generator takes for its target when that is
// named by wss://: which certificates are good, and what is said of one that is not.
//
// A Policy is made by whoever reads the command line, travels to the workers as
// it is (the certificates themselves, not the name of a file), and becomes the
// crypto/tls configuration of each target there. Reason says in one sentence why
// a handshake has failed; it says the same of the same cause every time, so that
// causes can be counted.
package tlsconfig

// Package result is what a run of the load generator found, as data, and what
// is derived from it.
package result

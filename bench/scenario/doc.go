// Package scenario is what the load generator does, as data.
package scenario

// Package scenario is what the load generator does, as data.
//
// A Scenario is who is there and what they do; its JSON form is what presets,
// files of users and results hold. Presets are the files in presets/, of which
// small.json names every field, and the others what they have different: so does
// a file of a user. Load reads either kind, Flags lets a command line change any
// field, Validate says in one sentence what is wrong, and Plan deals the clients
// out to rooms.
//
// There are no goroutines here, and nothing is kept.
package scenario

package attack

import "time"

// What no attack exceeds, whatever the list says.
const (
	maxConnections = 2000             // open at once
	maxTries       = 20_000           // connections in all
	maxLasts       = 2 * time.Minute  // the attack itself
	maxBytesOut    = 256 << 20        // of all attackers
	maxBytesIn     = 2 << 30          // of all attackers
	maxPerSecond   = 2000.0           // new connections
	maxGrowth      = 3 << 29          // of the gateway's memory, 1.5 GiB
	dialTime       = 5 * time.Second  // until a connection stands
	answerTime     = 10 * time.Second // for one answer that a step waits for
	parallelJoins  = 100              // newcomers under way
	joinPatience   = 15 * time.Second // then a newcomer gives up
	settleTime     = 10 * time.Second // afterwards, for what is still under way
	endTime        = 15 * time.Second // for our gateway to end when asked
	enterTime      = 20 * time.Second // for the honest to get in before an attack
	fillTime       = 60 * time.Second // for the history that attacks read
)

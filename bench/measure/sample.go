package measure

// Sample is what one worker, or all of them together, saw in one second.
type Sample struct {
	At     int64 `json:"at"` // Unix time of its beginning, by the coordinator's clock
	Counts       // what happened in it
	Gauges       // how things stood at its end

	Latency Hist `json:"latency"`      // from the intended time of posting to being shown, at each receiver
	Service Hist `json:"service"`      // from the real time of posting to being shown, at each receiver
	Stored  Hist `json:"until_stored"` // from the intended time of posting to the author's being told "stored"
	Late    Hist `json:"late"`         // from the intended to the real time of posting: the generator's own lag
	Joined  Hist `json:"joined"`       // from the dial to being joined
}

// Counts are numbers of things that happened.
type Counts struct {
	Intended  int64            `json:"intended"`  // posts that fell due
	Posted    int64            `json:"posted"`    // posts handed to a client
	Stored    int64            `json:"stored"`    // authors told "stored"
	Accepted  int64            `json:"accepted"`  // authors told "accepted"
	Refused   int64            `json:"refused"`   // authors told no, for good
	Delivered int64            `json:"delivered"` // messages shown to a receiver, once per receiver
	BytesIn   int64            `json:"bytes_in"`
	BytesOut  int64            `json:"bytes_out"`
	Dialled   int64            `json:"dialled"` // attempts at a connection
	Joins     int64            `json:"joins"`   // attempts that led to a room
	Lost      int64            `json:"lost"`    // joined connections that broke
	Fetched   int64            `json:"fetched"` // pages of older history that came
	Errors    map[string]int64 `json:"errors,omitempty"`
}

// Gauges are how things stand.
type Gauges struct {
	Open   int            `json:"open"`   // connections
	Inside int            `json:"inside"` // clients that are in their room
	Nodes  map[string]int `json:"nodes,omitempty"`
	Self   Self           `json:"self"`
}

// Self is how the generator itself is, summed over its processes.
type Self struct {
	CPU     float64 `json:"cpu"`      // cores in use
	Busy    float64 `json:"busy"`     // the greatest share of a second in which an event loop was at work; of a whole run, in all but one of a hundred seconds
	RSS     int64   `json:"rss"`      // bytes
	Files   int     `json:"files"`    // open, in the process that has most
	MaxOpen int     `json:"max_open"` // that a process may have open
}

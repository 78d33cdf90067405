package talk

// Limits of the protocol. Texts and names count bytes of UTF-8.
const (
	MaxTextBytes        = 4000
	MaxNameBytes        = 64
	MaxNameClusters     = 32
	MaxFrameBytes       = 64 << 10 // a client's frame
	MaxClientParts      = 256      // objects, arrays and commas in a client's frame; in bincode the messages of a list
	MaxServerFrameBytes = 1 << 20  // a server's frame; a History that would be larger is several
	MaxFetch            = 500      // entries; a page by seconds may exceed it to finish its second
	MaxListed           = 300      // members listed in Joined; in a larger room joins write no entries
)

// DefaultLimits are the limits above as a Welcome carries them.
func DefaultLimits() Limits {
	return Limits{
		TextBytes: MaxTextBytes, NameBytes: MaxNameBytes, NameClusters: MaxNameClusters,
		FrameBytes: MaxFrameBytes, FetchEntries: MaxFetch,
	}
}

package gateway

const (
	// connBytes is about what a connection takes with its user, its account, its membership
	// and, at worst, a room, an address and a name of its own, besides what is queued.
	connBytes = 8 << 10
	// goneBytes is about what is remembered of an address or a user who is not here.
	goneBytes = 512
	// baseBytes is what the program takes that serves nobody, 22 to 34 MiB of it from the
	// start, with a small store and what the runtime keeps free.
	baseBytes = 64 << 20
)

// MemoryBytes is about the most that a gateway with these settings has in memory,
// besides its store's: twice what is in use, as garbage is collected when there is as
// much of it. What the kernel has of MaxQueuedBytes is not in this process.
func (o *Options) MemoryBytes() int64 {
	used := int64(o.MaxQueuedBytes) + int64(o.RecentBytes) + int64(o.QueueBytes)
	used += int64(o.Limits.MaxConns) * (connBytes + 2*goneBytes)
	return baseBytes + 2*used
}

package history

import "tuitalk/talk"

// Page completes what a store read backwards, all that there is before some
// seq or second up to a limit: since seqs have no gap, nothing is older than
// entry 1, and an empty answer means that nothing is older at all.
func Page(entries []talk.Entry, err error) ([]talk.Entry, bool, error) {
	if err != nil {
		return nil, false, err
	}
	return entries, len(entries) == 0 || entries[0].Seq == 1, nil
}

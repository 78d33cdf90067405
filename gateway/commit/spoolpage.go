package commit

import (
	"context"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// stepTimeout bounds each step of a drain, so that a slow spool is not taken for
// a store that is away.
const stepTimeout = time.Second

// spoolPage is what can be read of the start of a partition.
type spoolPage struct {
	entries []talk.Entry
	ids     []fanout.SpoolID
	more    bool // the page was full
}

// next reads the next page of a partition. Nothing found: it is at its end, but
// for entries of a newer form.
func (sp *spooler) next(ctx context.Context, part, limit int) (spoolPage, error) {
	var after fanout.SpoolID
	for {
		heard := sp.partitions[part].marked.Load()
		list, err := sp.read(ctx, part, after, limit)
		if err != nil {
			return spoolPage{}, err
		}
		f := readPage(list)
		f.more = len(list) == limit
		switch {
		case len(f.entries) > 0:
			if !sp.partitions[part].dirty() {
				sp.partitions[part].marked.Add(1) // found without having been heard of
			}
			return f, nil
		case f.more: // all of a newer form: behind them
			after = list[len(list)-1].ID
		default:
			sp.partitions[part].empty(heard)
			return spoolPage{}, nil
		}
	}
}

func (sp *spooler) read(ctx context.Context, part int, after fanout.SpoolID, limit int) ([]fanout.Spooled, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	defer sched.OutsideCall(ctx)()
	return sp.stream.Read(ctx, part, after, limit)
}

// storePage brings one page from the spool into the store, and shows it. Whoever
// dies between two steps leaves entries that the next drain reads again.
func (sp *spooler) storePage(ctx context.Context, part int, f spoolPage) error {
	sp.cfg.Failpoint("drain-read")
	results, err := sp.appendPage(ctx, f.entries)
	if err != nil {
		return err
	}
	sp.cfg.Failpoint("drain-appended")
	sp.cfg.Rooms.Replayed(f.entries, results)
	sp.cfg.Failpoint("drain-published")
	if err := sp.remove(ctx, part, f.ids); err != nil {
		return err
	}
	sp.cfg.Failpoint("drain-removed")
	sp.cfg.Metrics.Count(Drained, countFresh(results))
	return nil
}

func (sp *spooler) remove(ctx context.Context, part int, ids []fanout.SpoolID) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	defer sched.OutsideCall(ctx)()
	return sp.stream.Remove(ctx, part, ids...)
}

// countFresh counts what was not stored before.
func countFresh(results []history.Result) (n int) {
	for _, r := range results {
		if r.Err == nil && !r.Repeat {
			n++
		}
	}
	return n
}

// readPage takes what this node can read. What it cannot stays where it is, for
// a newer one.
func readPage(list []fanout.Spooled) (f spoolPage) {
	for _, x := range list {
		if x.Err == nil {
			e := x.Entry
			e.Pending = false
			f.entries, f.ids = append(f.entries, e), append(f.ids, x.ID)
		}
	}
	return f
}

// appendPage appends what waited, as much as page allows.
func (sp *spooler) appendPage(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	patience := max(stepTimeout, sp.timeout.now())
	step, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	results, err := sp.cfg.History.Append(step, entries)
	sp.NoteStore(step, err, patience)
	sp.sizer.learn(len(entries), began, err, step.Err() != nil && ctx.Err() == nil)
	return results, err
}

// storeAll stores pending entries without the spool.
func (sp *spooler) storeAll(ctx context.Context, entries []talk.Entry) error {
	for len(entries) > 0 {
		n := min(len(entries), sp.sizer.size())
		results, err := sp.appendPage(ctx, entries[:n])
		if err != nil {
			return err
		}
		sp.cfg.Metrics.Count(Rescued, countFresh(results))
		sp.cfg.Rooms.Replayed(entries[:n], results)
		entries = entries[n:]
	}
	return nil
}

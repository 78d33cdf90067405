package compare

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"tuitalk/bench/result"
)

// comparison makes the tables of all that was found.
func (t *comparer) comparison(began time.Time, found map[trial]findings) *result.Comparison {
	c := &result.Comparison{
		Command: t.Command, Build: t.Build, Machine: t.Machine, Started: began,
		Setting: fmt.Sprintf("Server pinned to processor %d, generator to processor %d. %d interleaved runs; each rate %v to settle in, %v measured. Texts of %d bytes.",
			t.ServerCPU, t.GeneratorCPU, t.Repeats, t.WarmUp, t.Measure, t.Size),
	}
	for _, target := range t.Targets {
		c.Targets = append(c.Targets, result.Target{Name: target.Name, What: target.What, Build: target.Build})
	}
	for load, l := range t.Loads {
		c.Tables = append(c.Tables, t.deliveries(load, &l, found))
	}
	if len(t.Loads) > 0 {
		c.Tables = append(c.Tables, t.joins(found))
	}
	if t.Idle > 0 {
		c.Tables = append(c.Tables, t.idleMemory(found))
	}
	return c
}

// trialsOf are a target's findings under a load, in the order of repetition.
func (t *comparer) trialsOf(target, load int, found map[trial]findings) (all []findings) {
	for repeat := range t.Repeats {
		if f, ok := found[trial{target, load, repeat}]; ok {
			all = append(all, f)
		}
	}
	return all
}

// table asks each target. Those that are aside are in the first one only.
func (t *comparer) table(table result.Table, first bool, cells func(target int) []result.Cell) result.Table {
	for i := range t.Targets {
		if t.Targets[i].Aside && !first {
			continue
		}
		table.Rows = append(table.Rows, result.Row{Target: t.Targets[i].Name, Cells: cells(i)})
	}
	return table
}

func (t *comparer) deliveries(load int, l *Load, found map[trial]findings) result.Table {
	table := result.Table{
		Title: "Deliveries, " + l.Name, Unit: "deliveries per CPU-second", Better: result.More,
		What: result.Number(float64(l.clients())) + " clients. Deliveries by seconds of the server's processor; latency from the intended time of posting to each receiver.",
	}
	for _, rate := range l.Deliveries {
		table.Columns = append(table.Columns, fmt.Sprintf("%s/s", thousands(rate)))
	}
	return t.table(table, load == 0, func(target int) (cells []result.Cell) {
		all := t.trialsOf(target, load, found)
		for stage := range l.Deliveries {
			cells = append(cells, stageCell(all, stage, t.repeats(target)))
		}
		return cells
	})
}

func (t *comparer) joins(found map[trial]findings) result.Table {
	table := result.Table{
		Title: "Joins", Unit: "joins per second", Better: result.More,
		What: "All clients connect and join as fast as it goes, 256 at a time; the pinned generator has a part in it. TuiTalk stores a join and tells the room, up to 300 members; the others do neither.",
	}
	for _, l := range t.Loads {
		table.Columns = append(table.Columns, result.Number(float64(l.clients()))+" into "+l.Name)
	}
	return t.table(table, false, func(target int) (cells []result.Cell) {
		for load := range t.Loads {
			cells = append(cells, plainCell(t.trialsOf(target, load, found), t.Repeats, func(f *findings) float64 { return f.joins }))
		}
		return cells
	})
}

func (t *comparer) idleMemory(found map[trial]findings) result.Table {
	table := result.Table{
		Title: "Memory of an idle connection", Unit: "bytes", Better: result.Less, Columns: []string{result.Number(float64(t.Idle)) + " connections"},
		What: fmt.Sprintf("Pss of the server's processes, less that before anybody came, %v after the last one joined a room of %d; the kernel's own memory for sockets is not in it.", t.Rest, idleRoom),
	}
	return t.table(table, false, func(target int) []result.Cell {
		return []result.Cell{plainCell(t.trialsOf(target, idle, found), t.Repeats, func(f *findings) float64 { return f.memory })}
	})
}

// plainCell has a value of each trial that succeeded, of those that were planned.
func plainCell(all []findings, planned int, value func(*findings) float64) (c result.Cell) {
	measured := 0
	for _, f := range all {
		switch v := value(&f); {
		case v != 0: // memory may even shrink
			c.Values = append(c.Values, v)
			measured++
		case f.err != nil:
			c.Note = f.err.Error()
			measured++
		}
	}
	return whole(c, measured, planned)
}

// stageCell tells of one rate. What happened in most repetitions is what it
// tells; of the others it makes a note.
func stageCell(all []findings, stage, planned int) (c result.Cell) {
	var reached []float64
	var why string // there is nothing else to tell
	failed := 0
	for _, f := range all {
		switch {
		case stage >= len(f.stages) && f.cut:
		case stage >= len(f.stages):
			failed++
			why = fmt.Sprint(f.err)
		case f.stages[stage].saturated > 0:
			o := f.stages[stage]
			reached, c.Note = append(reached, o.saturated), o.why
		case f.stages[stage].perCPU > 0:
			o := f.stages[stage]
			c.Values, c.P50, c.P99 = append(c.Values, o.perCPU), append(c.P50, o.p50), append(c.P99, o.p99)
			c.Note = cmp.Or(o.why, c.Note)
		default:
			failed++
			why = f.stages[stage].why
		}
	}
	measured := failed + len(reached) + len(c.Values)
	return whole(settle(c, reached, failed, why, measured), measured, planned)
}

// settle makes a cell of n repetitions.
func settle(c result.Cell, reached []float64, failed int, why string, n int) result.Cell {
	switch {
	case n == 0:
	case failed >= len(reached) && failed >= len(c.Values):
		c = result.Cell{Note: why}
	case len(reached) >= len(c.Values):
		c = result.Cell{Saturated: result.Median(reached), Note: c.Note}
		if len(reached) < n {
			c.Note = fmt.Sprintf("in %d of %d runs", len(reached), n)
		}
	case len(reached) > 0:
		c.Note = fmt.Sprintf("saturated at %s/s in %d of %d runs", result.Number(result.Median(reached)), len(reached), n)
	case failed > 0:
		c.Note = fmt.Sprintf("%d of %d runs: %s", failed, n, why)
	}
	return c
}

// whole notes the repetitions that are missing because the comparison ended.
func whole(c result.Cell, measured, planned int) result.Cell {
	switch {
	case measured == 0:
		return result.Cell{Note: "not measured"}
	case measured < planned:
		c.Note = strings.TrimPrefix(fmt.Sprintf("%s, measured in %d of %d runs", c.Note, measured, planned), ", ")
	}
	return c
}

func thousands(rate float64) string {
	if rate >= 1000 && rate == float64(int64(rate/1000))*1000 {
		return fmt.Sprintf("%.0fk", rate/1000)
	}
	return fmt.Sprintf("%.0f", rate)
}

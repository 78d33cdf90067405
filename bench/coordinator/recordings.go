package coordinator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/recorder"
)

// recordings is what is recorded of a run: the workers' recordings, and the
// coordinator's own, which has the faults and what the store has in the end.
type recordings struct {
	dir   string
	keep  bool // the files
	rec   *recorder.Recorder
	own   *os.File
	files []*os.File // one per worker
}

func openRecordings(dir string) (t *recordings, err error) {
	t = &recordings{dir: dir, keep: dir != ""}
	if t.keep {
		err = os.MkdirAll(dir, 0o755)
	} else {
		t.dir, err = os.MkdirTemp("", "tuitalk-bench-")
	}
	if err != nil {
		return nil, fmt.Errorf("make a folder for the recordings: %w", err)
	}
	if t.own, err = t.create("coordinator"); err != nil {
		return nil, errors.Join(err, t.remove())
	}
	t.rec = recorder.New(t.own)
	return t, nil
}

func (t *recordings) create(of string) (*os.File, error) {
	f, err := os.Create(filepath.Join(t.dir, of+".history"))
	if err != nil {
		return nil, fmt.Errorf("make a recording: %w", err)
	}
	return f, nil
}

// file makes the recording of the next worker.
func (t *recordings) file(of string) (*os.File, error) {
	f, err := t.create(of)
	if err == nil {
		t.files = append(t.files, f)
	}
	return f, err
}

// check judges the recordings once all are complete. The offsets are those of
// the workers' clocks.
func (t *recordings) check(opts checker.Options, offsets []time.Duration) (*checker.Report, error) {
	if err := t.rec.Close(); err != nil {
		return nil, err
	}
	var all []*checker.Recording
	for i, f := range append([]*os.File{t.own}, t.files...) {
		data, err := os.ReadFile(f.Name())
		if err != nil {
			return nil, fmt.Errorf("read a recording again: %w", err)
		}
		recording, err := checker.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("read the recording %s: %w", filepath.Base(f.Name()), err)
		}
		if i > 0 {
			recording.Offset = offsets[i-1]
		}
		all = append(all, recording)
	}
	return checker.Check(opts, all...), nil
}

// remove closes the files, and removes them if nobody wants them. It may be
// called on nil.
func (t *recordings) remove() error {
	if t == nil {
		return nil
	}
	if t.rec != nil {
		_ = t.rec.Close() // what was wrong with it was told by check, if anybody asked
	}
	for _, f := range append(t.files, t.own) {
		if f != nil {
			_ = f.Close() // likewise
		}
	}
	if t.keep {
		return nil
	}
	if err := os.RemoveAll(t.dir); err != nil {
		return fmt.Errorf("remove the recordings: %w", err)
	}
	return nil
}

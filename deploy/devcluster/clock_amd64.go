package devcluster

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// The wall clock of one process can be set without anybody else's: programs read the
// clock in the vDSO, code that the kernel maps into each process, of which a debugger
// may write the process a copy of its own. So setAhead leads the vDSO's functions to
// others that ask the kernel, and add a number of seconds to the time of day. The
// monotonic clock is as it was, as where an operator or NTP sets the machine's clock.
//
// What is not led astray: system calls that a program makes past the vDSO, clocks that
// count coarsely, times of files, and programs that it executes later. Processes that
// it forks have its clock.

// clocksCanBeSet tells whether setAhead works on this machine.
const clocksCanBeSet = true

// detour is the code that stands in the place of the vDSO's own. It lies at the end of
// the mapping, where nothing is.
const (
	detourSize = 256
	detourMark = "TTCLOCK1"
	aheadAt    = 8 // of the number of seconds, from the beginning of the detour
)

// detours are the functions: mov eax, number; syscall; then what adds the seconds. A
// zero stands for the distance from the end of the instruction to the seconds.
var detours = []struct {
	symbol string
	at     int
	code   []byte
	rel    int // where the distance is, of 4 bytes
}{
	{"__vdso_clock_gettime", 16, []byte{
		0xb8, 228, 0, 0, 0, 0x0f, 0x05, // mov eax, clock_gettime; syscall
		0x85, 0xff, 0x75, 10, // test edi, edi; jne out: not CLOCK_REALTIME
		0x48, 0x8b, 0x0d, 0, 0, 0, 0, // mov rcx, [seconds]
		0x48, 0x01, 0x0e, // add [rsi], rcx
		0xc3, // out: ret
	}, 14},
	{"__vdso_gettimeofday", 64, []byte{
		0xb8, 96, 0, 0, 0, 0x0f, 0x05, // mov eax, gettimeofday; syscall
		0x48, 0x85, 0xff, 0x74, 10, // test rdi, rdi; je out
		0x48, 0x8b, 0x0d, 0, 0, 0, 0, // mov rcx, [seconds]
		0x48, 0x01, 0x0f, // add [rdi], rcx
		0xc3, // out: ret
	}, 15},
	{"__vdso_time", 112, []byte{
		0xb8, 201, 0, 0, 0, 0x0f, 0x05, // mov eax, time; syscall
		0x48, 0x03, 0x05, 0, 0, 0, 0, // add rax, [seconds]
		0x48, 0x85, 0xff, 0x74, 3, // test rdi, rdi; je out
		0x48, 0x89, 0x07, // mov [rdi], rax
		0xc3, // out: ret
	}, 10},
}

// setAhead sets the wall clock of a process so much ahead of the machine's, in whole
// seconds; 0: right again. The process must be stopped.
func setAhead(pid int, by time.Duration) error {
	begin, end, err := vdsoOf(pid)
	if err == nil {
		err = setVDSO(pid, begin, end, by)
	}
	if err != nil {
		return fmt.Errorf("set the clock of process %d: %w", pid, err)
	}
	return nil
}

func setVDSO(pid int, begin, end int64, by time.Duration) error {
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer mem.Close()
	image := make([]byte, end-begin)
	if _, err := io.ReadFull(io.NewSectionReader(mem, begin, end-begin), image); err != nil {
		return err
	}
	base := len(image) - detourSize
	seconds := binary.LittleEndian.AppendUint64(nil, uint64(int64(by/time.Second)))
	if !bytes.HasPrefix(image[base:], []byte(detourMark)) {
		if err := lead(pid, mem, image, begin); err != nil {
			return err
		}
	}
	_, err = mem.WriteAt(seconds, begin+int64(base+aheadAt))
	return err
}

// lead writes the detour, and jumps to it at the beginning of each function.
func lead(pid int, mem io.WriterAt, image []byte, begin int64) error {
	base := len(image) - detourSize
	if len(bytes.Trim(image[base:], "\x00")) > 0 {
		return errors.New("its vDSO has no room at its end")
	}
	entries, err := entriesOf(image)
	if err != nil {
		return err
	}
	area := make([]byte, detourSize)
	copy(area, detourMark)
	jumps := map[int64][]byte{}
	for _, d := range detours {
		code := bytes.Clone(d.code)
		binary.LittleEndian.PutUint32(code[d.rel:], uint32(aheadAt-(d.at+d.rel+4)))
		copy(area[d.at:], code)
		entry := entries[d.symbol]
		jumps[entry] = binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(int32(base+d.at)-int32(entry)-5))
	}
	if err := nobodyAt(pid, begin, jumps); err != nil {
		return err
	}
	if _, err := mem.WriteAt(area, begin+int64(base)); err != nil {
		return err
	}
	for entry, jump := range jumps {
		if _, err := mem.WriteAt(jump, begin+entry); err != nil {
			return err
		}
	}
	return nil
}

// entriesOf are where the functions of a vDSO begin.
func entriesOf(image []byte) (map[string]int64, error) {
	file, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, err
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return nil, err
	}
	found := map[string]int64{}
	for _, s := range symbols {
		found[s.Name] = int64(s.Value)
	}
	for _, d := range detours {
		if at := found[d.symbol]; at <= 0 || at > int64(len(image)-detourSize) {
			return nil, fmt.Errorf("its vDSO has no %s", d.symbol)
		}
	}
	return found, nil
}

// errBusy: a thread stands where a jump is to be written.
var errBusy = errors.New("it is reading the clock")

// nobodyAt returns errBusy if a thread of a stopped process is within the bytes that
// are to become jumps: it would go on in the middle of one.
func nobodyAt(pid int, begin int64, jumps map[int64][]byte) error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, task := range tasks {
		fields := strings.Fields(readString(fmt.Sprintf("/proc/%d/task/%s/syscall", pid, task.Name())))
		if len(fields) == 0 {
			continue // it has ended
		}
		at, err := strconv.ParseInt(strings.TrimPrefix(fields[len(fields)-1], "0x"), 16, 64)
		if err != nil {
			return fmt.Errorf("thread %s is %q: %w", task.Name(), fields, errBusy)
		}
		for entry, jump := range jumps {
			if from := begin + entry; at > from && at < from+int64(len(jump)) {
				return errBusy
			}
		}
	}
	return nil
}

// errGone: a process that has ended has no memory, even if its parent has not looked
// after it yet.
var errGone = errors.New("it has no vDSO, or has ended")

// vdsoOf is where a process has its vDSO.
func vdsoOf(pid int) (begin, end int64, err error) {
	for line := range strings.Lines(readString(fmt.Sprintf("/proc/%d/maps", pid))) {
		if !strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			continue
		}
		from, to, _ := strings.Cut(strings.Fields(line)[0], "-")
		begin, err = strconv.ParseInt(from, 16, 64)
		if err == nil {
			end, err = strconv.ParseInt(to, 16, 64)
		}
		return begin, end, err
	}
	return 0, 0, errGone
}

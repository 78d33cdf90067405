package main

import (
	"os"
	"strconv"
	"syscall"
)

// neverBlocking makes a standard stream one on which write(2) fails instead of
// waiting for a reader. What Go's runtime writes past us, as the trace of a
// panic, would else keep a process from ending that serves nobody any more. A
// pipe or a terminal is opened again for that, as others may share the open one;
// a socket is systemd's, made for us alone. Where it cannot be done, and for a
// file, the stream stays as it is.
func neverBlocking(f *os.File) *os.File {
	info, err := f.Stat()
	if err != nil {
		return f
	}
	fd := int(f.Fd())
	switch mode := info.Mode(); {
	case mode&os.ModeSocket != 0:
		if own, err := syscall.Dup(fd); err == nil && syscall.SetNonblock(own, true) == nil {
			return os.NewFile(uintptr(own), f.Name())
		}
	case mode&(os.ModeNamedPipe|os.ModeCharDevice) != 0:
		own, err := os.OpenFile("/proc/self/fd/"+strconv.Itoa(fd), os.O_WRONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
		if err == nil && replace(fd, own) == nil {
			return own
		}
	}
	return f
}

// replace lets a descriptor stand for an open file.
func replace(fd int, by *os.File) error {
	raw, err := by.SyscallConn()
	if err != nil {
		return err
	}
	var dup error
	if err := raw.Control(func(own uintptr) { dup = syscall.Dup3(int(own), fd, 0) }); err != nil {
		return err
	}
	return dup
}

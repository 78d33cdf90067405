// Package machine runs Debian machines on this one, each with systemd as PID 1 in
// namespaces of its own: what is installed on a VM is installed there, killed, restarted
// and purged as there. It needs root, a unified cgroup hierarchy (cgroup2) and
// mmdebstrap; what is missing is an error, not a reason to skip.
//
// # The parts of a machine
//
// Base makes an unpacked Debian once and keeps it in the user's cache folder, under a
// name made from its list of packages. A machine's root is an overlay over it, whose
// upper layer is in memory: it survives a reboot of the machine and ends with it. Kernel
// settings (/proc/sys) can be read only, but for net.*, which belongs to the machine's
// network namespace; there is no other network in it than its loopback and the Network
// that it was given, which joins it to others and to nothing else. Dial reaches its
// servers from here, Run runs a program in it, File is a path in it as seen from here.
// After a reboot eth0 has no address.
//
// # Processes
//
// keep.sh holds the upper layer and boots again when the machine reboots, in a PID
// namespace of its own: when that one process is killed, the kernel ends the machine
// with everything in it. boot.sh makes the root and becomes systemd. A goroutine
// with a thread of its own waits for keep.sh, which the kernel kills when that thread
// ends, and so with this process. A Network's process is held in the same way.
package machine

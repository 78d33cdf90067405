# Holds the upper layer of a machine's root, and boots it for as long as it reboots
# itself: the end of a PID namespace by reboot(2) is a SIGHUP, 129 to a shell.
set -eu
mount -t tmpfs -o mode=755 tmpfs "$DIR"
mkdir "$DIR/upper" "$DIR/work" "$DIR/root"
while :; do
	code=0
	sh -c 'echo 0 >"$CGROUP/cgroup.procs"
		exec unshare --fork --pid --mount --net --uts --ipc --cgroup --kill-child --propagation private sh -c "$BOOT"' || code=$?
	[ $code = 129 ] || exit $code
done

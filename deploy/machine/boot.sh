# Makes the root of a machine within its namespaces and becomes its systemd.
set -eu
# PID 1 here is this shell; its end of the cable goes with it
[ -z "${NETWORK:-}" ] || nsenter --net="$NETWORK" sh -c 'ip link add "port-$NAME" type veth peer name eth0 netns 1
	ip link set "port-$NAME" master switch up'
root=$DIR/root
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$DIR/upper,workdir=$DIR/work" "$root"
mount -t proc proc "$root/proc"
# vm.* and fs.* are the host's, net.* is the machine's
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,rw "$root/proc/sys/net"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
for device in null zero full random urandom tty; do
	: >"$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
hostname "$NAME"
echo "$NAME" >"$root/etc/hostname"
grep -Eqs '^[0-9a-f]{32}$' "$root/etc/machine-id" || tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"

mkdir -p "$root/.host"
cd "$root"
pivot_root . .host
cd /
umount -l /.host
rmdir /.host
mount --make-rshared / # else units with LoadCredential fail
exec env -i container=tuitalk PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 /lib/systemd/systemd

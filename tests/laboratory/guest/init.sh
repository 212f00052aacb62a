#!/bin/busybox sh
# The first program of the guest's initial RAM disk: modules, the read-only root with a layer in memory over it, udev's
# and the agent's folders, and off to the agent.
B=/bin/busybox
$B mkdir -p /proc /sys /dev /lower /rw /new
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs dev /dev
while read -r module; do
    $B insmod "/modules/$module" 2>/dev/null
done </modules/order

until [ -b /dev/vda ]; do
    $B usleep 20000
done
$B mount -t squashfs -o ro /dev/vda /lower &&
    $B mount -t tmpfs -o mode=755,size=60% rw /rw &&
    $B mkdir /rw/upper /rw/work &&
    $B mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work root /new || {
    echo "the guest's root cannot be mounted" >/dev/console
    $B poweroff -f
}
for place in proc sys dev rw; do
    $B mount --move /$place /new/$place
done
$B mkdir -p /new/dev/pts /new/dev/shm
$B mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /new/dev/pts
for place in dev/shm run tmp; do
    $B mount -t tmpfs -o mode=1777 tmpfs /new/$place
done
$B mount -t configfs configfs /new/sys/kernel/config 2>/dev/null
exec $B switch_root /new /usr/bin/python3 -I -S /opt/bench/agent.py

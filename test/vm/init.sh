#!/bin/sh
# First process of the virtual machine. Its root is the root of the machine that it runs on, read-only below changes that
# are kept in memory; what that machine has mounted at /run is left out. Then it runs /vm/run.sh, from the folder shared with test/vm/run.mjs.
export PATH=/bin
mount -t proc proc /proc
for module in $(cat /modules/order); do insmod "/modules/$module"; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host || poweroff -f
mount -t tmpfs tmpfs /changes
mkdir /changes/upper /changes/work
mount -t overlay -o lowerdir=/host,upperdir=/changes/upper,workdir=/changes/work root /root || poweroff -f
mkdir -p /root/vm
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 vm /root/vm || poweroff -f
mount -t proc proc /root/proc
mount -t sysfs sysfs /root/sys
mount -t devtmpfs devtmpfs /root/dev
mount -t tmpfs tmpfs /root/run
exec switch_root /root /bin/sh /vm/run.sh

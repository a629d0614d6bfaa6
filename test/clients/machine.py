"""Plays a virtual machine on a tap: `machine.py TAP NETNS LINK` carries frames between TAP, a tap of its own network namespace, and LINK, a tap
that it makes in the namespace NETNS, which is the machine. Prints "ready", and goes on until it is ended."""

import ctypes
import errno
import fcntl
import os
import select
import struct
import sys

# <linux/if_tun.h>, <linux/sched.h>
IFF_TAP, IFF_MULTI_QUEUE, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x0100, 0x1000, 0x4000
TUNSETIFF = 0x400454CA
CLONE_NEWNET = 0x40000000
# A frame, with the header of virtio.
LARGEST = 65600


def open_tap(name):
    for queues in (0, IFF_MULTI_QUEUE):
        tap = os.open("/dev/net/tun", os.O_RDWR)
        flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | queues
        try:
            fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
            return tap
        except OSError as error:
            os.close(tap)
            if error.errno != errno.EINVAL or queues != 0:
                raise


def enter(netns):
    with open(netns) as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {netns}")


def carry(one, other):
    while True:
        for tap in select.select([one, other], [], [])[0]:
            try:
                os.write(other if tap == one else one, os.read(tap, LARGEST))
            except OSError as error:
                # A link that is down takes no frame.
                if error.errno != errno.EIO:
                    raise


def main(tap, netns, link):
    container = open_tap(tap)
    enter(netns)
    guest = open_tap(link)
    print("ready", flush=True)
    carry(container, guest)


main(*sys.argv[1:])

"""`xdp.py LINK` attaches an XDP program to a link that drops every packet; `xdp.py LINK pass` one that takes each."""

import ctypes
import os
import platform
import socket
import struct
import sys

BPF_PROG_LOAD, BPF_PROG_TYPE_XDP = 5, 6
XDP_DROP, XDP_PASS = 1, 2
NETLINK_ROUTE, RTM_SETLINK, NLM_F_REQUEST_ACK = 0, 19, 5
IFLA_XDP, IFLA_XDP_FD, IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE, NLA_F_NESTED = 43, 1, 3, 2, 0x8000
SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]


def load(answer):
    """The descriptor of a program of two instructions: r0 = answer; exit."""
    code = ctypes.create_string_buffer(struct.pack("<BBhiBBhi", 0xB7, 0, 0, answer, 0x95, 0, 0, 0))
    licence = ctypes.create_string_buffer(b"GPL")
    union = struct.pack("<IIQQ", BPF_PROG_TYPE_XDP, 2, ctypes.addressof(code), ctypes.addressof(licence)) + bytes(64)
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(SYS_BPF, BPF_PROG_LOAD, ctypes.create_string_buffer(union), len(union))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return descriptor


def attribute(kind, value):
    return struct.pack("<HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def attach(link, program):
    settings = attribute(IFLA_XDP_FD, struct.pack("<i", program))
    settings += attribute(IFLA_XDP_FLAGS, struct.pack("<I", XDP_FLAGS_SKB_MODE))
    body = struct.pack("<BxHiII", 0, 0, socket.if_nametoindex(link), 0, 0) + attribute(IFLA_XDP | NLA_F_NESTED, settings)
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
    netlink.send(struct.pack("<IHHII", 16 + len(body), RTM_SETLINK, NLM_F_REQUEST_ACK, 1, 0) + body)
    (error,) = struct.unpack_from("<i", netlink.recv(4096), 16)
    if error != 0:
        raise OSError(-error, os.strerror(-error))


link, *rest = sys.argv[1:]
attach(link, load(XDP_PASS if rest == ["pass"] else XDP_DROP))

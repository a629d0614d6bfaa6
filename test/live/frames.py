"""Sends and receives Ethernet frames as they are: `send LINK` sends each line of hexadecimal digits on standard input;
`say LINK PORT` sends a datagram for each line, an address and a text; `watch LINK LAST` prints "ready", then each frame that arrives until one
is LAST; `hear PORT LAST` does it for UDP's payloads."""

import errno
import socket
import struct
import sys
import time

ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 3, 263, 8, 4
TP_STATUS_VLAN_VALID = 0x10
# Seconds without a frame. Only a test that fails waits for them.
TIME_LIMIT = 120


def send(link):
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    when_ready(lambda: packets.bind((link, 0)))
    for line in sys.stdin:
        when_ready(lambda: packets.send(bytes.fromhex(line)))


def when_ready(act):
    """Somebody else may make the link and set it up at the same time."""
    end = time.monotonic() + 10
    while True:
        try:
            return act()
        except OSError as error:
            if error.errno not in (errno.ENODEV, errno.ENETDOWN) or time.monotonic() > end:
                raise
            time.sleep(0.01)


def say(link, port):
    for line in sys.stdin:
        address, text = line.split(" ", 1)
        is6 = ":" in address
        messages = socket.socket(socket.AF_INET6 if is6 else socket.AF_INET, socket.SOCK_DGRAM)
        messages.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        messages.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
        end = (address, int(port), 0, socket.if_nametoindex(link)) if is6 else (address, int(port))
        messages.sendto(text.strip().encode(), end)


def watch(link, last):
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    packets.bind((link, ETH_P_ALL))
    packets.settimeout(TIME_LIMIT)
    print("ready", flush=True)
    frame = ""
    while frame != last:
        data, control, _, (_, _, kind, _, _) = packets.recvmsg(65536, 256)
        if kind != PACKET_OUTGOING:
            frame = (tag(data, control)).hex()
            print(frame)


def tag(data, control):
    """The kernel takes the outer tag off and tells it apart."""
    for level, kind, value in control:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value)
            if status & TP_STATUS_VLAN_VALID:
                return data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
    return data


def hear(port, last):
    messages = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    messages.bind(("::", int(port)))
    messages.settimeout(TIME_LIMIT)
    print("ready", flush=True)
    text = ""
    while text != last:
        text = messages.recv(65536).decode()
        print(text)


{"send": send, "say": say, "watch": watch, "hear": hear}[sys.argv[1]](*sys.argv[2:])

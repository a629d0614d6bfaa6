# A DHCP server of one link with answers that a test switches.
# usage: dhcp-server.py LINK ADDRESS/LENGTH MODE-FILE LOG-FILE LEASE-FILE
# The mode file has JSON: {"silent": bool, "ignore": bool, "pool": bool (an address for each client, for as long as it renews it), "nak": [types], "yours": text, "seconds": number, "options": {code: hex}, "mask": bool}.
# Each message that arrives is a line of the log: {"type", "from", "to", "client", "broadcast", "options"}.
# The lease file has the leases of the pool that are not over: {address: the time when it is over, in seconds since 1970}.
import ipaddress
import json
import os
import socket
import struct
import sys
import time

link, network, mode_file, log_file, lease_file = sys.argv[1:]
server = ipaddress.ip_interface(network)
receiver = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
receiver.bind((link, 0x0800))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
# Its port is open, as a server's is: nobody is told that it is not.
sender.bind((str(server.ip), 67))
NAMES = {1: "DISCOVER", 3: "REQUEST", 4: "DECLINE", 7: "RELEASE"}


def options_of(data):
    found, at = {}, 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


# Of each client: its address, and when that is over. A client that is late gets another address, so that a test sees it.
pool = {}
given = 0


def address_for(request, options, mode):
    """The client's address; a REQUEST for one that it has not, or no longer, gets none."""
    global given
    if not mode.get("pool"):
        return ipaddress.ip_address(mode["yours"]).packed
    client, now = options.get(61, request[28:34]), time.time()
    address, over = pool.get(client, (None, 0))
    if options[53][0] == 3:
        if over <= now or address != options.get(50, request[12:16]):
            return None
    elif over <= now:
        address = (server.network.network_address + 10 + given % 240).packed
        given += 1
    pool[client] = (address, now + mode["seconds"])
    save_pool()
    return address


def take_back(request, options):
    if pool.pop(options.get(61, request[28:34]), None) is not None:
        save_pool()


def save_pool():
    now = time.time()
    living = {str(ipaddress.ip_address(address)): over for address, over in pool.values() if over > now}
    with open(lease_file + ".new", "w") as file:
        json.dump(living, file)
    os.replace(lease_file + ".new", lease_file)


def answer(request, kind, mode, yours=bytes(4)):
    head = bytes([2, 1, 6, 0]) + request[4:8] + bytes(2) + request[10:12] + bytes(4) + yours + bytes(8) + request[28:44]
    options = {53: bytes([kind]), 54: server.ip.packed}
    if kind == 6:
        options[56] = b"no longer"
    else:
        options[51] = struct.pack(">I", mode["seconds"])
        if mode.get("mask", True):
            options[1] = server.netmask.packed
        options.update({int(code): bytes.fromhex(value) for code, value in mode.get("options", {}).items()})
    body = b"".join(bytes([code, len(value)]) + value for code, value in options.items())
    sender.sendto(head + bytes(192) + b"\x63\x82\x53\x63" + body + b"\xff", ("255.255.255.255", 68))


print("ready", flush=True)
while True:
    packet, (_, _, kind, _, _) = receiver.recvfrom(4096)
    header = (packet[0] & 15) * 4
    if kind == socket.PACKET_OUTGOING or packet[9] != 17 or struct.unpack(">H", packet[header + 2 : header + 4])[0] != 67:
        continue
    request = packet[header + 8 :]
    options = options_of(request[240:])
    name = NAMES.get(options[53][0], "?")
    line = {
        "type": name,
        "from": socket.inet_ntoa(packet[12:16]),
        "to": socket.inet_ntoa(packet[16:20]),
        "client": socket.inet_ntoa(request[12:16]),
        "broadcast": bool(request[10] & 128),
        "options": {code: value.hex() for code, value in options.items()},
    }
    with open(log_file, "a") as log:
        log.write(json.dumps(line) + "\n")
    with open(mode_file) as file:
        mode = json.load(file)
    if name == "RELEASE":
        take_back(request, options)
    if mode.get("silent") or name not in ("DISCOVER", "REQUEST"):
        continue
    if name in mode.get("nak", []):
        answer(request, 6, mode)
    elif name == "REQUEST" and mode.get("ignore"):
        continue
    else:
        yours = address_for(request, options, mode)
        if yours is None:
            answer(request, 6, mode)
        else:
            answer(request, 2 if name == "DISCOVER" else 5, mode, yours)

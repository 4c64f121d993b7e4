#!/usr/bin/env python3
"""A name server on 127.0.0.1 of its network namespace: every name below a suffix has one address.
Arguments: the suffix, the address."""
import socket
import struct
import sys

SUFFIX = ".campaign.test"


def question_of(query):
    """Name and end of the first question."""
    labels, at = [], 12
    while query[at] != 0:
        labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    return "." + ".".join(labels), at + 5


def answer(query, suffix, address):
    name, end = question_of(query)
    wants_ipv4 = struct.unpack("!H", query[end - 4:end - 2])[0] == 1
    known = name.endswith(suffix)
    count = 1 if known and wants_ipv4 else 0
    flags = 0x8580 if known else 0x8583
    head = query[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0) + query[12:end]
    if count == 0:
        return head
    return head + struct.pack("!HHHIH", 0xC00C, 1, 1, 0, 4) + socket.inet_aton(address)


def main():
    suffix, address = sys.argv[1:3]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, client = server.recvfrom(1500)
        try:
            server.sendto(answer(query, suffix, address), client)
        except IndexError:
            continue


if __name__ == "__main__":
    main()

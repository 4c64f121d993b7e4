#!/usr/bin/env python3
"""Programs that do harm, one a name; a fault starts them where they hurt.
`hogs.py NAME [arguments]`."""
import collections
import ctypes
import os
import pathlib
import random
import select
import signal
import socket
import struct
import sys
import time

PR_SET_NAME = 15
NETLINK_NETFILTER = 12


def call_itself(name):
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def spin():
    """Computes without end."""
    call_itself("hog-spin")
    while True:
        pass


def flood(count):
    """That many processes at a time that live some milliseconds each."""
    call_itself("hog-flood")
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    alive = 0
    while True:
        while alive < int(count):
            if os.fork() == 0:
                end = time.perf_counter() + 0.02
                while time.perf_counter() < end:
                    pass
                os._exit(0)
            alive += 1
        os.wait()
        alive -= 1


def leak(mebibytes_per_s, at_most):
    """Takes memory and keeps it."""
    call_itself("hog-leak")
    kept = []
    for _ in range(int(at_most) * 10 // int(mebibytes_per_s)):
        kept.append(bytearray(os.urandom(4096)) * (int(mebibytes_per_s) * 256 // 10))
        time.sleep(0.1)
    signal.pause()


def stream(file):
    """Reads a big file through the page cache, again and again, as a backup does."""
    call_itself("hog-stream")
    while True:
        with open(file, "rb", buffering=0) as source:
            while source.read(1 << 20):
                pass


def evict(directory):
    """Tells the kernel over and over that nobody needs these files."""
    call_itself("hog-evict")
    while True:
        for path in pathlib.Path(directory).glob("*.html"):
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        time.sleep(0.05)


def fsync(directory):
    """Writes little and insists on the disk each time, from four processes."""
    call_itself("hog-fsync")
    for _ in range(3):
        if os.fork() == 0:
            break
    with open(pathlib.Path(directory) / f"storm-{os.getpid()}", "wb", buffering=0) as file:
        while True:
            file.seek(random.randrange(256) * 4096)
            file.write(os.urandom(4096))
            os.fsync(file.fileno())


def storm(address, port, count):
    """Bursts of connections that nobody uses."""
    call_itself("hog-storm")
    while True:
        burst = []
        for _ in range(int(count)):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((address, int(port)))
            burst.append(client)
        time.sleep(0.03)
        for client in burst:
            client.close()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def syn(address, port, per_s):
    """First packets of connections from addresses that do not answer."""
    call_itself("hog-syn")
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    target = socket.inet_aton(address)
    while True:
        for _ in range(int(per_s) // 50):
            source = socket.inet_aton(
                f"10.77.{random.randrange(64, 128)}.{random.randrange(1, 255)}")
            head = struct.pack("!HHIIBBHHH", random.randrange(1024, 65535), int(port),
                               random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
            pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head))
            head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(head), random.randrange(65536), 0,
                             64, socket.IPPROTO_TCP, 0, source, target)
            raw.sendto(ip + head, (address, 0))
        time.sleep(0.02)


def slow_script(address, port, per_s):
    """A client whose script keeps a Redis busy."""
    call_itself("hog-script")
    script = ("local t=redis.call('TIME') local s=t[1]*1000000+t[2] repeat t=redis.call('TIME') "
              "until t[1]*1000000+t[2]-s > 60000 return 1")
    request = f"*3\r\n$4\r\nEVAL\r\n${len(script)}\r\n{script}\r\n$1\r\n0\r\n".encode()
    with socket.create_connection((address, int(port))) as client:
        while True:
            client.sendall(request)
            client.recv(100)
            time.sleep(max(0.0, 1 / float(per_s) - 0.06))


def delay(milliseconds):
    """Answers for queue 0 of its network namespace: every packet may pass, but later."""
    call_itself("hog-delay")
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    kernel.bind((0, 0))
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)

    def send(kind, attribute, data):
        body = struct.pack("=BBH", socket.AF_UNSPEC, 0, socket.htons(0))
        body += struct.pack("=HH", 4 + len(data), attribute) + data + b"\0" * (-len(data) % 4)
        kernel.send(struct.pack("=IHHII", 16 + len(body), 3 << 8 | kind, 1, 0, 0) + body)

    send(2, 1, struct.pack("!BBH", 1, 0, socket.AF_INET))  # Bind the queue.
    send(2, 2, struct.pack("!IB", 0, 1))  # Only what is about a packet, not the packet.
    waiting = collections.deque()
    kernel.setblocking(False)
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            send(1, 2, struct.pack("!II", 1, waiting.popleft()[1]))  # NF_ACCEPT
        pause = waiting[0][0] - now if waiting else 0.5
        if not select.select([kernel], [], [], pause)[0]:
            continue
        message = kernel.recv(65536)
        if struct.unpack_from("=H", message, 4)[0] == 3 << 8:
            # The first attribute says which packet it is.
            waiting.append((time.monotonic() + int(milliseconds) / 1000,
                            struct.unpack_from("!I", message, 24)[0]))


def main():
    programs = (spin, flood, leak, stream, evict, fsync, storm, syn, slow_script, delay)
    {program.__name__: program for program in programs}[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()

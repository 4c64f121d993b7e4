#!/usr/bin/env python3
"""Clients of all applications in one process: each asks at its own pace and waits for its answer.

Arguments: the server's address, a socket for orders, a file for figures, a seed. Orders are
datagrams: "factor X" multiplies all rates, "receive NAME BYTES" gives the connections of one
application a receive buffer of that size and reads slowly (0 = as before), "swing on|off" lets the
rates wander.
Every second a line of JSON is appended: what the clients of each application felt."""
import contextlib
import heapq
import json
import math
import os
import random
import selectors
import socket
import sys
import time

from applications import PAGES, PORTS

SLOW_READ_S = 0.02


def http_complete(data):
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    at = head.lower().find(b"content-length:")
    return at < 0 or len(body) >= int(head[at + 15:].split(b"\r\n", 1)[0])


class Redis:
    clients, rate = 4, 40

    def __init__(self, dice):
        self.dice = dice

    def hello(self):
        return b""

    def request(self):
        key = self.dice.randrange(2000)
        if self.dice.random() < 0.15:
            return b"SET key:%d %s\r\n" % (key, b"x" * 100)
        return b"GET key:%d\r\n" % key

    @staticmethod
    def complete(data):
        if not data.endswith(b"\r\n"):
            return False
        return not data.startswith(b"$") or data.startswith(b"$-1") or data.count(b"\r\n") >= 2


class RedisVisitor(Redis):
    """Comes with a new connection each time: somebody must feel the handshake."""
    clients, rate, visits = 2, 10, True

    def request(self):
        return b"PING\r\n"


class Memcached:
    clients, rate = 4, 40

    def __init__(self, dice):
        self.dice = dice

    def hello(self):
        return b""

    def request(self):
        key = self.dice.randrange(2000)
        if self.dice.random() < 0.2:
            return b"set key%d 0 0 100\r\n%s\r\n" % (key, b"x" * 100)
        return b"get key%d\r\n" % key

    @staticmethod
    def complete(data):
        return data.endswith((b"END\r\n", b"STORED\r\n"))


class Postgres:
    clients, rate = 4, 12

    def __init__(self, dice):
        self.dice = dice

    def hello(self):
        text = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0"
        return (len(text) + 4).to_bytes(4, "big") + text

    def request(self):
        account = self.dice.randrange(1, 20001)
        if self.dice.random() < 0.25:
            text = b"update account set balance = balance + 1 where id = %d\0" % account
        else:
            text = b"select * from account where id = %d\0" % account
        return b"Q" + (len(text) + 4).to_bytes(4, "big") + text

    @staticmethod
    def complete(data):
        return data[-6:-1] == b"Z\0\0\0\x05"


class Nginx:
    clients, rate = 4, 20

    def __init__(self, dice):
        self.dice = dice

    def hello(self):
        return b""

    def request(self):
        return b"GET /%d.html HTTP/1.1\r\nHost: pages\r\n\r\n" % self.dice.randrange(PAGES)

    complete = staticmethod(http_complete)


class Proxy(Nginx):
    clients, rate = 4, 15

    def request(self):
        return b"GET /order HTTP/1.1\r\nHost: front\r\n\r\n"


KINDS = {"redis": Redis, "visitor": RedisVisitor, "memcached": Memcached, "postgres": Postgres,
         "nginx": Nginx, "proxy": Proxy}


class Client:
    """One connection. `ready(now)` sends when it is time, `readable()` takes what came."""

    def __init__(self, loop, name, dice):
        self.loop = loop
        self.name = name
        self.port = PORTS["redis" if name == "visitor" else name]
        self.protocol = KINDS[name](dice)
        self.interval = 1 / self.protocol.rate
        self.dice = dice
        self.socket = None
        self.data = bytearray()
        self.sent_at = None
        self.greeting = False
        self.due = 0.0

    def act(self, now):
        """At its time: connects, asks, or goes on reading slowly."""
        if self.socket is None:
            self.connect(now)
        elif self.sent_at is None:
            self.ask(now)
        elif self.loop.receive.get(self.name):
            self.readable(now)

    def connect(self, now):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if size := self.loop.receive.get(self.name):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        self.socket.setblocking(False)
        self.sent_at = now
        self.greeting = True
        self.socket.connect_ex((self.loop.server, self.port))
        self.loop.selector.register(self.socket, selectors.EVENT_WRITE, self)

    def writable(self, now):
        """The handshake is over."""
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
            self.fail(now)
            return
        self.loop.watch(self)
        hello = self.protocol.hello()
        self.greeting = bool(hello)
        started = self.sent_at
        self.send(hello or self.protocol.request(), now)
        # A visitor's time begins with the handshake.
        self.sent_at = started if getattr(self.protocol, "visits", False) else now

    def ask(self, now):
        self.sent_at = now
        self.send(self.protocol.request(), now)

    def send(self, text, now):
        try:
            self.socket.send(text)
        except OSError:
            self.fail(now)

    def readable(self, now):
        slow = self.loop.receive.get(self.name)
        try:
            piece = self.socket.recv(slow or 262144)
        except BlockingIOError:
            return
        except OSError:
            self.fail(now)
            return
        if not piece:
            self.fail(now)
            return
        self.data += piece
        if self.protocol.complete(self.data):
            self.finish(now)
        elif slow:
            paused = self.socket
            self.loop.selector.unregister(paused)
            self.loop.at(now + SLOW_READ_S, lambda later: self.resume(paused, later))

    def resume(self, paused, now):
        """Unless there is another connection by now."""
        if self.socket is paused:
            self.loop.watch(self, register=True)
            self.readable(now)

    def finish(self, now):
        if self.sent_at is None:  # Nobody asked: a server that takes its leave.
            self.fail(now)
            return
        # HTTP's server errors; the other protocols' figures stay as they are.
        refused = self.data.startswith(b"HTTP/1.1 5")
        self.data.clear()
        if self.greeting:
            self.greeting = False
            self.ask(now)
            return
        if refused:
            self.loop.failed(self.name)
        self.loop.felt(self.name, now - self.sent_at)
        self.sent_at = None
        if getattr(self.protocol, "visits", False) or self.loop.wants_new.get(self.name, 0) > now:
            self.close()
        self.plan(now)

    def fail(self, now):
        self.loop.failed(self.name)
        self.close()
        self.data.clear()
        self.sent_at = None
        self.loop.at(now + 0.1, self.act)

    def close(self):
        with contextlib.suppress(KeyError, ValueError):
            self.loop.selector.unregister(self.socket)
        self.socket.close()
        self.socket = None

    def plan(self, now):
        """A late client does not try to catch up."""
        pause = self.interval / self.loop.factor() * self.dice.uniform(0.7, 1.3)
        self.due = max(now, self.due + pause)
        if self.due < now + pause / 4:
            self.due = now + pause / 4
        self.loop.at(self.due, self.act)


class Loop:
    def __init__(self, server, orders, figures, seed):
        self.server = server
        self.selector = selectors.DefaultSelector()
        self.timers = []
        self.count = 0
        self.receive = {}
        self.wants_new = {}
        self.scale = 1.0
        self.swinging = True
        self.figures = open(figures, "a", buffering=1)
        self.latencies = {}
        self.errors = {}
        self.orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.orders.bind(orders)
        os.chmod(orders, 0o600)
        self.orders.setblocking(False)
        self.selector.register(self.orders, selectors.EVENT_READ, None)
        dice = random.Random(seed)
        now = time.monotonic()
        for name, kind in KINDS.items():
            for _ in range(kind.clients):
                client = Client(self, name, random.Random(dice.random()))
                client.due = now + dice.random()
                self.at(client.due, client.act)
        self.at(now + 1, self.report)

    def at(self, when, call):
        self.count += 1
        heapq.heappush(self.timers, (when, self.count, call))

    def watch(self, client, register=False):
        if register:
            self.selector.register(client.socket, selectors.EVENT_READ, client)
        else:
            self.selector.modify(client.socket, selectors.EVENT_READ, client)

    def factor(self):
        """Healthy load is not constant: it wanders by a third within minutes."""
        swing = 1 + 0.2 * math.sin(time.monotonic() / 23) + 0.13 * math.sin(time.monotonic() / 7.1)
        return self.scale * (swing if self.swinging else 1)

    def felt(self, name, seconds):
        self.latencies.setdefault(name, []).append(seconds)

    def failed(self, name):
        self.errors[name] = self.errors.get(name, 0) + 1

    def report(self, now):
        line = {"time": time.time()}
        for name in KINDS:
            times = sorted(self.latencies.get(name, []))
            line[name] = {"requests": len(times), "errors": self.errors.get(name, 0),
                          "p50_ms": round(times[len(times) // 2] * 1e3, 3) if times else None,
                          "p95_ms": round(times[len(times) * 19 // 20] * 1e3, 3) if times else None}
        self.figures.write(json.dumps(line) + "\n")
        self.latencies, self.errors = {}, {}
        self.at(now + 1, self.report)

    def obey(self):
        order = self.orders.recv(200).decode().split()
        if order[0] == "factor":
            self.scale = float(order[1])
        elif order[0] == "swing":
            self.swinging = order[1] == "on"
        elif order[0] == "receive":
            size = int(order[2])
            self.receive[order[1]] = size
            # A receive buffer is chosen before the handshake: the connections are made anew.
            self.wants_new[order[1]] = time.monotonic() + 2

    def run(self):
        while True:
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                heapq.heappop(self.timers)[2](now)
            wait = max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else 1.0
            for key, events in self.selector.select(wait):
                if key.data is None:
                    self.obey()
                elif events & selectors.EVENT_WRITE:
                    key.data.writable(time.monotonic())
                else:
                    key.data.readable(time.monotonic())


def main():
    server, orders, figures, seed = sys.argv[1:5]
    Loop(server, orders, figures, int(seed)).run()


if __name__ == "__main__":
    main()

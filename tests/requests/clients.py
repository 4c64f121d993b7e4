"""Clients of the table. Each call takes a place and a witness, waits until the load begins, and
ends when it is over; what it measures is how long it waited for each reply."""
import contextlib
import os
import select
import socket
import threading
import time

import frames
import servers

MSG_FASTOPEN = 0x20000000
MPTCP = servers.IPPROTO_MPTCP


class Conversation:
    """One connection, with requests one after the other."""

    def __init__(self, sock, witness=None):
        self.sock, self.witness, self.data = sock, witness, b""

    def ask(self, data):
        begin = time.perf_counter_ns()
        if self.witness:
            self.witness.sends()
        self.sock.sendall(data)
        self.take_reply(begin)

    def take_reply(self, begin):
        """Reads until the next reply is complete; what was pushed before it is thrown away."""
        while not self._found():
            more = self.sock.recv(1 << 18)
            if not more:
                raise ConnectionError("the server has closed the connection")
            self.data += more
        if self.witness:
            self.witness.waited(time.perf_counter_ns() - begin)

    def _found(self):
        while found := frames.take_reply(self.data):
            kind, self.data = found
            if kind == frames.REPLY:
                return True
        return False

    def read_on(self, seconds):
        """Thinks that long, and reads meanwhile what is pushed."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], left)[0]:
                return
            more = self.sock.recv(1 << 18)
            if not more:
                raise ConnectionError("the server has closed the connection")
            self.data += more
        self._found()


def share(count, work):
    """`work(number)` in so many threads; returns when all have ended."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def steady(connections=2, pause_s=0.05, body=64, reply_bytes=64, protocol=0):
    """Connections that stay open."""
    def call(place, witness):
        until = place.go()

        def client(number):
            talk = Conversation(place.connect(protocol), witness)
            for seconds in frames.works(start=number / connections):
                if time.monotonic() > until:
                    break
                talk.ask(frames.request(seconds, body, reply_bytes))
                talk.read_on(pause_s)
            talk.sock.close()
        share(connections, client)
    return call


def older(connections=2, pause_s=0.05):
    """Connections that were there, and had been used, before the collector."""
    def call(place, witness):
        talks = [Conversation(place.connect()) for _ in range(connections)]
        for talk in talks:
            for _ in range(3):
                talk.ask(frames.request(0.001))
        place.mark("connected")
        until = place.go()

        def client(number):
            talk = talks[number]
            talk.witness = witness
            for seconds in frames.works(start=number / connections):
                if time.monotonic() > until:
                    break
                talk.ask(frames.request(seconds))
                talk.read_on(pause_s)
            talk.sock.close()
        share(connections, client)
    return call


def rarely(connections=24, pause_s=6.0):
    """Keeps connections, and uses each once in a while."""
    def call(place, witness):
        until = place.go()

        def client(number):
            talk = Conversation(place.connect(), witness)
            works = frames.works(start=number / connections)
            talk.read_on(pause_s * number / connections)
            while time.monotonic() < until:
                talk.ask(frames.request(next(works)))
                talk.read_on(min(pause_s, max(0.0, until - time.monotonic())))
            talk.sock.close()
        share(connections, client)
    return call


def _with_data(place):
    """TCP fast open: the request travels with the first segment of the connection."""
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def first(data):
        sock.sendto(data, MSG_FASTOPEN, place.address())
    return sock, first


def sessions(requests=1, half_close=False, fast_open=False, connections=2, pause_s=0.08):
    """A connection for so many requests. `half_close`: the client has said all before it reads."""
    def call(place, witness):
        until = place.go()

        def session(works):
            if fast_open:
                sock, write = _with_data(place)
            else:
                sock = place.connect()
                write = sock.sendall
            talk = Conversation(sock, witness)
            with sock:
                for _ in range(requests):
                    begin = time.perf_counter_ns()
                    witness.sends()
                    write(frames.request(next(works)))
                    if half_close:
                        sock.shutdown(socket.SHUT_WR)
                    talk.take_reply(begin)

        def client(number):
            works = frames.works(start=number / connections)
            while time.monotonic() < until:
                session(works)
                time.sleep(pause_s)
        share(connections, client)
    return call


def pipelined(depth=4):
    """Asks again before it has the reply: which reply took how long is not to be seen outside."""
    def call(place, witness):
        until = place.go()
        talk = Conversation(place.connect(), witness)
        works = frames.works()
        while time.monotonic() < until:
            begin = time.perf_counter_ns()
            for _ in range(depth):
                witness.sends()
                talk.sock.sendall(frames.request(next(works)))
            for _ in range(depth):
                talk.take_reply(begin)
            time.sleep(0.1)
        talk.sock.close()
    return call


def upload(body=6000, rest_after_s=0.06, connections=2):
    """The second half of each request comes later. The witness is about what follows it."""
    def call(place, witness):
        until = place.go()

        def client(number):
            talk = Conversation(place.connect(), witness)
            rests = frames.works(rest_after_s, start=number / 3)
            for seconds in frames.works(start=number / connections):
                if time.monotonic() > until:
                    break
                data = frames.request(seconds, body)
                begin = time.perf_counter_ns()
                talk.sock.sendall(data[:len(data) // 2])
                time.sleep(next(rests))
                witness.sent_late(time.perf_counter_ns() - begin)
                talk.ask(data[len(data) // 2:])
                talk.read_on(0.05)
            talk.sock.close()
        share(connections, client)
    return call


def within(place, witness):
    """Two processes that talk over a pair of sockets nobody listens at."""
    until = place.go()
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        place.in_child()
        place.works()
        ours.close()
        servers.quietly(servers.converse, theirs)
        os._exit(0)
    theirs.close()
    place.works()
    talk = Conversation(ours, witness)
    for seconds in frames.works():
        if time.monotonic() > until:
            break
        talk.ask(frames.request(seconds))
        time.sleep(0.05)
    ours.close()
    os.wait()


def send_only(place, witness):
    """A steady sender of lines that nobody answers, and short-lived ones that close 3 s later."""
    until = place.go()

    def line(sock):
        witness.sends()
        sock.sendall(b"host.cpu.load 0.4 1700000000\n")

    def client(number):
        while time.monotonic() < until:
            with place.connect() as sock:
                line(sock)
                end = until if number == 0 else min(until, time.monotonic() + 3)
                while (left := end - time.monotonic()) > 0:
                    time.sleep(min(left, 1.0))
                    if number == 0:
                        line(sock)
    share(2, client)


def _poll(place, witness, timed, pollers=4):
    """All ask for what is not there yet, and are held."""
    until = place.go()

    def hold(number):
        talk = Conversation(place.connect())
        for at in frames.evenly(start=number / pollers):
            if time.monotonic() > until:
                break
            begin = time.perf_counter_ns()
            witness.sends()
            talk.ask(frames.request(2.2 + 2.5 * at))
            if timed:
                witness.waited(time.perf_counter_ns() - begin)
            time.sleep(0.05)
        talk.sock.close()
    share(pollers, hold)


def poll_alone(place, witness):
    """All are held, and nobody else asks."""
    _poll(place, witness, timed=True)


def poll(place, witness):
    """Some are held, others are answered at once all the time: only these are to be timed."""
    held = threading.Thread(target=_poll, args=(place, witness, False))
    held.start()
    steady()(place, witness)
    held.join()


def subscribe(place, witness):
    """Asks for a stream, and again when it has had enough of it."""
    until = place.go()

    def client(number):
        works = frames.works(start=number / 4)
        while time.monotonic() < until:
            with place.connect() as sock:
                talk = Conversation(sock, witness)
                talk.ask(frames.request(next(works)))
                with contextlib.suppress(ConnectionError):
                    talk.read_on(1.5)
    share(4, client)


def farewell(place, witness):
    """Hears a greeting, asks, and says goodbye, to which nobody replies."""
    until = place.go()
    works = frames.works()
    while time.monotonic() < until:
        with place.connect() as sock:
            talk = Conversation(sock, witness)
            while not talk.data:
                talk.data = sock.recv(4096)
            for _ in range(3):
                talk.ask(frames.request(next(works)))
                talk.read_on(0.03)
            witness.sends()
            sock.sendall(b"quit")

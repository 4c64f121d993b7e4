"""Servers that are not simply asked and answer: they hold a request on purpose, push, stream, speak
first, owe no reply. Nothing is wrong with any of them; the last ones stop to reply."""
import asyncio
import threading
import time

import exits
import frames
import servers

PUSH_EVERY_S = 0.25
MUTE_S = 7.0


def push(place):
    """Answers at once, and sends news every 250 ms on each connection without being asked."""
    def serve(sock):
        lock = threading.Lock()

        def news():
            while True:
                time.sleep(PUSH_EVERY_S)
                with lock:
                    sock.sendall(frames.reply(200, frames.PUSH))

        def send(sock, data):
            with lock:
                sock.sendall(data)

        threading.Thread(target=servers.quietly, args=(lambda _: news(), sock), daemon=True).start()
        servers.converse(sock, exits.recv, send)
    servers.threads(serve)(place)


def drain(place):
    """Reads and never replies, as collectors of logs and metrics do."""
    def serve(sock):
        while sock.recv(65536):
            pass
        sock.close()
    servers.threads(serve)(place)


def hold_in_a_loop(place):
    """One thread that waits for all requests at once: a long poll is a timer in its event loop."""
    async def serve(reader, writer):
        data = b""
        while True:
            while (found := frames.take_request(data)) is None:
                more = await reader.read(65536)
                if not more:
                    writer.close()
                    return
                data += more
            seconds, size, data = found
            await asyncio.sleep(seconds)
            writer.write(frames.reply(size))
            await writer.drain()

    async def run():
        server = await asyncio.start_server(serve, sock=place.listen())
        place.ready(works=True)
        await server.serve_forever()
    asyncio.run(run())


def hold_in_threads(place):
    """A thread for each connection; a request for work that is not there waits on a condition."""
    empty = threading.Condition()

    def serve(sock):
        data = b""
        while more := sock.recv(65536):
            data += more
            while found := frames.take_request(data):
                seconds, size, data = found
                with empty:
                    empty.wait(seconds)
                sock.sendall(frames.reply(size))
        sock.close()
    servers.threads(serve)(place)


def stream(place):
    """A reply that begins at once and goes on until the client has enough (server-sent events)."""
    def serve(sock):
        data = sock.recv(65536)
        seconds, size, _ = frames.take_request(data)
        frames.work(seconds)
        sock.sendall(frames.reply(size))
        while True:
            time.sleep(PUSH_EVERY_S)
            sock.sendall(frames.reply(120, frames.PUSH))
    servers.threads(serve)(place)


def greet(place):
    """Speaks first, as SMTP, FTP and MySQL do; says nothing to the last word."""
    def serve(sock):
        sock.sendall(frames.reply(40, frames.PUSH))
        servers.converse(sock)
    servers.threads(serve)(place)


def fall_silent(place):
    """Replies to everybody until the test marks "mute"; then reads on and replies no more."""
    def send(sock, data):
        if place.marked("mute"):
            time.sleep(MUTE_S)
        sock.sendall(data)
    servers.threads(servers.conversing(exits.recv, send))(place)

"""Other members of the kinds that shared sites report: each is a server, its clients, and what they
change when the test comes to "turn" (nothing is wrong then) and marks their "fault" (something
is)."""
import collections
import dataclasses
import http.client
import http.server
import os
import signal
import socket
import threading
import time

import servers

MPTCP = servers.IPPROTO_MPTCP
QUICK_S, SLOW_S = 0.006, 0.150


def as_long_as_it_goes(place, work):
    """Runs work again and again until the test ends; a connection that breaks is made again."""
    until = place.go()
    while time.monotonic() < until:
        try:
            work()
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)


def share(place, count, make):
    """`count` clients; each repeats what `make` gives it."""
    def client(number):
        as_long_as_it_goes(place, make(number))
    threads = [threading.Thread(target=client, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def usual_work(place):
    """6 ms; 150 ms once something is wrong."""
    time.sleep(SLOW_S if place.marked("fault") else QUICK_S)


class Web(http.server.BaseHTTPRequestHandler):
    """Keeps connections; GET /news waits for news, POST takes a body in chunks."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    place = None
    news = threading.Condition()
    turns_bad = False

    def answer(self, text=b"well\n"):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        if self.path == "/news":
            with self.news:
                self.news.wait(6)
        else:
            time.sleep(QUICK_S)
        self.answer()

    def do_POST(self):
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()
        if self.turns_bad:
            usual_work(self.place)
        else:
            time.sleep(QUICK_S)
        self.answer()

    def log_message(self, *_):
        pass


class WebServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def web(turns_bad=False, turns=True):
    def serve(place):
        Web.place, Web.turns_bad = place, turns_bad
        server = WebServer(place.address(), Web)
        place.ready(works=True)

        def tell():
            while not turns or not place.is_time_for("turn"):
                time.sleep(0.03)
                with Web.news:
                    Web.news.notify_all()
        threading.Thread(target=tell, daemon=True).start()
        server.serve_forever()
    return serve


def browser(place):
    """A connection that is kept; `ask` makes it anew after a failure."""
    held = []

    def ask(method, path, body=None):
        if not held:
            held.append(http.client.HTTPConnection(*place.address(), timeout=30))
        try:
            held[0].request(method, path, body, encode_chunked=body is not None,
                            headers={"Transfer-Encoding": "chunked"} if body else {})
            held[0].getresponse().read()
        except (OSError, http.client.HTTPException):
            held.pop().close()
            raise
    return ask


def readers_of_news(place):
    """Three wait for news, which are rare after the turn; one asks for other things meanwhile."""
    def make(number):
        ask = browser(place)

        def once():
            ask("GET", "/news" if number else "/now")
            if not number:
                time.sleep(0.05)
        return once
    share(place, 4, make)


def posts(place):
    """Chunks one right after the other; 80 ms apart after the turn."""
    def make(_):
        ask = browser(place)

        def chunks():
            for _ in range(5):
                yield b"u" * 800
                if place.is_time_for("turn"):
                    time.sleep(0.08)

        def once():
            ask("POST", "/", chunks())
            time.sleep(0.15)
        return once
    share(place, 4, make)


def steady_posts(place):
    def make(_):
        ask = browser(place)

        def once():
            ask("POST", "/", iter([b"u" * 800] * 5))
            time.sleep(0.15)
        return once
    share(place, 4, make)


PING, PONG, PUBLISH = b"\xc0\x00", b"\xd0\x00", b"\x30\x64" + b"n" * 100


def broker(place):
    """Answers pings at once; publishes every 150 ms on every connection after the turn."""
    def serve(sock):
        lock = threading.Lock()

        def publish():
            while True:
                time.sleep(0.15)
                if place.is_time_for("turn"):
                    with lock:
                        sock.sendall(PUBLISH)
        threading.Thread(target=servers.quietly, args=(lambda _: publish(), sock),
                         daemon=True).start()
        while sock.recv(64):
            with lock:
                sock.sendall(PONG)
    servers.threads(serve)(place)


def subscribers(place):
    def make(number):
        def once():
            with place.connect() as sock:
                sock.settimeout(0.5)
                due = time.monotonic() + 2.5 * number / 12
                while not place.is_time_for("over"):
                    if time.monotonic() >= due:
                        sock.sendall(PING)
                        due += 2.5
                    try:
                        sock.recv(65536)
                    except TimeoutError:
                        continue
        return once
    share(place, 12, make)


def log_collector(place):
    """Reads framed lines and never replies."""
    def serve(sock):
        while sock.recv(65536):
            pass
        sock.close()
    servers.threads(serve)(place)


def log_senders(place):
    """Two send a line every 4 s. After the turn a third connects for each line, and is silent for
    9 s before it closes."""
    line = b"57 <34>1 2026-01-01T00:00:00Z host app - - - all is well"

    def make(number):
        def keep():
            with place.connect() as sock:
                while not place.is_time_for("over"):
                    sock.sendall(line)
                    time.sleep(4)

        def short():
            if place.is_time_for("turn"):
                with place.connect() as sock:
                    sock.sendall(line)
                    time.sleep(9)
            time.sleep(2)
        return short if number == 2 else keep
    share(place, 3, make)


def speaker(sock):
    """Speaks first; every line but QUIT is answered."""
    sock.sendall(b"220 ready\r\n")
    while (line := sock.recv(512)) and not line.startswith(b"QUIT"):
        time.sleep(QUICK_S)
        sock.sendall(b"250 well\r\n")
    sock.close()


def senders_of_mail(place):
    """Sessions; after the turn, with somebody who thinks for 3 s between two commands."""
    def make(_):
        def once():
            with place.connect() as sock:
                sock.recv(512)
                for line in (b"EHLO x\r\n", b"MAIL FROM:<a>\r\n", b"RCPT TO:<b>\r\n"):
                    sock.sendall(line)
                    sock.recv(512)
                    if place.is_time_for("turn"):
                        time.sleep(3)
                sock.sendall(b"QUIT\r\n")
            time.sleep(0.2)
        return once
    share(place, 3, make)


def answerer(place):
    """A handler: a line is answered after the usual work."""
    def serve(sock):
        while sock.recv(4096):
            usual_work(place)
            sock.sendall(b"answer\n")
        sock.close()
    return serve


def answering(**options):
    return lambda place: servers.threads(answerer(place), **options)(place)


def answering_until_the_fault(place):
    """Then it reads on and does not reply for 12 s."""
    def serve(sock):
        while sock.recv(4096):
            time.sleep(12 if place.marked("fault") else QUICK_S)
            sock.sendall(b"answer\n")
        sock.close()
    servers.threads(serve)(place)


def child_for_each(place):
    """A process for each connection, which has one request."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = place.listen()
    place.ready()
    while True:
        sock = servers.accept(listener)
        if os.fork() == 0:
            place.in_child()
            listener.close()
            servers.quietly(answerer(place), sock)
            os._exit(0)
        sock.close()


def askers(connections=3, pause_s=0.07, kept=True, fast_open=False):
    def call(place):
        def make(_):
            def ask(sock):
                sock.sendall(b"question\n")
                return bool(sock.recv(4096))

            def keep():
                with place.connect() as sock:
                    while ask(sock) and not place.is_time_for("over"):
                        time.sleep(pause_s)

            def once():
                if fast_open:
                    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
                        sock.sendto(b"question\n", 0x20000000, place.address())
                        sock.recv(4096)
                else:
                    with place.connect() as sock:
                        ask(sock)
                time.sleep(pause_s)
            return keep if kept else once
        share(place, connections, make)
    return call


@dataclasses.dataclass(frozen=True)
class Member:
    """`of`: the case whose kind it is of. `alone`: its fault comes first, so that it has a
    diagnosis of its own; `cause`: a keyword in that. `blames`: keywords that no diagnosis of it may
    begin with, where slow requests may be told, but not as the server's; empty: nothing may be
    said."""
    name: str
    of: str
    server: collections.abc.Callable
    clients: collections.abc.Callable
    older: bool = False
    fault: str = ""           # stop: the test stops the server; itself: it does something wrong
    alone: bool = False
    cause: str = ""
    blames: tuple = ()
    requests_per_s: tuple = ()
    entities: int = 0         # of sli on its port, at most; 0: not looked at


def all_members():
    fast_open = ((socket.IPPROTO_TCP, servers.TCP_FASTOPEN, 16),)
    return [
        Member("long-poll", "redis-blocking-pop", web(), readers_of_news),
        Member("long-poll-stopped", "redis-blocking-pop", web(turns=False), readers_of_news,
               fault="stop"),
        Member("broker", "websocket-push", broker, subscribers),
        Member("syslog", "one-way-tcp", log_collector, log_senders),
        Member("mail", "one-way-tcp", servers.threads(speaker), senders_of_mail),
        Member("falls-silent", "one-way-tcp", answering_until_the_fault, askers(), fault="itself"),
        Member("mptcp-older", "mptcp-listener", answering(protocol=MPTCP), askers(), older=True,
               fault="itself", requests_per_s=(20, 60), entities=1),
        Member("fast-open", "tcp-defer-accept", answering(options=fast_open),
               askers(kept=False, fast_open=True), fault="itself",
               requests_per_s=(15, 60), entities=1),
        Member("chunked-post", "slow-upload", web(), posts, blames=("application",)),
        Member("post-slow", "slow-upload", web(turns_bad=True), steady_posts, fault="itself"),
        Member("child-for-each", "fork-per-connection", child_for_each,
               askers(kept=False, connections=2, pause_s=0.2), fault="itself",
               alone=True, cause="application", entities=3),
    ]

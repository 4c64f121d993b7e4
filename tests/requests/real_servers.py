"""Real servers as rows of the table: Redis, nginx before an application, PostgreSQL. What is asked
of them takes 4 ms and more, as in the other rows."""
import contextlib
import http.server
import os
import pathlib
import pwd
import shutil
import socket
import socketserver
import struct
import subprocess
import threading
import time
import urllib.parse

import clients
import frames
from peers import wait_until

BACKEND = 500  # how far the port of nginx's application lies from its own


def lacks(program, package):
    """Why a row cannot be run, or None."""
    return lambda: None if program() else f"needs the package {package}"


def postgres_programs():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


def children_of(pid):
    file = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in file.read_text().split()]


def _keep(place, arguments, works=lambda pid: [pid], user=None):
    """A program that listens on the port of the place, until it is killed."""
    def enter():
        place.in_child()
        if user:
            account = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)

    def listens():
        with contextlib.suppress(OSError), place.connect():
            return True
        return False
    process = subprocess.Popen([str(word) for word in arguments], preexec_fn=enter)
    wait_until(listens, f"{arguments[0]} listening", 20)
    for pid in works(process.pid):
        place.works(pid)
    place.ready()
    process.wait()


def redis(place, *options):
    _keep(place, ["redis-server", "--port", place.port, "--bind", "127.0.0.1", "--save", "",
                  "--appendonly", "no", "--daemonize", "no", "--hz", "500",
                  "--dir", place.directory, *options])


def redis_by_path(place):
    _keep(place, ["redis-server", "--port", "0", "--unixsocket", place.socket(), "--save", "",
                  "--appendonly", "no", "--daemonize", "no", "--hz", "500",
                  "--dir", place.directory])


def pops(place, witness):
    """Takes from lists where there is nothing: the reply comes when the time is up."""
    until = place.go()

    def client(number):
        with place.connect() as sock:
            for seconds in frames.works(start=number / 2):
                if time.monotonic() > until:
                    return
                begin = time.perf_counter_ns()
                witness.sends()
                limit = f"{seconds:.4f}"
                sock.sendall(f"*3\r\n$5\r\nBRPOP\r\n$5\r\nempty\r\n${len(limit)}\r\n{limit}\r\n"
                             .encode())
                if not sock.recv(4096):
                    raise ConnectionError("redis-server has closed the connection")
                witness.waited(time.perf_counter_ns() - begin)
                time.sleep(0.05)
    clients.share(2, client)


class Application(http.server.BaseHTTPRequestHandler):
    """Works as many microseconds as the query says."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        frames.work(int(urllib.parse.urlparse(self.path).query) / 1e6)
        self.send_response(200)
        self.send_header("Content-Length", "64")
        self.end_headers()
        self.wfile.write(b"a" * 64)

    def log_message(self, *_):
        pass


class UnixApplication(socketserver.ThreadingUnixStreamServer):
    """The same at a unix socket, as uWSGI or PHP-FPM are."""
    daemon_threads = True

    def get_request(self):
        return self.socket.accept()[0], ("", 0)  # http.server wants an address to tell


NGINX = """daemon off; user root; worker_processes 2; pid {directory}/{name}.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; proxy_http_version 1.1;
  upstream application {{ server {backend}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port} reuseport deferred;
    location / {{ proxy_pass http://application; proxy_set_header Connection ""; }}
  }}
}}
"""


def nginx(place):
    port = place.port + BACKEND
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", port), Application)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    _nginx(place, f"127.0.0.1:{port}")


def _nginx(place, backend):
    file = place.directory / f"{place.name}.conf"
    file.write_text(NGINX.format(directory=place.directory, name=place.name, port=place.port,
                                 backend=backend))
    _keep(place, ["nginx", "-c", file], children_of)


def _until_answered(sock):
    data = b""
    while not data.endswith(b"a" * 64):
        more = sock.recv(4096)
        if not more:
            raise ConnectionError("nginx has closed the connection")
        data += more


def gets(place, witness):
    """New connections all the time, of ten requests each."""
    until = place.go()

    def client(number):
        works = frames.works(start=number / 3)
        while time.monotonic() < until:
            with place.connect() as sock:
                for _ in range(10):
                    asked = f"GET /?{int(next(works) * 1e6)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
                    begin = time.perf_counter_ns()
                    witness.sends()
                    sock.sendall(asked)
                    _until_answered(sock)
                    witness.waited(time.perf_counter_ns() - begin)
                    time.sleep(0.05)
    clients.share(3, client)


def postgresql(place):
    """Also at a unix socket, which it names itself: <name>/.s.PGSQL.<port>."""
    programs, data = postgres_programs(), place.directory / place.name
    data.mkdir()
    shutil.chown(data, "postgres", "postgres")
    account = pwd.getpwnam("postgres")
    subprocess.run([programs / "initdb", "--pgdata", data, "--auth", "trust", "--no-sync",
                    "--username", "postgres"], check=True, stdout=subprocess.DEVNULL, cwd="/",
                   user=account.pw_uid, group=account.pw_gid, extra_groups=[])
    _keep(place, [programs / "postgres", "-D", data, "-p", place.port, "-h", "127.0.0.1",
                  "-k", data, "-c", "fsync=off"], user="postgres")


def _until_ready(sock):
    """Messages of the server until it is ready for the next query."""
    data = b""
    while True:
        while len(data) >= 5 and len(data) > (size := struct.unpack_from("!I", data, 1)[0]):
            if data[:1] == b"Z":
                return
            data = data[1 + size:]
        more = sock.recv(65536)
        if not more:
            raise ConnectionError("postgres has closed the connection")
        data += more


def queries(place, witness):
    """Sessions of five queries: a start, which is a request too, and a farewell without reply."""
    until = place.go()
    words = b"\0".join([b"user", b"postgres", b"database", b"postgres", b"", b""])
    startup = struct.pack("!II", 8 + len(words), 196608) + words

    def ask(sock, data):
        begin = time.perf_counter_ns()
        witness.sends()
        sock.sendall(data)
        _until_ready(sock)
        witness.waited(time.perf_counter_ns() - begin)

    def client(number):
        works = frames.works(start=number / 2)
        while time.monotonic() < until:
            with place.connect() as sock:
                ask(sock, startup)
                for _ in range(5):
                    query = f"select pg_sleep({next(works):.4f})".encode() + b"\0"
                    ask(sock, b"Q" + struct.pack("!I", 4 + len(query)) + query)
                    time.sleep(0.05)
                if place.family != socket.AF_UNIX:  # there nobody counts what gets no reply
                    witness.sends()
                sock.sendall(b"X" + struct.pack("!I", 4))
    clients.share(2, client)


def quickly(place, _witness):
    """Requests that are answered at once, by a client that wakes up fast."""
    program = place.build / "bin" / "quick_client"
    os.execv(program, [program.name, str(place.port), str(place.go()), str(place.testimony())])

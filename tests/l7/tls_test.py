#!/usr/bin/env python3
"""Rows of servers that speak TLS against what their clients have counted and timed themselves.

    tls_test.py PROGRAMS SHARE [KIND...]

Everything is real: the servers, their libraries, the probes and the stage, which is given no
setting. Requests are exact to 1 %, errors exact, p50 within 5 % or 50 µs. The control is a server
whose library never sees a socket: it must have no row, and be counted as not bound."""
import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "requests"))
import witness  # noqa: E402

SKIPPED = 77
CLIENTS, REQUESTS = 3, 200
DEADLINE_S = 30

PIPELINE = """
[pipeline]
name   = "tls-test"
period = "1s"
[stages.protocols]
run     = "l7-source"
metrics = "127.0.0.1:{port}"
"""

NGINX = """
daemon off; pid {directory}/nginx.pid; error_log {directory}/nginx.log; worker_processes 2;
events {{ }}
http {{
  access_log off;
  ssl_certificate {directory}/certificate; ssl_certificate_key {directory}/key;
  upstream slow {{ server 127.0.0.1:{upstream}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port} ssl {options};
    location / {{ proxy_pass http://slow; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


def skip(reason):
    print(reason)
    sys.exit(1 if os.environ.get("REQUIRE_KERNEL") == "1" else SKIPPED)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, seconds=DEADLINE_S):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def run_first():
    """This thread, and what it starts."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


class Scene:
    """Processes of one run; ends all of them."""

    def __init__(self, programs, share, directory):
        self.programs, self.share, self.directory = programs, share, directory
        self.processes = []
        self.metrics_port = free_port()
        self.last = {}
        directory.chmod(0o755)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
             "/CN=localhost", "-keyout", directory / "key", "-out", directory / "certificate"],
            check=True, capture_output=True)
        (directory / "key").chmod(0o644)

    def start(self, command, first=True):
        """`first`: before everybody else, so that nobody measures how busy the machine is."""
        log = open(self.directory / f"{len(self.processes)}.log", "w", encoding="utf-8")
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=log,
                                               preexec_fn=run_first if first else None))
        log.close()

    def start_stage(self):
        (self.directory / "pipeline.toml").write_text(PIPELINE.format(port=self.metrics_port))
        self.start([self.programs / "gala-l7-source", "--pipeline",
                    self.directory / "pipeline.toml", "--stage", "protocols", "--run-dir",
                    self.directory / "run", "--state-dir", self.directory / "state", "--share-dir",
                    self.share], first=False)
        wait_until(lambda: list((self.directory / "run").rglob("protocols.*.tap")),
                   "output of the stage")
        with open(self.directory / "rows.jsonl", "w", encoding="utf-8") as rows:
            self.processes.append(subprocess.Popen(
                [self.programs / "gala", "--run-dir", self.directory / "run", "tap", "protocols"],
                stdout=rows))

    def gauge(self, name):
        """What the stage says of itself; 0 before it says anything."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics") as page:
                text = page.read().decode()
        except OSError:
            return 0
        found = re.search(rf"{name}\{{[^}}]*}} ([0-9.e+]+)", text)
        return float(found.group(1)) if found else 0

    def rows(self, port):
        """The newest row of each process that serves there: they count from their beginning."""
        newest = {}
        for line in (self.directory / "rows.jsonl").read_text().splitlines():
            row = json.loads(line) if line.endswith("}") else {}
            if row.get("table") == "l7.requests" and row.get("server_port") == port:
                newest[(row["tgid"], row["role"], row["protocol"])] = row
        return list(newest.values())

    def responses(self, port):
        return sum(row["responses"] for row in self.rows(port))

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(timeout=15)


def run_python(kind):
    def serve(scene, port):
        scene.start([sys.executable, HERE / "tls_servers.py", kind, str(port),
                     scene.directory / "certificate", scene.directory / "key"])
    return serve


def run_nginx(options=""):
    """Two workers that pass requests on to a server without TLS."""
    def serve(scene, port):
        upstream = free_port()
        run_python("plain")(scene, upstream)
        home = scene.directory / f"nginx-{port}"
        home.mkdir()
        for name in ("key", "certificate"):
            shutil.copy(scene.directory / name, home)
        (home / "nginx.conf").write_text(
            NGINX.format(directory=home, port=port, upstream=upstream, options=options))
        scene.start(["nginx", "-p", home, "-c", home / "nginx.conf"])
    return serve


def run_in_container(scene, port):
    """Python with libraries that nobody else sees: in a mount namespace, on a file system of its
    own."""
    hidden = scene.directory / "hidden"
    hidden.mkdir()
    library = next(line.split()[-1] for line in pathlib.Path("/proc/self/maps").read_text()
                   .splitlines() if "/libssl." in line)
    scene.start(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                 f"mount -t tmpfs none {hidden} && cp {library} {hidden} && "
                 f"LD_LIBRARY_PATH={hidden} exec {sys.executable} {HERE}/tls_servers.py openssl "
                 f"{port} {scene.directory}/certificate {scene.directory}/key"])


def run_go(scene, port):
    """Without symbols, as many are installed."""
    server = scene.directory / f"tls_server-{port}"
    subprocess.run(["go", "build", "-ldflags=-s -w", "-o", server, HERE / "tls_server.go"],
                   check=True)
    scene.start([server, str(port), scene.directory / "certificate", scene.directory / "key"])


def run_static(scene, port):
    scene.start([scene.programs / "static_tls_server", str(port), scene.directory / "certificate",
                 scene.directory / "key"])


class Client:
    """One connection, kept: each tenth request asks for what fails."""

    def __init__(self, port):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = socket.create_connection(("127.0.0.1", port), 10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = context.wrap_socket(sock)
        self.errors = 0

    def ask(self, number, seen):
        path = path_of(number).encode()
        self.errors += path.startswith(b"/fail")
        seen.sends()
        begun = time.perf_counter_ns()
        self.stream.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        data = self.stream.recv(4096)
        seen.waited(time.perf_counter_ns() - begun)
        assert data, "the server has closed the connection"
        head, _, body = data.partition(b"\r\n\r\n")
        missing = int(re.search(rb"Content-Length: (\d+)", head).group(1)) - len(body)
        while missing > 0:
            missing -= len(self.stream.recv(missing))

    def ask_all(self, seen):
        for number in range(REQUESTS):
            self.ask(number, seen)

    def close(self):
        self.stream.close()


def path_of(number):
    """Takes between 4 and 16 ms, evenly: what a histogram tells to 5 %."""
    name = "fail" if number % 10 == 0 else f"user/{number}"
    return f"/{name}?us={4000 + 37 * number % 200 * 60}"


class Http2Client:
    """curl: some requests at a time on one connection."""

    def __init__(self, port):
        self.port, self.errors = port, 0

    def ask_all(self, seen):
        command = ["curl", "--silent", "--insecure", "--http2", "--parallel", "--parallel-max", "2",
                   "--write-out", "%{time_pretransfer} %{time_starttransfer} %{http_code}\\n"]
        for number in range(REQUESTS):
            command += ["-o", "/dev/null", f"https://127.0.0.1:{self.port}{path_of(number)}"]
        for line in subprocess.run(command, check=True, capture_output=True,
                                   text=True).stdout.splitlines():
            begun, ended, code = line.split()
            seen.sends()
            seen.waited((float(ended) - float(begun)) * 1e9)
            self.errors += code == "500"

    def close(self):
        pass


@dataclasses.dataclass
class Kind:
    name: str
    serve: object
    older: bool = False     # server and connections are older than the stage
    reads: bool = True      # False: its rows must not be there
    needs: str = ""         # a program, of the system or of this build
    client: type = Client
    protocol: str = "http"
    port: int = 0
    clients: list = dataclasses.field(default_factory=list)
    seen: witness.Witness = dataclasses.field(default_factory=witness.Witness)

    def begin(self, scene):
        self.port = free_port()
        self.serve(scene, self.port)
        wait_until(lambda: answers(self.port), f"{self.name} answers")
        if self.older:
            self.clients = [self.client(self.port) for _ in range(CLIENTS)]

    def ask(self):
        self.clients = self.clients or [self.client(self.port) for _ in range(CLIENTS)]
        threads = [threading.Thread(target=self._ask, args=(client,)) for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in self.clients:
            client.close()

    def _ask(self, client):
        run_first()
        client.ask_all(self.seen)

    def wrong(self, scene):
        """What differs; nothing when all is right. Prints the row of the table."""
        sent, errors = self.seen.requests, sum(client.errors for client in self.clients)
        rows = scene.rows(self.port)
        counted = sum(row["responses"] for row in rows)
        failed = sum(row["server_errors"] for row in rows)
        buckets = {}
        for row in rows:
            for bound, count in row["latency"]["buckets"].items():
                bound = float("inf") if bound == "+Inf" else float(bound)
                buckets[bound] = buckets.get(bound, 0) + count
        middle = witness.quantile(buckets, 0, 0.5) or 0
        times = sorted(self.seen.times_ns)
        print(f"{self.name:22} requests {sent:5} counted {counted:5}  errors {errors:3} "
              f"{failed:3}  p50 {times[len(times) // 2] / 1e6:6.2f} ms {middle / 1e6:6.2f} ms "
              f"{sorted({row['protocol'] for row in rows})}", flush=True)
        if not self.reads:
            return ["it has rows"] if rows else []
        found = []
        if not witness.counts_agree(sent, counted):
            found.append(f"{counted} requests instead of {sent}")
        if failed != errors:
            found.append(f"{failed} errors instead of {errors}")
        if not witness.agree(times, buckets, 0, 0.5):
            found.append(f"p50 {middle / 1e6:.2f} ms instead of {times[len(times) // 2] / 1e6:.2f}")
        if {row["protocol"] for row in rows} != {self.protocol}:
            found.append("another protocol")
        return found


KINDS = [
    Kind("nginx, older", run_nginx(), older=True, needs="nginx"),
    Kind("nginx", run_nginx(), needs="nginx"),
    Kind("Python", run_python("openssl")),
    Kind("Python in a container", run_in_container, needs="unshare"),
    Kind("GnuTLS", run_python("gnutls")),
    Kind("Go", run_go, needs="go"),
    Kind("nginx, HTTP/2", run_nginx("http2"), client=Http2Client, protocol="http2", needs="nginx"),
    Kind("Go, HTTP/2", run_go, client=Http2Client, protocol="http2", needs="go"),
    Kind("OpenSSL inside", run_static, needs="static_tls_server"),
    Kind("asyncio, no socket", run_python("asyncio"), reads=False),
]


def run(scene, kinds):
    for kind in kinds:
        if kind.older:
            kind.begin(scene)
    scene.start_stage()
    wait_until(lambda: scene.gauge("tls_files") > 0 or not any(k.older for k in kinds),
               "the library of an older server is found")
    for kind in kinds:
        if not kind.older:
            kind.begin(scene)
    # Each server's library is found at the next look at new processes.
    looked = time.monotonic() + 4
    wait_until(lambda: time.monotonic() > looked, "looks at new processes")
    wrong = []
    for kind in kinds:
        kind.ask()
    for kind in kinds:
        if kind.reads:
            deadline = time.monotonic() + 10
            while (scene.responses(kind.port) < kind.seen.requests and
                   time.monotonic() < deadline):
                time.sleep(0.2)
        wrong += [f"{kind.name}: {words}" for words in kind.wrong(scene)]
    if any(not kind.reads for kind in kinds):
        wait_until(lambda: scene.gauge("tls_unbound") >= CLIENTS * REQUESTS,
                   "what is not bound is counted", 10)
    assert not wrong, "\n".join(wrong)


def main():
    programs, share = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    if os.geteuid() != 0 or not pathlib.Path("/sys/kernel/btf/vmlinux").exists():
        skip("needs root and kernel BTF")
    kinds = [kind for kind in KINDS if (not sys.argv[3:] or kind.name in sys.argv[3:])]
    for kind in list(kinds):
        if kind.needs and not (shutil.which(kind.needs) or (programs / kind.needs).exists()):
            print(f"{kind.name}: skipped, needs {kind.needs}")
            kinds.remove(kind)
    with tempfile.TemporaryDirectory(prefix="gala-tls-") as directory:
        scene = Scene(programs, share, pathlib.Path(directory))
        try:
            run(scene, kinds)
        except BaseException:
            for log in scene.directory.glob("*.log"):
                print(log.name, log.read_text()[-500:])
            raise
        finally:
            scene.close()


if __name__ == "__main__":
    main()

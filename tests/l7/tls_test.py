#!/usr/bin/env python3
"""Rows of servers that speak TLS against what their clients have counted and timed themselves.

    tls_test.py PROGRAMS SHARE [KIND...]

Everything is real: the servers, their libraries, the probes and the stage, which is given no
setting. Requests are exact to 1 %, errors exact, p50 within 5 % or 50 µs. A server whose library
never sees a socket must be counted as not bound until it is read, and be exact from then on."""
import collections
import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "requests"))
import witness  # noqa: E402
from prerequisites import free_port, skip  # noqa: E402
from tls_clients import Client, Http2Client, run_first  # noqa: E402

CLIENTS = 3
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


def tls_library():
    """The one that Python uses."""
    return next(line.split()[-1] for line in pathlib.Path("/proc/self/maps").read_text()
                .splitlines() if "/libssl." in line)


def serve_hidden(scene, port, directory, mount):
    """Python with a library in a directory that nobody else sees: in a mount namespace."""
    scene.start(["unshare", "--mount", "--propagation", "private", "sh", "-c",
                 f"{mount} && LD_LIBRARY_PATH={directory} exec {sys.executable} "
                 f"{HERE}/tls_servers.py openssl {port} {scene.directory}/certificate "
                 f"{scene.directory}/key"])


def run_in_container(scene, port):
    hidden = scene.directory / "hidden"
    hidden.mkdir()
    serve_hidden(scene, port, hidden,
                 f"mount -t tmpfs none {hidden} && cp {tls_library()} {hidden}")


def run_in_containers(scene, port):
    """The same from an image that two containers share: the kernel sees one file, but each of them
    another."""
    image = scene.directory / "image"
    image.mkdir()
    nothing = scene.directory / "nothing"
    nothing.mkdir()
    shutil.copy(tls_library(), image)
    for its_port in (free_port(), port):
        merged = scene.directory / f"merged-{its_port}"
        merged.mkdir()
        serve_hidden(scene, its_port, merged,
                     f"mount -t overlay none -o lowerdir={image}:{nothing} {merged}")


def run_go(scene, port):
    """Without symbols, as many are installed."""
    server = scene.directory / f"tls_server-{port}"
    subprocess.run(["go", "build", "-ldflags=-s -w", "-o", server, HERE / "tls_server.go"],
                   check=True)
    scene.start([server, str(port), scene.directory / "certificate", scene.directory / "key"])


def run_static(scene, port):
    scene.start([scene.programs / "static_tls_server", str(port), scene.directory / "certificate",
                 scene.directory / "key"])


def run_node(scene, port):
    scene.start(["node", HERE / "tls_server.js", str(port), scene.directory / "certificate",
                 scene.directory / "key"])


@dataclasses.dataclass
class Kind:
    name: str
    serve: object
    older: bool = False     # server and connections are older than the stage
    handed: bool = False    # its library never sees a socket: what it says first is missed
    needs: str = ""         # a program, of the system or of this build
    client: type = Client
    protocol: str = "http"
    port: int = 0
    clients: list = dataclasses.field(default_factory=list)
    seen: witness.Witness = dataclasses.field(default_factory=witness.Witness)
    before: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def counted(self, scene):
        """Responses, errors, and responses by the upper bound of their time, since warm_up()."""
        totals = collections.Counter()
        for row in scene.rows(self.port):
            totals["responses"] += row["responses"]
            totals["errors"] += row["server_errors"]
            for bound, count in row["latency"]["buckets"].items():
                totals[float("inf") if bound == "+Inf" else float(bound)] += count
        totals.subtract(self.before)
        return totals

    def warm_up(self, scene):
        """Asks until the first answers are counted, and no more come."""
        def is_read():
            client = self.client(self.port)
            for number in range(20):
                client.ask(number, witness.Witness())
            client.close()
            return scene.responses(self.port) > 0
        # A library that a running program loads is found within half a minute.
        wait_until(is_read, f"the first rows of {self.name}", 60)
        settled = time.monotonic() + 2.5
        wait_until(lambda: time.monotonic() > settled, "two more windows")
        self.before = self.counted(scene)

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
        rows, totals = scene.rows(self.port), self.counted(scene)
        counted, failed = totals.pop("responses"), totals.pop("errors")
        buckets = {bound: count for bound, count in totals.items() if count > 0}
        middle = witness.quantile(buckets, 0, 0.5) or 0
        times = sorted(self.seen.times_ns)
        print(f"{self.name:22} requests {sent:5} counted {counted:5}  errors {errors:3} "
              f"{failed:3}  p50 {times[len(times) // 2] / 1e6:6.2f} ms {middle / 1e6:6.2f} ms "
              f"{sorted({row['protocol'] for row in rows})}", flush=True)
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
    Kind("Python in containers", run_in_containers, needs="unshare"),
    Kind("GnuTLS", run_python("gnutls")),
    Kind("Go", run_go, needs="go"),
    Kind("nginx, HTTP/2", run_nginx("http2"), client=Http2Client, protocol="http2", needs="nginx"),
    Kind("Go, HTTP/2", run_go, client=Http2Client, protocol="http2", needs="go"),
    Kind("OpenSSL inside", run_static, needs="static_tls_server"),
    Kind("asyncio, no socket", run_python("asyncio"), handed=True),
    Kind("Node.js, no socket", run_node, handed=True, needs="node"),
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
        if kind.handed:
            kind.warm_up(scene)
            assert scene.gauge("tls_unbound") > 0, "what is missed is not counted"
        kind.ask()
    for kind in kinds:
        deadline = time.monotonic() + 10
        while (kind.counted(scene)["responses"] < kind.seen.requests and
               time.monotonic() < deadline):
            time.sleep(0.2)
        wrong += [f"{kind.name}: {words}" for words in kind.wrong(scene)]
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

"""What l7-source tells of servers: the rows that leave it, as `gala tap` writes them, added up."""
import collections
import json
import math
import pathlib
import socket
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "campaign"), str(TESTS / "requests")]
from children import end, start, wait_until  # noqa: E402
from pipeline import Pipeline  # noqa: E402

REQUESTS, APIS, SAMPLES = "l7.requests", "l7.apis", "l7.samples"
COUNTS = ("requests", "responses", "client_errors", "server_errors", "unanswered", "overflowed",
          "parked", "one_way", "measured", "request_bytes", "response_bytes")

PIPELINE = """
[pipeline]
name   = "l7-peers"
period = "1s"
[stages.protocols]
run                  = "l7-source"
exchanges_per_second = 4000
"""


class Sum:
    """Rows of one server, or of one of its apis, since the test began."""

    def __init__(self):
        self.counts = collections.Counter()
        self.buckets = collections.Counter()
        self.maximum = 0

    def add(self, row, before):
        if any(row[name] < before.get(name, 0) for name in COUNTS):
            before = {}  # the row has begun again
        for name in COUNTS:
            self.counts[name] += row[name] - before.get(name, 0)
        latency, old = row["latency"], before.get("latency", {"buckets": {}})["buckets"]
        for bound, count in latency["buckets"].items():
            key = math.inf if bound == "+Inf" else float(bound)
            self.buckets[key] += count - old.get(bound, 0)
        self.maximum = max(self.maximum, latency["max"] or 0)

    def __iadd__(self, other):
        self.counts += other.counts
        self.buckets += other.buckets
        self.maximum = max(self.maximum, other.maximum)
        return self


class Observed:
    """The stage as a process of its own, and its rows. `servers` is by port and protocol, `apis` by
    these and the name."""

    def __init__(self, build, directory, text=PIPELINE):
        file = directory / "pipeline.toml"
        file.write_text(text)
        self.pipeline = Pipeline(build, file, directory)
        opened = self.pipeline.run / self.pipeline.name
        wait_until(lambda: any(opened.glob("protocols.*.tap")), "output of l7-source", 60)
        self.path = self.pipeline.log / "l7.jsonl"
        self._tap = start([build / "bin" / "gala", "--run-dir", self.pipeline.run, "tap",
                           "protocols"], self.path)
        self._file, self._rest = None, ""
        self._last = {}
        self.windows, self._newest_ns = 0, 0
        self.servers = collections.defaultdict(Sum)
        self.apis = collections.defaultdict(Sum)
        self._wait_until_it_sees()

    def _wait_until_it_sees(self):
        """Talks to itself until a row tells of it: from then on the stage sees everybody."""
        def seen():
            with socket.create_server(("127.0.0.1", 0)) as listener, \
                    socket.create_connection(listener.getsockname()) as client, \
                    listener.accept()[0] as server:
                client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
                server.recv(4096)
                server.sendall(b"HTTP/1.1 204 Nothing\r\n\r\n")
                client.recv(4096)
            self.read()
            return self.windows > 1
        wait_until(seen, "a first row of l7-source", 30, 0.2)

    def read(self):
        self._file = self._file or open(self.path, encoding="utf-8")
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            if line.startswith("{"):
                self._take(json.loads(line))

    def _take(self, row):
        table = row.get("table")
        if row.get("window_end_ns", 0) > self._newest_ns:
            self._newest_ns = row["window_end_ns"]
            self.windows += 1
        if table not in (REQUESTS, APIS) or "server_port" not in row:
            return
        place = (row["server_port"], row["protocol"])
        key = (table, row["tgid"], row["role"], row["server_ip"], *place, row.get("api"))
        total = (self.servers[place] if table == REQUESTS else self.apis[(*place, row["api"])])
        total.add(row, self._last.get(key, {}))
        self._last[key] = row

    def apis_of(self, port, protocol):
        return {api: found for (at, spoken, api), found in self.apis.items()
                if (at, spoken) == (port, protocol)}

    def settle(self, port, protocol, requests, seconds=12):
        """Reads until the server has so many requests, and two windows more: what is counted twice
        would come then."""
        def counts():
            self.read()
            return self.servers[(port, protocol)].counts["requests"]
        try:
            wait_until(lambda: counts() >= requests, "", seconds)
        except TimeoutError:
            pass  # the comparison tells
        until = self.windows + 2
        wait_until(lambda: counts() >= 0 and self.windows >= until, "two more windows", 60)

    def text(self):
        """Everything that has left the stage."""
        return self.path.read_text(errors="replace")

    def ended(self):
        return self.pipeline.ended_stage()

    def memory_kib(self):
        """Resident memory of the stage."""
        pid = self.pipeline.stages["protocols"].pid
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def close(self):
        end(self._tap)
        self.pipeline.close()
        if self._file:
            self._file.close()

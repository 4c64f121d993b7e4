"""The rows of sli as they leave the collector: `gala tap` into a file, and what a test asks of
it."""
import collections
import json
import math
import socket

from children import end, start, wait_until

SERVERS, CLIENTS = "sli.servers", "sli.clients"
# Rows of unix sockets are told like the others, by the socket's name instead of a port.
_TABLES = {SERVERS: SERVERS, CLIENTS: CLIENTS, "sli.unix_servers": SERVERS,
           "sli.unix_clients": CLIENTS}
# Identify a row, whichever of them a table has.
_KEYS = ("tgid", "port", "family", "address", "unix_socket")


class Sum:
    """All rows of one port or socket, added up since the beginning."""

    def __init__(self):
        self.counts = collections.Counter()
        self.buckets = collections.defaultdict(collections.Counter)
        self.maxima = collections.Counter()
        self.processes = set()

    def add(self, row, before):
        before = before or {}
        if any(row.get(name, 0) < before.get(name, 0) for name in ("requests", "calls")):
            before = {}  # the row has begun again
        grown = False
        for name, value in row.items():
            if isinstance(value, dict):
                old = before.get(name, {}).get("buckets", {})
                for bound, count in value["buckets"].items():
                    bound_ns = math.inf if bound == "+Inf" else float(bound)
                    self.buckets[name][bound_ns] += count - old.get(bound, 0)
                self.maxima[name] = max(self.maxima[name], value["max"] or 0)
            elif _counts(name, value):
                self.counts[name] += value - before.get(name, 0)
                grown = grown or value > before.get(name, 0)
        if grown and "tgid" in row:
            self.processes.add(row["tgid"])


def _counts(name, value):
    return isinstance(value, int) and name not in _KEYS and name not in _HEAD and \
        not name.startswith("longest")


_HEAD = ("sequence", "window_start_ns", "window_end_ns", "wall_offset_ns", "lost")


class Rows:
    """Reads the tap's file as it grows."""

    def __init__(self, pipeline, stage="kernel", topic=None):
        opened = pipeline.run / pipeline.name
        wait_until(lambda: any(opened.glob(f"{stage}.*.tap")), f"output of stage {stage}", 60)
        self.path = pipeline.log / "rows.jsonl"
        self._tap = start([pipeline.build / "bin" / "gala", "--run-dir", pipeline.run, "tap",
                           stage, *(("--topic", topic) if topic else ())], self.path)
        self._file, self._rest = None, ""
        self._last = {}
        self._newest_s = 0.0
        self.sums = collections.defaultdict(Sum)
        self.waits = collections.defaultdict(list)  # (table, port) → (end of window in s, longest)

    def read(self):
        if self._file is None:
            self._file = open(self.path, encoding="utf-8")
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            if line.startswith("{"):
                self._take(json.loads(line))

    def _take(self, row):
        table, port = _TABLES.get(row.get("table")), row.get("port")
        if table is None or port is None:
            return
        self._newest_s = max(self._newest_s, row["window_end_ns"] / 1e9)
        key = (table, *(str(row.get(name)) for name in _KEYS))
        place = (table, port)
        self.sums[place].add(row, self._last.get(key))
        self._last[key] = row
        self.waits[place].append((row["window_end_ns"] / 1e9, (row.get("longest_wait") or 0) / 1e9))

    def processes(self, table):
        """All that have a row there which has counted something."""
        return set().union(*(one.processes for (of, _), one in self.sums.items() if of == table))

    def reach(self, at_s):
        """A condition: a window that ends then, or later (CLOCK_BOOTTIME), has been read. The tap
        may be some seconds behind."""
        def reached():
            self.read()
            return self._newest_s >= at_s
        return reached

    def longest_wait(self, table, port, begin_s=0.0, end_s=math.inf):
        """Seconds, of the windows that end between the two (CLOCK_BOOTTIME)."""
        return max((wait for at, wait in self.waits[(table, port)] if begin_s <= at <= end_s),
                   default=0.0)

    def close(self):
        end(self._tap)
        if self._file:
            self._file.close()


def wait_until_it_sees(rows):
    """Exchanges with itself until the collector has told of it: from then on it sees everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def seen():
            with socket.create_connection(("127.0.0.1", port)) as client, \
                    listener.accept()[0] as server:
                client.sendall(b"are you there")
                server.recv(64)
                server.sendall(b"yes")
                client.recv(64)
            rows.read()
            return rows.sums[(SERVERS, port)].counts["requests"] > 0
        wait_until(seen, "a row of sli for a server on the loopback", 30, 0.2)

"""The clients' process seen from the campaign: orders to it, and what it felt."""
import json
import socket
import statistics

from children import end, wait_until
from world import HERE, SERVER

# Clients of `proxy` feel everything behind it.
CLIENTS = {"redis": ["redis", "visitor"], "memcached": ["memcached"], "postgres": ["postgres"],
           "nginx": ["nginx"], "proxy": ["proxy"], "frontend": ["proxy"], "middle": ["proxy"],
           "backend": ["proxy"]}


class Load:
    def __init__(self, world, seed):
        self._world = world
        self._seed = seed
        self._orders = world.directory / "load.orders"
        self._figures = world.directory / "load.jsonl"
        world.group("load")
        self.start()
        wait_until(self._figures.exists, "first figures of the load")

    def start(self):
        """Also again, when it has ended."""
        self._orders.unlink(missing_ok=True)
        self._process = self._world.start_anywhere(
            ["/usr/bin/python3", HERE / "load.py", SERVER, self._orders, self._figures,
             str(self._seed)], "load", self._world.inside(self._world.client_network, "load"))
        self.pid = self._process.pid
        wait_until(self._orders.exists, "the clients taking orders")

    def ended(self):
        """What it said at last, or None while it runs."""
        if self._process.poll() is None:
            return None
        lines = (self._world.log_directory / "load.log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "nothing"

    def order(self, text):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as orders:
            orders.sendto(text.encode(), str(self._orders))

    def felt(self, seconds):
        """What clients felt in the last seconds: requests and errors a second, median p95 in ms."""
        lines = self._figures.read_text().splitlines()[-max(2, round(seconds)):]
        figures = [json.loads(line) for line in lines if line.endswith("}")]
        felt = {}
        for name in {client for clients in CLIENTS.values() for client in clients}:
            rows = [figure[name] for figure in figures if name in figure]
            slow = [row["p95_ms"] for row in rows if row["p95_ms"] is not None]
            felt[name] = {
                "requests": round(sum(row["requests"] for row in rows) / max(1, len(rows)), 1),
                "errors": round(sum(row["errors"] for row in rows) / max(1, len(rows)), 1),
                "p95_ms": round(statistics.median(slow), 3) if slow else None}
        return felt

    @staticmethod
    def differs(before, during, suffering):
        """Whether clients of these applications noticed: twice as slow, a third fewer, errors."""
        for name in {client for application in suffering for client in CLIENTS[application]}:
            then, now = before[name], during[name]
            if (now["errors"] > then["errors"] + 0.3 or now["requests"] < 0.66 * then["requests"]
                    or (now["p95_ms"] or 1e9) > 2 * (then["p95_ms"] or 1e9)):
                return True
        return False

    def close(self):
        end(self._process)

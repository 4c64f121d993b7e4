"""Servers of DNS, asked by UDP and by TCP: dnsmasq, which also passes queries on, and NSD, which
reads many datagrams with one call."""
import multiprocessing
import random
import socket
import time

try:
    import dns.message
    import dns.rcode
except ImportError:  # Peer.modules tells
    dns = None

from peer import SECRET, Peer, Wire, slow_ms

SLOW_MS = slow_ms(5, 15, 120)
UPSTREAM = 70  # ports above that of dnsmasq


def answer_slowly(port, stop):
    """The upstream: each answer takes as many µs as the name's first label says."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        sock.settimeout(0.2)
        while not stop.is_set():
            try:
                data, client = sock.recvfrom(4096)
            except TimeoutError:
                continue
            query = dns.message.from_wire(data)
            label = query.question[0].name.labels[0].decode()
            time.sleep(int(label.split("-")[0]) / 1e6)
            reply = dns.message.make_response(query)
            reply.set_rcode(dns.rcode.SERVFAIL if "-fails" in label else dns.rcode.NOERROR)
            sock.sendto(reply.to_wire(), client)


def serve_dnsmasq(place):
    place.start("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                "--no-hosts", f"--port={place.port}", "--listen-address=127.0.0.1",
                "--bind-interfaces", "--user=root", "--pid-file=", "--cache-size=0",
                "--address=/known.test/192.0.2.1",
                "--address=/known.test/2001:db8::1", "--local=/nothing.test/",
                f"--server=/slow.test/127.0.0.1#{place.port + UPSTREAM}")
    place.wait_for()


class Resolver(Wire):
    def __init__(self, place, by_tcp):
        self.by_tcp = by_tcp
        super().__init__(place, socket.SOCK_STREAM if by_tcp else socket.SOCK_DGRAM)

    def query(self, name, kind):
        message = dns.message.make_query(name, kind)
        message.id = random.getrandbits(16)
        data = message.to_wire()
        return len(data).to_bytes(2, "big") + data if self.by_tcp else data

    def resolve(self, load, name, kind, rcode=0, error=None, timed=True):
        reply = self.ask(load, kind, self.query(name, kind), self._is_whole, error, timed)
        found = dns.message.from_wire(reply[2:] if self.by_tcp else reply).rcode()
        assert found == rcode, f"{name} {kind}: {dns.rcode.to_text(found)}"

    def _is_whole(self, data):
        if not self.by_tcp:
            return bool(data)
        return len(data) >= 2 and len(data) >= 2 + int.from_bytes(data[:2], "big")


def talk_dnsmasq(place, load):
    stop = multiprocessing.Event()
    upstream = multiprocessing.Process(target=answer_slowly, args=(place.port + UPSTREAM, stop))
    upstream.start()
    time.sleep(2.5)  # the next look for servers by UDP
    try:
        for by_tcp in (False, True) * 5:  # it ends a connection after 100 queries
            with Resolver(place, by_tcp) as resolver:
                for number in range(20):
                    resolver.resolve(load, f"{SECRET}{number}.known.test", "A")
                    resolver.resolve(load, f"{SECRET}{number}.known.test", "AAAA")
                    resolver.resolve(load, f"{SECRET}{number}.nothing.test", "MX",
                                     dns.rcode.NXDOMAIN, "client")
                for number in range(4):
                    resolver.resolve(load, f"{SECRET}{number}.other.test", "TXT",
                                     dns.rcode.REFUSED, "server")
        with Resolver(place, False) as resolver:
            for milliseconds in SLOW_MS:
                resolver.resolve(load, f"{round(1000 * milliseconds)}-{SECRET}.slow.test", "SRV")
            for number in range(10):
                resolver.resolve(load, f"{number}-fails-{SECRET}.slow.test", "CAA",
                                 dns.rcode.SERVFAIL, "server", timed=False)
            # Many that wait at once, answered in any order.
            for number in range(30):
                resolver.send(resolver.query(f"{SECRET}{number}.known.test", "A"))
            for number in range(30):
                resolver.sock.recv(4096)
            load.count("A", 30)
    finally:
        stop.set()
        upstream.join()


def serve_nsd(place):
    (place.directory / "zone").write_text(
        "$ORIGIN shop.test.\n$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A 192.0.2.1\n"
        "* A 192.0.2.2\nlong TXT " + " ".join(["\"" + "x" * 200 + "\""] * 5) + "\n")
    (place.directory / "nsd.conf").write_text(f"""
server:
  ip-address: 127.0.0.1
  port: {place.port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{place.directory}"
  database: ""
  logfile: "{place.directory}/nsd.log"
  pidfile: "{place.directory}/nsd.pid"
  xfrdfile: "{place.directory}/xfrd"
  zonelistfile: "{place.directory}/zones"
  xfrdir: "{place.directory}"
remote-control:
  control-enable: no
zone:
  name: shop.test
  zonefile: zone
""")
    place.start("nsd", "-d", "-c", place.directory / "nsd.conf")
    place.wait_for()


def talk_nsd(place, load):
    time.sleep(2.5)  # the next look for servers by UDP
    for by_tcp in (False, True):
        with Resolver(place, by_tcp) as resolver:
            for number in range(150):
                resolver.resolve(load, f"{SECRET}{number}.shop.test", "A")
            for number in range(30):
                resolver.resolve(load, f"{SECRET}.ns.shop.test", "AAAA", dns.rcode.NXDOMAIN,
                                 "client")
                resolver.resolve(load, f"{SECRET}{number}.other.test", "MX", dns.rcode.REFUSED,
                                 "server")
    with Resolver(place, False) as resolver:
        # Faster than it reads: one call brings several.
        for number in range(20):
            queries = [resolver.query(f"{SECRET}{number}.shop.test", "SRV") for _ in range(8)]
            for query in queries:
                resolver.send(query)
            for _ in queries:
                resolver.sock.recv(4096)
        load.count("SRV", 160)


PEERS = [
    Peer("dnsmasq", "dns", serve_dnsmasq, talk_dnsmasq, programs=("dnsmasq",), modules=("dns",),
         judged=("SRV",)),
    Peer("nsd", "dns", serve_nsd, talk_nsd, programs=("nsd",), modules=("dns",),
         judged=("A",)),
]

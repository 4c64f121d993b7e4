"""The rows of the table: kinds of server, each with clients that know how long they waited."""
import collections
import dataclasses
import pathlib
import re
import shutil
import socket

import by_design
import clients
import exits
import real_servers
import servers
from clients import MPTCP, sessions, steady
from real_servers import lacks
from servers import conversing, threads

DEFER = (socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
FAST_OPEN = (socket.IPPROTO_TCP, servers.TCP_FASTOPEN, 16)
TCP_ULP = 31


def without_tls():
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            socket.create_connection(listener.getsockname()) as sock:
        try:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
        except OSError as reason:
            return f"this kernel has no kTLS ({reason.strerror})"
    return "no peer for it yet"


def without_mptcp():
    switch = pathlib.Path("/proc/sys/net/mptcp/enabled")
    return None if switch.exists() and switch.read_text().strip() == "1" else "no MPTCP here"


def without_io_uring():
    with open("/proc/kallsyms", encoding="ascii", errors="replace") as symbols:
        known = any(re.search(r" [tT] __x64_sys_io_uring_setup| [tT] __arm64_sys_io_uring_setup",
                              line) for line in symbols)
    switch = pathlib.Path("/proc/sys/kernel/io_uring_disabled")
    if not known:
        return "this kernel has no io_uring"
    return "io_uring is disabled" if switch.exists() and switch.read_text().strip() == "2" else None


@dataclasses.dataclass(frozen=True)
class Kind:
    """`part`: the histogram that the witness is about; None: the requests cannot be timed, and the
    probe must not pretend. `counted`: what the clients sent is what the probe has to count.
    `calls`: the client's end of the connection is timed, too, up to the first byte of the reply.
    `control`: what the test does to the server, which must show."""
    name: str
    server: collections.abc.Callable
    call: collections.abc.Callable = dataclasses.field(default_factory=steady)
    part: str | None = "latency"
    counted: bool = True
    family: int = socket.AF_INET
    path: str | None = None   # of a unix socket that is called otherwise than its row
    absent: bool = False      # there must be no row
    older: bool = False       # the server was there before the collector
    connected: bool = False   # its connections, too
    other_network: bool = False
    control: str = ""         # stop | mute
    calls: bool = True
    obstacle: collections.abc.Callable = lambda: None


def _ways():
    """How bytes get in and out."""
    ways = {"read-write": (exits.read, exits.write), "recv-send": (exits.recv, exits.send),
            "recvmsg-sendmsg": (exits.recvmsg, exits.sendmsg),
            "readv-writev": (exits.readv, exits.writev),
            "peek-first": (exits.peek_then_recv, exits.send),
            "splice": (exits.splice_in, exits.splice_out)}
    for name, way in ways.items():
        yield Kind(name, threads(conversing(*way)))
    yield Kind("sendfile", threads(conversing(exits.recv, exits.sendfile)),
               steady(reply_bytes=30_000))
    yield Kind("zerocopy", threads(conversing(exits.recv, exits.zerocopy)),
               steady(reply_bytes=30_000))
    yield Kind("io-uring", servers.program("io_uring_server"), obstacle=without_io_uring)
    yield Kind("io-uring-sqpoll", servers.program("io_uring_server", "sqpoll"),
               obstacle=without_io_uring)
    yield Kind("ktls", threads(), obstacle=without_tls)
    yield Kind("at-once", threads(), real_servers.quickly)
    yield Kind("large-reply", threads(), steady(reply_bytes=200_000))
    yield Kind("large-request", threads(), steady(body=100_000))
    yield Kind("reply-in-parts", calls=False,
               server=servers.in_time(threads(conversing(exits.recv, servers.reply_in_parts))))


def _sockets():
    """Families, protocols, options."""
    yield Kind("ipv6", threads(), family=socket.AF_INET6)
    yield Kind("mapped", threads(any_address=True))
    yield Kind("mptcp-before", threads(protocol=MPTCP), older=True, obstacle=without_mptcp)
    yield Kind("mptcp-after", threads(protocol=MPTCP), obstacle=without_mptcp)
    yield Kind("mptcp-both-ends", threads(protocol=MPTCP), steady(protocol=MPTCP),
               obstacle=without_mptcp)
    yield Kind("defer-accept", threads(options=(DEFER,)), sessions())
    yield Kind("fast-open", threads(options=(FAST_OPEN,)), sessions(fast_open=True))


def _unix():
    """Unix stream sockets."""
    unix = {"family": socket.AF_UNIX}
    yield Kind("unix", threads(), **unix)
    yield Kind("unix-abstract", threads(), path="@gala requests\t1", **unix)
    yield Kind("unix-splice", threads(conversing(exits.splice_in, exits.splice_out)), **unix)
    yield Kind("unix-large", threads(), steady(body=100_000, reply_bytes=200_000), **unix)
    yield Kind("unix-in-parts", calls=False, **unix,
               server=servers.in_time(threads(conversing(exits.recv, servers.reply_in_parts))))
    yield Kind("unix-one-request", threads(), sessions(), **unix)
    yield Kind("unix-older", threads(), clients.older(), older=True, connected=True, **unix)
    yield Kind("unix-upload", threads(), clients.upload(), calls=False, **unix)
    yield Kind("unix-fork", servers.fork_per_connection, sessions(requests=3), **unix)
    yield Kind("unix-prefork", servers.prefork, steady(connections=4, pause_s=0.1), **unix)
    yield Kind("unix-long-poll", by_design.hold_in_a_loop, clients.poll, **unix)
    yield Kind("unix-pair", servers.idle, clients.within, part=None, counted=False, absent=True)
    yield Kind("unix-redis", real_servers.redis_by_path, real_servers.pops, **unix,
               obstacle=lacks(lambda: shutil.which("redis-server"), "redis-server"))
    yield Kind("unix-postgresql", real_servers.postgresql, real_servers.queries,
               path="unix-postgresql/.s.PGSQL.{port}", **unix,
               obstacle=lacks(real_servers.postgres_programs, "postgresql"))
    yield Kind("unix-stopped", threads(), part=None, counted=False, control="stop", **unix)


def _lives():
    """How long connections live and what is done with them."""
    yield Kind("one-request", threads(), sessions())
    yield Kind("half-close", threads(), sessions(half_close=True))
    yield Kind("older", threads(), clients.older(), older=True, connected=True)
    yield Kind("other-network", threads(), older=True, other_network=True)
    yield Kind("other-network-mptcp", threads(protocol=MPTCP), older=True, other_network=True,
               obstacle=without_mptcp)
    yield Kind("keep-alive", threads(), clients.rarely())
    yield Kind("pipelined", threads(), clients.pipelined(), part=None, counted=False)
    yield Kind("slow-upload", threads(), clients.upload(), calls=False)


def _processes():
    """Who has the request."""
    yield Kind("prefork", servers.prefork, steady(connections=4, pause_s=0.1))
    yield Kind("reuseport", servers.reuseport, steady(connections=6, pause_s=0.15))
    yield Kind("passed", servers.passed)
    yield Kind("fork", servers.fork_per_connection, sessions(requests=3))


def _by_design():
    """Nothing is wrong with these."""
    yield Kind("push", by_design.push, steady(connections=4, pause_s=1.1))
    yield Kind("one-way", by_design.drain, clients.send_only, part=None, counted=False)
    yield Kind("long-poll", by_design.hold_in_a_loop, clients.poll)
    yield Kind("blocking-pop", by_design.hold_in_threads, clients.poll)
    yield Kind("long-poll-alone", by_design.hold_in_a_loop, clients.poll_alone, part=None)
    yield Kind("stream", by_design.stream, clients.subscribe)
    yield Kind("greeting", by_design.greet, clients.farewell)


def _applications():
    """Not ours."""
    yield Kind("redis", real_servers.redis, real_servers.pops,
               obstacle=lacks(lambda: shutil.which("redis-server"), "redis-server"))
    yield Kind("nginx", real_servers.nginx, real_servers.gets,
               obstacle=lacks(lambda: shutil.which("nginx"), "nginx-light"))
    yield Kind("postgresql", real_servers.postgresql, real_servers.queries,
               obstacle=lacks(real_servers.postgres_programs, "postgresql"))


def _controls():
    """Something is wrong with these, from the middle of the load on."""
    yield Kind("stopped", threads(), part=None, counted=False, control="stop")
    yield Kind("stopped-loop", by_design.hold_in_a_loop, clients.poll, part=None, counted=False,
               control="stop")
    yield Kind("mute", by_design.fall_silent, part=None, counted=False, control="mute")


def all_kinds():
    return [*_ways(), *_sockets(), *_unix(), *_lives(), *_processes(), *_by_design(),
            *_applications(), *_controls()]

"""Processes of these tests: where they run, how one learns that another is ready, and that all of
them end with the test."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import traceback

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "campaign"))
from children import (CLONE_NEWNET, PR_SET_PDEATHSIG, checked, enter_network, libc,  # noqa: E402
                      wait_until)

FIRST_PORT = 27100
SKIPPED = 77


def skip(reason):
    """Ends the test as CTest's "skipped"; as failed where the kernel tests must run."""
    if os.environ.get("REQUIRE_KERNEL") == "1":
        print(f"required by REQUIRE_KERNEL=1: {reason}")
        sys.exit(1)
    print(f"{pathlib.Path(sys.argv[0]).name}: Skipped\n{reason}")
    sys.exit(SKIPPED)


def what_forbids():
    """Why no collector can run here, or None."""
    if os.geteuid() != 0:
        return "needs root: BPF, a network namespace"
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        return "needs a kernel with BTF"
    return None


def own_network():
    """This process and what it starts have a network of their own, which ends with them."""
    checked(libc.unshare(CLONE_NEWNET), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    pathlib.Path("/proc/sys/net/ipv4/tcp_fastopen").write_text("3")


def run_and_judge(table, judge, keep):
    """Runs the kinds of a table in a network namespace of their own, and prints what is wrong.
    Returns the status to end with; `keep` leaves rows and logs behind."""
    own_network()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        table.start()
        table.run()
        errors = judge(table)
    finally:
        table.close(keep)
    for error in errors:
        print(f"ERROR: {error}")
    return 1 if errors else 0


def run_first():
    """Before everybody else: a client must not measure how long it waits for a CPU itself."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Place:
    """Where one server and its clients meet. `name` is that of its row; `path`, of a unix socket,
    is relative to the directory, or begins with @ and is no path."""

    def __init__(self, name, port, directory, build, family=socket.AF_INET, path=None):
        self.name, self.port, self.build, self.family = name, port, build, family
        self.directory = directory
        self._base = directory / name
        self._path = path or f"{name}.sock"

    def address(self):
        if self.family == socket.AF_UNIX:
            return "\0" + self._path[1:] if self._path[0] == "@" else self.socket()
        return ("::1" if self.family == socket.AF_INET6 else "127.0.0.1", self.port)

    def socket(self):
        """The name of its unix socket, as `ss` and the probe write it."""
        return self._path if self._path[0] == "@" else str(self.directory / self._path)

    def port_of_row(self):
        return self.socket() if self.family == socket.AF_UNIX else self.port

    def listen(self, protocol=0, reuse_port=False, options=(), any_address=False, backlog=64):
        """`options` are (level, option, value), set before bind. `any_address`: IPv6 and IPv4."""
        family = socket.AF_INET6 if any_address else self.family
        listener = socket.socket(family, socket.SOCK_STREAM, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if any_address:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        for level, option, value in options:
            listener.setsockopt(level, option, value)
        listener.bind(("::", self.port) if any_address else self.address())
        listener.listen(backlog)
        return listener

    def connect(self, protocol=0):
        sock = socket.socket(self.family, socket.SOCK_STREAM, protocol)
        if self.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect(self.address())
        return sock

    def works(self, pid=None):
        """This process, or that one, reads requests and answers them."""
        with open(self._base.with_suffix(".pids"), "a", encoding="ascii") as file:
            file.write(f"{pid or os.getpid()}\n")

    def workers(self):
        with contextlib.suppress(FileNotFoundError):
            return set(map(int, self._base.with_suffix(".pids").read_text().split()))
        return set()

    def ready(self, works=False):
        """The server listens. `works`: and this process answers."""
        if works:
            self.works()
        self._base.with_suffix(".ready").touch()

    def is_ready(self):
        return self._base.with_suffix(".ready").exists()

    @staticmethod
    def in_child():
        die_with_parent()

    def is_time_for(self, what):
        """The test has come so far, for all places."""
        return (self.directory / what).exists()

    def mark(self, what):
        """Something has begun here, for whoever asks `marked`."""
        self._base.with_suffix(f".{what}").touch()

    def marked(self, what):
        return self._base.with_suffix(f".{what}").exists()

    def go(self):
        """Waits until the test lets the clients begin; returns the clock at which they end."""
        path = self.directory / "go"
        wait_until(path.exists, "the beginning of the load", 120, 0.02)
        return float(path.read_text())

    def witnessed(self):
        """What the clients of this place have written down, or None when they have not."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self.testimony().read_text())
        return None

    def testimony(self):
        return self._base.with_suffix(".json")

    def testify(self, witness):
        self.testimony().write_text(json.dumps(witness.as_dict()))


class Peers:
    """Children of the test, each with a process group of its own."""

    def __init__(self, directory):
        self.directory = directory
        self._pids = {}

    def fork(self, name, work):
        pid = os.fork()
        if pid:
            self._pids[name] = pid
            return pid
        try:
            os.setsid()
            die_with_parent()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            with open(self.directory / "peers.log", "a", encoding="utf-8") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            work()
        except BaseException:
            print(f"-- {name}\n{traceback.format_exc()}", flush=True)
        finally:
            os._exit(0)

    def serve(self, place, server):
        pid = self.fork(f"{place.name} server", lambda: server(place))
        wait_until(place.is_ready, f"server {place.name}; see {self.directory}/peers.log", 30, 0.01)
        return pid

    def signal(self, name, number):
        os.killpg(self._pids[name], number)

    def wait(self, names, seconds):
        """Until these have ended."""
        deadline = time.monotonic() + seconds
        for name in names:
            def ended(pid=self._pids[name]):
                return os.waitpid(pid, os.WNOHANG)[0] != 0
            wait_until(ended, f"end of {name}", max(0.1, deadline - time.monotonic()))
            del self._pids[name]

    def close(self):
        for pid in self._pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        for pid in self._pids.values():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._pids.clear()


__all__ = ["FIRST_PORT", "Peers", "Place", "enter_network", "own_network", "run_first", "skip",
           "wait_until", "what_forbids"]

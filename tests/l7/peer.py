"""A server of a known kind, and its clients' own record of what they asked and how long it took."""
import collections
import contextlib
import dataclasses
import importlib.util
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import typing

import observed  # noqa: F401  (the folders of shared modules)
from children import Surroundings, end, start, wait_until

# In every value, key and parameter that clients send: nothing of it may leave the stage.
SECRET = "s3cr3t"
# Between requests: clients stay within what the stage reads of one process, so nothing is sampled.
PAUSE_S = 0.0003
HERE = pathlib.Path(__file__).resolve().parent


def slow_ms(least, most, count):
    """How long a server shall take: evenly spread up to `most`, a fifth up to three times that, out
    of order. Quantiles are interpolated between a histogram's bounds, so those that are compared
    lie where the spread is even."""
    shares = (37 * number % count / count for number in range(count))
    return [least + (most - least) * share / 0.8 if share < 0.8 else
            most + 2 * most * (share - 0.8) / 0.2 for share in shares]


class Load:
    """What clients asked: how often, with which error, and how long they waited."""

    def __init__(self):
        self.apis = collections.Counter()
        self.errors = collections.Counter()
        self.times = collections.defaultdict(list)
        self.extra = collections.Counter()  # sums of other columns: parked, one_way

    def count(self, api, times=1, error=None):
        self.apis[api] += times
        if error:
            self.errors[error] += times

    @contextlib.contextmanager
    def asks(self, api, error=None, timed=True):
        begin = time.perf_counter_ns()
        yield
        if timed:
            self.times[api].append(time.perf_counter_ns() - begin)
        self.count(api, error=error)


class Wire:
    """A connection without a library. The clock stops at the reply's first byte."""

    def __init__(self, place, kind=socket.SOCK_STREAM, timeout=10):
        self.sock = socket.socket(socket.AF_INET, kind)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", place.port))
        if kind == socket.SOCK_STREAM:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def read(self, enough):
        """Reads until `enough` says so of all that came."""
        data = b""
        while not enough(data):
            more = self.sock.recv(1 << 16)
            if not more:
                raise ConnectionError(f"closed after {data[:200]}")
            data += more
        return data

    def ask(self, load, api, data, enough=bool, error=None, timed=True):
        begin = time.perf_counter_ns()
        self.sock.sendall(data)
        reply = self.sock.recv(1 << 16)
        if timed:
            load.times[api].append(time.perf_counter_ns() - begin)
        while not enough(reply):
            more = self.sock.recv(1 << 16)
            if not more:
                raise ConnectionError(f"closed after {reply[:200]}")
            reply += more
        load.count(api, error=error)
        time.sleep(PAUSE_S)
        return reply


class Place:
    """Where a server runs: its port, its own directory, its processes."""

    def __init__(self, name, port, directory, build):
        self.name, self.port, self.build = name, port, build
        self.directory = directory / name
        self.directory.mkdir(mode=0o755)
        self.processes = []

    def start(self, *command, user=None):
        for path in (self.directory.parent, self.directory):
            path.chmod(0o755)
        if user:
            shutil.chown(self.directory, user)
        self.processes.append(start(command, self.directory / "log", Surroundings(), user))
        return self.processes[-1]

    def python(self, module, *words):
        """A server of this folder, as a program."""
        return self.start(sys.executable, HERE / f"{module}.py", *words)

    def wait_for(self, port=None, seconds=60):
        """Until somebody listens."""
        def listens():
            with contextlib.suppress(OSError), \
                    socket.create_connection(("127.0.0.1", port or self.port), 1):
                return True
            if self.processes and self.processes[-1].poll() is not None:
                raise RuntimeError(f"{self.name} has ended: {self.log()}")
            return False
        wait_until(listens, f"a server on port {port or self.port}", seconds)

    def log(self):
        return (self.directory / "log").read_text(errors="replace")[-1500:]

    def close(self):
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            end(process, 15)
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclasses.dataclass
class Peer:
    """`serve` starts the server, `talk` is what clients do. `judged`: the apis whose latency is
    compared; () = all that were timed. `chatter`: the client's library asks things of its own."""
    name: str
    protocol: str
    serve: typing.Callable[[Place], None]
    talk: typing.Callable[[Place, Load], None]
    programs: tuple = ()
    modules: tuple = ()
    judged: tuple = ()
    chatter: bool = False
    missing: typing.Callable[[], str] = staticmethod(lambda: "")

    def what_is_missing(self):
        """Why it cannot be tried here, or ""."""
        for program in self.programs:
            if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"):
                return f"needs the program {program}"
        for module in self.modules:
            if not importlib.util.find_spec(module):
                return f"needs the Python module {module}"
        return self.missing()


def install():
    """Brings what is built or fetched, while there is a network. What cannot be had is missing."""
    for script in (HERE / "install.sh", HERE.parent / "kafka/install.sh"):
        done = subprocess.run([script], capture_output=True, text=True, check=False)
        print(done.stderr.strip()[-500:], flush=True, end="\n" if done.stderr else "")


def installed(name):
    """A program that install.sh has built, or None."""
    done = subprocess.run([HERE / "install.sh", "--offline"], capture_output=True, text=True,
                          check=False)
    path = pathlib.Path(done.stdout.strip().split("\n")[-1]) / name
    return path if done.returncode == 0 and path.exists() else None

"""Children of the campaign: where they run, and that they end with it."""
import contextlib
import ctypes
import os
import pathlib
import pwd
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_REC_PRIVATE = 0x4000 | 0x40000
MS_BIND = 0x1000

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    """Raises with the errno of a C call that failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def wait_until(condition, what, seconds=20.0, pause=0.05):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(pause)


def enter_network(pid):
    """This process is in the network namespace of `pid` from now on."""
    with open(f"/proc/{pid}/ns/net", "rb") as namespace:
        checked(libc.setns(namespace.fileno(), CLONE_NEWNET), "setns")


def cover_file(target, replacement):
    """`target` reads as `replacement`, for this process and its children only."""
    checked(libc.unshare(CLONE_NEWNS), "unshare")
    checked(libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None), "mount private")
    checked(libc.mount(os.fsencode(replacement), os.fsencode(target), None, MS_BIND, None),
            f"bind {target}")


class Surroundings:
    """Where a child runs. `groups` are files named cgroup.procs; `network` is a pid whose network
    namespace it shares; `covered` is a pair of files as `cover_file` takes them."""

    def __init__(self, groups=(), network=None, processor=None, nice=0, covered=None, limits=()):
        self.groups = list(groups)
        self.network = network
        self.processor = processor
        self.nice = nice
        self.covered = covered
        self.limits = list(limits)

    def enter(self, user=None):
        """In the child, between fork and exec."""
        os.setsid()
        for group in self.groups:
            pathlib.Path(group).write_text("0")
        if self.network is not None:
            enter_network(self.network)
        if self.covered is not None:
            cover_file(*self.covered)
        if self.processor is not None:
            os.sched_setaffinity(0, {self.processor})
        if self.nice:
            # Each session is a group of its own for the scheduler: its priority counts too.
            os.setpriority(os.PRIO_PROCESS, 0, self.nice)
            with contextlib.suppress(OSError):
                pathlib.Path("/proc/self/autogroup").write_text(str(self.nice))
        if self.limits:
            import resource
            for which, value in self.limits:
                resource.setrlimit(which, (value, value))
        if user is not None:
            account = pwd.getpwnam(user)
            os.initgroups(user, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        # Another user would have cleared it.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def start(arguments, log, surroundings=None, user=None):
    """A program as a child that dies with us."""
    inside = surroundings or Surroundings()
    with open(log, "ab") as output:
        return subprocess.Popen([str(argument) for argument in arguments], stdin=subprocess.DEVNULL,
                                stdout=output, stderr=output, cwd="/",
                                preexec_fn=lambda: inside.enter(user))


def run(arguments, surroundings=None, user=None, seconds=30):
    """Runs a tool to its end; its output when it failed."""
    inside = surroundings or Surroundings()
    done = subprocess.run([str(argument) for argument in arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=seconds, cwd="/",
                          preexec_fn=lambda: inside.enter(user), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments[0]} {arguments[1]}: {done.stdout}{done.stderr}".strip())
    return done.stdout


def end(process, seconds=5.0):
    """Asks, then insists. Also wakes what was stopped."""
    if process is None or process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        process.send_signal(signal.SIGCONT)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(seconds)


def end_group(process):
    """Ends a child of `start` with all that it has started: each leads a process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5)

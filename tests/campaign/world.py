"""What the campaign makes of the host: two network namespaces with a wire between them, control
groups, volumes on loop devices. All of it goes with the campaign, also when it is killed."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from children import Surroundings, end, run, start, wait_until

SERVER = "10.77.0.1"
CLIENT = "10.77.0.2"
V1 = pathlib.Path("/sys/fs/cgroup")
HERE = pathlib.Path(__file__).resolve().parent


def machine_id():
    """How ids of entities of this machine begin (machine.h of the runtime)."""
    for path in ("/etc/machine-id", "/sys/class/dmi/id/product_uuid"):
        with contextlib.suppress(OSError):
            words = pathlib.Path(path).read_text().split()
            if words and words[0] != "uninitialized":
                return words[0]
    return socket.gethostname()


class ControlGroup:
    """One group in each hierarchy (v1, hybrid) or one at all (v2)."""

    def __init__(self, path, disk_path=None):
        """`disk_path`: the group whose disk limit holds here. In v1 a limit does not hold for
        groups below, and two groups do not share one."""
        self.version_1 = (V1 / "cpu" / "cgroup.procs").exists()
        self.path = path
        self.disk_path = disk_path or path
        for directory in self.directories():
            directory.mkdir(parents=True, exist_ok=True)

    def directories(self):
        if self.version_1:
            return [V1 / "cpu" / self.path, V1 / "memory" / self.path, V1 / "pids" / self.path,
                    V1 / "blkio" / self.disk_path]
        return [V1 / self.path]

    def procs(self):
        return [str(directory / "cgroup.procs") for directory in self.directories()]

    def members(self):
        found = set()
        for file in self.procs():
            with contextlib.suppress(OSError):
                found.update(int(line) for line in pathlib.Path(file).read_text().split())
        return found

    def _write(self, controller, file_1, value_1, file_2, value_2):
        if self.version_1:
            (V1 / controller / self.path / file_1).write_text(str(value_1))
        else:
            (V1 / self.path / file_2).write_text(str(value_2))

    def limit_cpu(self, cores):
        """None = no limit."""
        quota = -1 if cores is None else int(cores * 100000)
        self._write("cpu", "cpu.cfs_quota_us", quota, "cpu.max",
                    f"{'max' if quota < 0 else quota} 100000")

    def share_cpu(self, shares):
        """1024 is everybody's."""
        self._write("cpu", "cpu.shares", shares, "cpu.weight",
                    max(1, min(10000, shares * 100 // 1024)))

    def limit_memory(self, size):
        value = -1 if size is None else size
        self._write("memory", "memory.limit_in_bytes", value, "memory.max",
                    "max" if size is None else size)

    def limit_pids(self, count):
        value = "max" if count is None else count
        self._write("pids", "pids.max", value, "pids.max", value)

    def limit_disk(self, device, reads, writes):
        """Operations a second on "major:minor"; 0 = no limit."""
        if self.version_1:
            for kind, rate in (("read", reads), ("write", writes)):
                file = V1 / "blkio" / self.disk_path / f"blkio.throttle.{kind}_iops_device"
                file.write_text(f"{device} {rate}")
        else:
            (V1 / self.disk_path / "io.max").write_text(
                f"{device} riops={reads or 'max'} wiops={writes or 'max'}")


def removed(directory):
    try:
        directory.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def disk_beneath(path):
    """The whole disk that a file lies on, as "major:minor"; a partition cannot be limited."""
    number = os.stat(path).st_dev
    device = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    if (device / "partition").exists():
        device = device.parent
    return (device / "dev").read_text().strip()


class Volume:
    """An ext4 file system on a loop device without a page cache of its own."""

    def __init__(self, world, name, mebibytes, inodes=None):
        self.image = world.directory / f"{name}.img"
        self.mount_point = world.directory / name
        self.mount_point.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(mebibytes << 20)
        count = ["-N", str(inodes)] if inodes else []
        run(["mkfs.ext4", "-q", "-F", "-m", "0", *count, "-E",
             "lazy_itable_init=0,lazy_journal_init=0", self.image])
        self.device = run(["losetup", "--find", "--show", "--direct-io=on", self.image]).strip()
        world.note("loop", self.device)
        run(["mount", "-o", "noatime", self.device, self.mount_point])
        world.note("mount", self.mount_point)
        self.name = pathlib.Path(self.device).name
        # What a limit must name: the loop device passes requests on in the name of its user's
        # group, and what waits below a device shows as that device's latency.
        self.beneath = disk_beneath(self.image)


class World:
    """Namespaces `server` (applications) and `client` (load), the groups below one name."""

    def __init__(self, keep=False):
        self.keep = keep
        self.name = f"gala-campaign-{os.getpid()}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gala-campaign-"))
        self.directory.chmod(0o755)
        self.log_directory = self.directory / "log"
        self.log_directory.mkdir()
        self._groups = {}
        self._notes = self.directory / "made"
        self._notes.touch()
        self._children = []
        self._guardian = subprocess.Popen(
            [sys.executable, str(HERE / "guardian.py"), str(os.getpid()), str(self.directory),
             self.name, "keep" if keep else "remove"], start_new_session=True)
        self.everybody = self.group("")
        self.server_network = self._network("server")
        self.client_network = self._network("client")
        self._wire()

    def note(self, kind, what):
        """For the guardian: undone from the last to the first."""
        with open(self._notes, "a") as file:
            file.write(f"{kind} {what}\n")

    def group(self, name):
        path = f"{self.name}/{name}" if name else self.name
        if path not in self._groups:
            self._groups[path] = ControlGroup(path, self.name)
        return self._groups[path]

    def _network(self, name):
        holder = self.start_anywhere(["unshare", "--net", "sleep", "infinity"], f"net-{name}")
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own, f"namespace {name}")
        return holder.pid

    def _wire(self):
        inside = self.inside(self.server_network)
        run(["ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns",
             str(self.client_network)], inside)
        for network, address in ((self.server_network, SERVER), (self.client_network, CLIENT)):
            inside = self.inside(network)
            run(["ip", "address", "add", f"{address}/16", "dev", "wire"], inside)
            run(["ip", "link", "set", "wire", "up"], inside)
            run(["ip", "link", "set", "lo", "up"], inside)

    def inside(self, network, group="", **more):
        procs = (self._groups[f"{self.name}/{group}"] if group else self.everybody).procs()
        return Surroundings(groups=procs, network=network, **more)

    def start_anywhere(self, arguments, log, surroundings=None, user=None):
        inside = surroundings or Surroundings(groups=self.everybody.procs())
        child = start(arguments, self.log_directory / f"{log}.log", inside, user)
        self._children.append(child)
        return child

    def serve(self, arguments, name, group=None, user=None, **more):
        """A program of the server side, in a group of its own name unless told otherwise."""
        group = group or name
        self.group(group)
        return self.start_anywhere(arguments, name,
                                   self.inside(self.server_network, group, **more), user)

    def on_server(self, arguments):
        return run(arguments, self.inside(self.server_network))

    def on_client(self, arguments):
        return run(arguments, self.inside(self.client_network))

    def close(self):
        """Ends what is left; the guardian takes away the rest, as it would after a kill."""
        for child in reversed(self._children):
            end(child, 3)
        self._notes.parent.joinpath("done").touch()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guardian.wait(30)


def clean(directory, name, keep):
    """Takes away everything that a world has made: processes, mounts, loop devices, groups."""
    group = ControlGroup(name)
    deadline = time.monotonic() + 10
    hierarchy = group.directories()
    while time.monotonic() < deadline:
        left = set()
        for top in hierarchy:
            for procs in top.rglob("cgroup.procs"):
                with contextlib.suppress(OSError):
                    left.update(int(pid) for pid in procs.read_text().split())
        if not left:
            break
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    for line in reversed((directory / "made").read_text().splitlines()):
        kind, what = line.split(" ", 1)
        tool = {"mount": ["umount", what], "loop": ["losetup", "--detach", what]}[kind]
        for _ in range(20):
            if subprocess.run(tool, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.2)
    for top in hierarchy:
        for path in sorted((p for p in top.rglob("*") if p.is_dir()), reverse=True):
            removed(path)
        removed(top)
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)

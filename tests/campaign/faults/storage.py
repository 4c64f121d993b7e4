"""Disks, file systems and what hides behind them."""
import contextlib
import os
import pathlib

from faults import Fault

WRITERS = ["redis", "postgres"]


class SlowDisk(Fault):
    name = "slow-disk"
    about = "the disk under PostgreSQL and Redis takes only a few operations a second"

    def inject(self):
        self.suffering = [*WRITERS, "nginx"]
        self.harm("device", self.applications.data.name, disk_name(self.applications.data.beneath))
        self.undo_by(self.applications.limit_disk)
        self.applications.limit_disk(12, 12)


def disk_name(number):
    return pathlib.Path(f"/sys/dev/block/{number}").resolve().name


class FsyncStorm(Fault):
    name = "fsync-storm"
    about = "processes that force every 4 kB to the disk of PostgreSQL and Redis"

    def inject(self):
        self.suffering = WRITERS
        self.harm("program", "hog-fsync")
        self.harm("device", self.applications.data.name, disk_name(self.applications.data.beneath))
        directory = self.applications.data.mount_point / "storm"
        directory.mkdir()
        self.undo_by(remove_files, directory)
        self.hog("fsync", directory)


def remove_files(directory):
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()


class FullFileSystem(Fault):
    name = "full-file-system"
    about = "nothing is left on the volume of PostgreSQL and Redis"
    by_event = True

    def inject(self):
        self.suffering = WRITERS
        volume = self.applications.data
        self.harm("mount", volume.mount_point)
        # Redis gives up when it cannot write what it has promised to.
        self.applications.may_end.add("redis")
        self.undo_by(self.applications.start_what_ended, "redis")
        path = volume.mount_point / "ballast"
        self.undo_by(lambda: path.unlink(missing_ok=True))
        with open(path, "wb") as file:
            step = 32 << 20
            size = 0
            while step >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
                except OSError:
                    step //= 2


class InodesExhausted(Fault):
    name = "inode-exhaustion"
    about = "no new file can be made on the volume of PostgreSQL and Redis"
    by_event = True

    def inject(self):
        self.suffering = WRITERS
        volume = self.applications.data
        self.harm("mount", volume.mount_point)
        directory = volume.mount_point / "small"
        directory.mkdir()
        self.undo_by(remove_files, directory)
        with contextlib.suppress(OSError):
            for i in range(100000):
                (directory / str(i)).touch()

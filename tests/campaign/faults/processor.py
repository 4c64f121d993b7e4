"""The processor is taken away."""
import os
import time

from applications import usable_processors
from faults import Fault

EVERYWHERE = ["redis", "memcached", "postgres", "nginx", "proxy", "frontend", "middle", "backend"]


class OnOneProcessor(Fault):
    """Pins one application and what harms it to the last processor; the host goes on beside."""

    def corner(self, name):
        processor = usable_processors()[-1]
        everywhere = set(usable_processors())
        for pid in self.applications[name].pids():
            pin(pid, {processor})
            self.undo_by(pin, pid, everywhere)
        return processor


def pin(pid, processors):
    """Every thread of a process that may just have ended."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), processors)
    except (FileNotFoundError, ProcessLookupError):
        return


class CpuHog(OnOneProcessor):
    name = "cpu-hog"
    about = "three processes of high priority compute on the processor of one application"

    def inject(self):
        target = self.dice.choice(["redis", "memcached", "nginx"])
        self.suffering = EVERYWHERE
        processor = self.corner(target)
        for _ in range(3):
            self.hog("spin", processor=processor, nice=-10)


class CpuHogInside(Fault):
    name = "cpu-hog-inside"
    about = "two processes compute inside the control group of an application, up to its CPU limit"

    def inject(self):
        target = self.dice.choice(["redis", "memcached", "nginx"])
        self.suffering = [target, "proxy"] if target == "nginx" else [target]
        self.harm_group(self.applications[target].group)
        for _ in range(2):
            self.hog("spin", group=target)


class CpuQuota(Fault):
    name = "cpu-quota"
    about = "the CPU limit of an application's control group is less than it needs"

    def inject(self):
        target = self.dice.choice(["redis", "nginx", "postgres", "frontend", "middle"])
        self.suffering = {"nginx": ["nginx", "proxy"], "frontend": ["frontend", "proxy"],
                          "middle": ["middle", "frontend", "proxy"]}.get(target, [target])
        group = self.applications[target].group
        self.harm_group(group)
        used = cpu_use(self.applications[target])
        # The kernel takes no less than 1 ms in 100 ms.
        self.began = time.time()
        group.limit_cpu(max(0.012, used * 0.4))
        self.undo_by(self.applications.restore_cpu_limit, target)


def cpu_use(application, seconds=3.0):
    """Cores that it uses now."""
    def ticks():
        total = 0
        for pid in application.pids():
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total
    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds


class RunQueueFlood(OnOneProcessor):
    name = "run-queue-flood"
    about = "forty processes at a time, each alive for 20 ms, on the processor of one application"

    def inject(self):
        target = self.dice.choice(["redis", "memcached", "nginx"])
        self.suffering = EVERYWHERE
        processor = self.corner(target)
        self.harm("program", "hog-flood")
        self.hog("flood", 40, processor=processor, nice=-10)


class NoisyNeighbour(OnOneProcessor):
    name = "noisy-neighbour"
    about = "a container with a big CPU share computes on the processor of one application"

    def inject(self):
        target = self.dice.choice(["redis", "memcached", "nginx"])
        self.suffering = EVERYWHERE
        processor = self.corner(target)
        container = f"{self.dice.getrandbits(256):064x}"
        # Shares hold among siblings, so the group above needs them as well.
        group = self.world.group(f"docker/{container}")
        for sharing in (self.world.group("docker"), group):
            sharing.share_cpu(200000)
        self.harm_group(group)
        for _ in range(4):
            self.hog("spin", group=f"docker/{container}", processor=processor)

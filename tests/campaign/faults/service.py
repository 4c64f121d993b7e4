"""What goes wrong inside an application or beneath it."""
import os
import signal
import time

from applications import PORTS
from faults import Fault
from world import SERVER

ABOVE = {"backend": ["backend", "middle", "frontend", "proxy", "nginx"],
         "middle": ["middle", "frontend", "proxy", "nginx"],
         "frontend": ["frontend", "proxy", "nginx"]}


class InService(Fault):
    """Switches a defect of one of our own services on."""

    def switch(self, target, defect, number):
        application = self.applications[target]
        self.suffering = ABOVE[target]
        self.harm("process", application.pid)
        self.harm("port", application.port)
        application.order(defect, number)
        self.undo_by(application.order, defect, 0)


class SlowDownstream(InService):
    name = "slow-downstream"
    about = "the service at the end of the chain waits 60 ms in each request"

    def inject(self):
        self.switch("backend", "slow", 60)


class LockConvoy(InService):
    name = "lock-convoy"
    about = "a thread of a service holds, 30 ms at a time, the lock that each request needs"

    def inject(self):
        self.switch(self.dice.choice(["backend", "middle"]), "lock", 30)


class PoolExhausted(InService):
    name = "pool-exhausted"
    about = "all connections of a service's pool are taken and never given back"

    def inject(self):
        self.switch("middle", "hold", 4)


class StoppedDependency(Fault):
    name = "sigstop"
    about = "the service at the end of the chain is stopped (SIGSTOP)"

    def inject(self):
        self.suffering = ABOVE["backend"]
        backend = self.applications["backend"]
        self.harm("process", backend.pid)
        self.harm("port", backend.port)
        os.kill(backend.pid, signal.SIGSTOP)
        self.undo_by(os.kill, backend.pid, signal.SIGCONT)


class SlowCommand(Fault):
    name = "slow-command"
    about = "a client's script keeps Redis itself busy for 60 ms, eight times a second"

    def inject(self):
        self.suffering = ["redis"]
        self.harm("process", self.applications["redis"].pid)
        self.hog("slow_script", SERVER, PORTS["redis"], 8, network=self.world.client_network,
                 role="client")


class ChangedConfiguration(Fault):
    name = "changed-configuration"
    about = "somebody forbids PostgreSQL the use of indexes in its configuration, and reloads it"

    def inject(self):
        self.suffering = ["postgres"]
        path = self.applications.data.mount_point / "postgres" / "postgresql.conf"
        self.harm("path", path)
        self.harm("application", *self.applications["postgres"].pids())
        before = path.read_text()
        self.undo_by(self._write, path, before)
        self._write(path, before + "".join(
            f"enable_{scan} = off\n" for scan in ("indexscan", "indexonlyscan", "bitmapscan")))

    def _write(self, path, text):
        """In place, which keeps owner and mode; then the reload."""
        path.write_text(text)
        os.kill(self.applications["postgres"].pid, signal.SIGHUP)


class SlowRelease(Fault):
    name = "slow-release"
    about = "a new version of a service is rolled out, and each request takes 5 ms longer in it"

    def inject(self):
        target = self.dice.choice(["backend", "middle"])
        self.suffering = ABOVE[target]
        self.undo_by(self.applications.release, target)
        self.harm("process", self.applications[target].pid)
        self.harm("path", self.applications.release(target, slower_us=5000))
        self.harm("process", self.applications[target].pid)


class FilesExhausted(InService):
    name = "fd-exhaustion"
    about = "a service opens files until it may open no more, and accepts no connection"
    by_event = True

    def inject(self):
        self.switch("middle", "files", 150)


class ZombieFlood(InService):
    name = "zombie-flood"
    about = "a service does not wait for its children, until its group may have no more threads"
    by_event = True

    def inject(self):
        self.harm_group(self.applications["middle"].group)
        self.switch("middle", "zombies", 200)


class CrashLoop(Fault):
    name = "crash-loop"
    about = "the service at the end of the chain crashes a second after each start"
    by_event = True

    def inject(self):
        self.suffering = ABOVE["backend"]
        self.harm("program", "campaign_servic")
        self.harm("port", self.applications["backend"].port)
        self.applications.may_end.add("backend")
        self._next = 0.0
        self.undo_by(self.applications.start_what_ended, "backend")
        self.tick()

    def tick(self):
        """What a supervisor does, and the next crash."""
        backend = self.applications["backend"]
        if time.monotonic() < self._next:
            return
        if backend.process.poll() is None:
            self.harm("process", backend.pid)
            backend.order("crash", 1)
            backend.process.wait(10)
            self._next = time.monotonic() + 0.3
        else:
            self.applications.start_service("backend")
            self._next = time.monotonic() + 1

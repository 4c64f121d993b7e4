"""Kinds of fault. A module is a family; each class with a `name` in it is one kind."""
import importlib
import pkgutil
import subprocess

import truth
from children import end_group
from world import HERE, Surroundings, machine_id

TRUTH = truth.load()


class Fault:
    """One injection. `suffering` are applications whose KPIs may bend; `injected` is what was
    harmed by the roles of schemas/truth, as keys and labels of entities have it; `truth` tells
    right from wrong."""

    name = ""
    about = ""
    # True: a fault that applications survive without getting slow; it ends once an event names it.
    by_event = False
    at_most_s = 16.0
    began = None  # Unix seconds, where the harm begins later than `inject`

    def __init__(self, world, applications, load, dice):
        self.world = world
        self.applications = applications
        self.load = load
        self.dice = dice
        self.truth = TRUTH[self.name]
        self.suffering = []
        self.injected = {"machine": [machine_id()]}
        self._undo = []

    def inject(self):
        raise NotImplementedError

    def tick(self):
        """Called ten times a second while the fault lasts."""

    def undo_by(self, call, *arguments):
        """`remove` calls it; the last comes first."""
        self._undo.append((call, arguments))

    def remove(self):
        """Undoes all that it can, then raises what went wrong."""
        failure = None
        while self._undo:
            call, arguments = self._undo.pop()
            try:
                call(*arguments)
            except (OSError, RuntimeError, subprocess.SubprocessError) as caught:
                failure = failure or caught
        if failure:
            raise failure

    def harm(self, role, *things):
        """What was harmed, or does the harm, in that role of schemas/truth."""
        self.injected.setdefault(role, []).extend(str(thing) for thing in things)

    def harm_group(self, group):
        self.harm("group", f"/{group.path}")

    def hog(self, name, *arguments, network=None, group=None, role="process", **more):
        """Starts a program of hogs.py, which does the harm; ended by `remove`."""
        groups = self.world.group(group or "").procs()
        child = self.world.start_anywhere(
            ["/usr/bin/python3", HERE / "hogs.py", name, *arguments], f"hog-{name}",
            Surroundings(groups=groups, network=network, **more))
        self.harm(role, child.pid)
        self.undo_by(end_group, child)
        return child


def all_kinds():
    """Name → class, in the order of the families' names."""
    kinds = {}
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        family = importlib.import_module(f"faults.{module}")
        for kind in vars(family).values():
            if isinstance(kind, type) and issubclass(kind, Fault) and kind.name:
                kind.family = module
                kinds[kind.name] = kind
    return kinds

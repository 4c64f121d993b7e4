"""Kinds of fault. A module is a family; each class with a `name` in it is one kind."""
import importlib
import pkgutil

from children import end_group
from world import HERE, Surroundings


class Answer:
    """A cause that counts as the right one: its metric is one of this entity (and, where given, begins
    with one of `metrics` and has this keyword), and where `marked`, it is the very thing injected."""

    def __init__(self, entity, metrics=(), keyword="", marked=True, marks=()):
        """`marks`: instead of those of the fault."""
        self.marks = marks
        self.entity = entity
        self.metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics)
        self.keyword = keyword
        self.marked = marked


class Fault:
    """One injection. `suffering` are applications whose KPIs may bend; `marks` are texts that name what
    was injected as they stand in ids and labels of entities; `answers` tell right from wrong."""

    name = ""
    about = ""
    answers = ()
    # True: a fault that applications survive without getting slow; an event that names it is enough.
    by_event = False
    at_most_s = 16.0
    began = None  # Unix seconds, where the harm begins later than `inject`

    def __init__(self, world, applications, load, dice):
        self.world = world
        self.applications = applications
        self.load = load
        self.dice = dice
        self.suffering = []
        self.marks = []
        self._undo = []

    def inject(self):
        raise NotImplementedError

    def tick(self):
        """Called ten times a second while the fault lasts."""

    def undo_by(self, call, *arguments):
        """`remove` calls it; the last comes first."""
        self._undo.append((call, arguments))

    def remove(self):
        while self._undo:
            call, arguments = self._undo.pop()
            call(*arguments)

    def hog(self, name, *arguments, network=None, group=None, **more):
        """Starts a program of hogs.py, marked, ended by `remove`."""
        groups = self.world.group(group or "").procs()
        child = self.world.start_anywhere(
            ["/usr/bin/python3", HERE / "hogs.py", name, *arguments], f"hog-{name}",
            Surroundings(groups=groups, network=network, **more))
        self.marks.append(str(child.pid))
        self.undo_by(end_group, child)
        return child

    def marks_of(self, *applications):
        for application in applications:
            self.marks += [str(pid) for pid in application.pids()]


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

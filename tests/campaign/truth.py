"""What counts as right: the table in schemas/truth, and how what is said is held against it.

`gala demo` judges by the same table in runtime/cli/demo/score.cpp; verdicts.json holds both to one
meaning."""
import pathlib
import re
import tomllib

TABLE = pathlib.Path(__file__).resolve().parents[2] / "schemas" / "truth"
PREFIX = "gala_gopher_"
RIGHT, HALF, WRONG = "right", "half", "wrong"


class Thing:
    """What a cause or an event names."""

    def __init__(self, metric_id, entity_id, labels, keyword=None):
        """`keyword`: None where there is none, as in events."""
        self.metric_id = metric_id if isinstance(metric_id, str) else ""
        self.entity_id = entity_id if isinstance(entity_id, str) else ""
        self.labels = labels if isinstance(labels, dict) else {}
        self.keyword = keyword


class Entry:
    """One way of naming a fault."""

    def __init__(self, of, why, where=None, keyword=""):
        self.of = [name.split(".") for name in of]
        self.why = why
        self.where = where or {}
        self.keyword = keyword

    def roles(self):
        return {role for role in self.where.values() if not role.startswith("=")}

    def fits(self, thing, injected):
        return (self._names_metric(thing, injected["machine"])
                and all(thing.labels.get(key) in values_of(role, injected)
                        for key, role in self.where.items())
                and (not self.keyword or thing.keyword == self.keyword))

    def _names_metric(self, thing, machines):
        return any(thing.metric_id == f"{PREFIX}{entity}_{metric}"
                   and thing.entity_id.startswith(tuple(f"{name}_{entity}_" for name in machines))
                   for entity, metric in self.of)


def values_of(role, injected):
    """What a key of `where` may be: what was injected in that role, or the text after "="."""
    return [role[1:]] if role.startswith("=") else injected[role]


class Truth:
    """All ways of naming one kind of fault."""

    def __init__(self, name, demo="", right=(), half=()):
        self.name = name
        self.demo = demo
        self.right = [Entry(**entry) for entry in right]
        self.half = [Entry(**entry) for entry in half]

    def roles(self):
        """What the injector must name."""
        return {"machine"}.union(*(entry.roles() for entry in self.right + self.half))

    def check(self, injected):
        if missing := sorted(role for role in self.roles() if not injected.get(role)):
            raise ValueError(f"{self.name}: the injector does not say which {', '.join(missing)} "
                             "it harmed, and schemas/truth asks for it")

    def verdict(self, thing, injected):
        """The first that fits, from right to wrong."""
        for verdict, entries in ((RIGHT, self.right), (HALF, self.half)):
            if any(entry.fits(thing, injected) for entry in entries):
                return verdict
        return WRONG


def load(directory=TABLE):
    """Name of the kind of fault → Truth. ValueError: the place in the files, and what is wrong."""
    table = {}
    for path in sorted(directory.glob("*.toml")):
        text = path.read_text()
        for name, entries in tomllib.loads(text).items():
            if name in table:
                raise ValueError(f'{path}:{line_of(text, name)}: fault "{name}" has a truth '
                                 "already")
            for key in ("right", "half"):
                if not is_list_of_answers(entries.get(key, [])):
                    raise ValueError(f'{path}:{line_of(text, name, key)}: "{key}" is no list of '
                                     f"answers; write [[{name}.{key}]]")
            table[name] = Truth(name, **entries)
    return table


def is_list_of_answers(value):
    return isinstance(value, list) and all(isinstance(answer, dict) for answer in value)


def line_of(text, name, key=None):
    """Where a fault begins, or where this key of it stands: Python's TOML tells no places."""
    lines = text.splitlines()
    fault = rf'\s*\[+\s*"?{re.escape(name)}"?\s*'
    begin = next((at for at, line in enumerate(lines) if re.match(rf"{fault}[.\]]", line)), 0)
    wanted = rf"{fault}\.\s*{key}\s*\]|\s*{key}\s*=" if key else fault
    return next((at for at in range(begin, len(lines)) if re.match(wanted, lines[at])), begin) + 1


def causes_of(diagnosis):
    """The causes of a diagnosis, best first; what is none names nothing."""
    resource = diagnosis.get("Resource")
    causes = resource.get("cause_metrics") if isinstance(resource, dict) else None
    return [cause if isinstance(cause, dict) else {} for cause in causes or []]


def judged(diagnosis, truth, injected):
    """{"verdict": of the first cause, None without one; "rank": of the first right cause}."""
    verdicts = [truth.verdict(Thing(cause.get("metric_id"), cause.get("entity_id"),
                                    cause.get("metric_labels"), cause.get("keyword", "")), injected)
                for cause in causes_of(diagnosis)]
    return {"verdict": verdicts[0] if verdicts else None,
            "rank": verdicts.index(RIGHT) + 1 if RIGHT in verdicts else None}


class Score:
    """Of one injection: the first diagnosis in its first and its last version, and whether an event
    alone named the injected thing. The caller leaves out what is about others or an earlier
    time."""

    def __init__(self, truth, injected):
        truth.check(injected)
        self.truth = truth
        self.injected = injected
        self.first_version = self.last_version = None
        self.event_named = False
        self._event_id = None

    def on_diagnosis(self, diagnosis):
        judgement = judged(diagnosis, self.truth, self.injected)
        if self.first_version is None:
            self.first_version = self.last_version = judgement
            self._event_id = diagnosis.get("event_id")
        elif diagnosis.get("event_id") == self._event_id:
            self.last_version = judgement

    def on_event(self, event):
        """True when the event names the injected thing."""
        attributes, resource = event.get("Attributes") or {}, event.get("Resource") or {}
        thing = Thing(resource.get("metric"), attributes.get("entity_id"), resource.get("labels"))
        named = self.truth.verdict(thing, self.injected) == RIGHT
        self.event_named = self.event_named or named
        return named

    def outcome(self):
        return {"first_version": self.first_version, "last_version": self.last_version,
                "event_only": self.first_version is None and self.event_named}

"""From what the pipeline said during one injection to a record of the report; truth.py judges."""
import truth
from applications import PORTS

# So long a fault goes on: its diagnosis may be said better; after an event alone, one may come.
AFTER_DIAGNOSIS_S, AFTER_EVENT_S = 4.0, 8.0
OURS = {str(port): name for name, port in PORTS.items()}


def short_metric(metric_id):
    return metric_id.removeprefix(truth.PREFIX)


def kpi_of(diagnosis):
    return diagnosis["Resource"]["abnormal_kpi"]


def application_of(labels):
    """Which of our applications an entity with these labels belongs to, or None."""
    return OURS.get(str((labels or {}).get("server_port", "")))


def is_kpi_event(event):
    return event["Attributes"].get("event_type") == "app"


def place_of(diagnosis):
    """The KPI in a few words."""
    kpi = kpi_of(diagnosis)
    return f"{short_metric(kpi.get('metric_id', ''))} {kpi.get('entity_id', '').partition('_')[2]}"


def causes_of(diagnosis):
    return [f"{cause.get('score', 0):.2f} {short_metric(cause.get('metric_id', ''))}: "
            f"{cause.get('desc', '')}" for cause in truth.causes_of(diagnosis)[:4]]


def first_cause(diagnosis):
    causes = truth.causes_of(diagnosis)
    if not causes:
        return {"metric": "none", "text": diagnosis["Resource"].get("desc", "")}
    return {"metric": short_metric(causes[0].get("metric_id", "")),
            "score": causes[0].get("score", 0),
            "confidence": diagnosis["Attributes"].get("confidence", 0),
            "entity": causes[0].get("entity_id", ""), "text": causes[0].get("desc", "")}


def quiet_outcome(began, seconds, said_events, said_diagnoses, after=None):
    """What was said in a time without a fault of our applications, of what began in it. `after`:
    the kind of fault that was taken away before."""
    events = [event for event in said_events if is_kpi_event(event)
              and event["Attributes"].get("started", 0) / 1000 >= began
              and application_of(event["Resource"].get("labels"))]
    diagnoses = [diagnosis for diagnosis in said_diagnoses
                 if diagnosis["Attributes"].get("bent", 0) / 1000 >= began
                 and application_of(kpi_of(diagnosis).get("metric_labels"))]
    ids = [{line.get("event_id") for line in lines} for lines in (events, diagnoses)]
    return {"kind": "quiet", "after": after, "began": round(began, 3), "seconds": round(seconds, 1),
            "kpi_events": len(ids[0]), "diagnoses": len(ids[1]), "false": len(ids[0] | ids[1]),
            "texts": sorted({event["Resource"].get("description") for event in events}
                            | {diagnosis["Resource"].get("desc") for diagnosis in diagnoses})}


class Injection:
    """Collects events and diagnoses from `began` (Unix seconds) on, as they arrive. Requires: the
    fault is injected, so that it knows what it has harmed."""

    def __init__(self, fault, began, closed=()):
        """`closed`: ids of events that have ended before."""
        self.fault = fault
        self.began = began
        self.event_after = None
        self.named_after = None
        self.diagnosed_after = None
        self.elsewhere = set()
        self.open = set()
        self._diagnoses = {}
        self._closed = set(closed)
        self._score = truth.Score(fault.truth, fault.injected)

    def is_new(self, line, key):
        """Began with this injection. An event that comes back soon after it had closed keeps its id
        and the time of its first episode: such a one counts when it was closed in between."""
        began = line["Attributes"].get(key, 0) / 1000
        return began >= self.began - 1.5 or line.get("event_id") in self._closed

    def may_bend(self, labels):
        return application_of(labels) in self.fault.suffering

    def on_event(self, event, now):
        if not self.is_new(event, "started"):
            return
        after = now - self.began
        if is_kpi_event(event):
            self._on_kpi_event(event, after)
        if self._score.on_event(event) and self.named_after is None:
            self.named_after = after

    def _on_kpi_event(self, event, after):
        labels = event["Resource"].get("labels")
        if self.may_bend(labels):
            self.event_after = after if self.event_after is None else self.event_after
        elif application_of(labels):
            self.elsewhere.add(application_of(labels))
        closed = event["Attributes"].get("state") == "closed"
        (self.open.discard if closed else self.open.add)(event.get("event_id"))

    def on_diagnosis(self, diagnosis, now):
        # What came back has the time of its return.
        if (diagnosis["Attributes"].get("bent", 0) / 1000 < self.began - 1.5
                or not self.may_bend(kpi_of(diagnosis).get("metric_labels"))):
            return
        if self.diagnosed_after is None:
            self.diagnosed_after = now - self.began
        # A later version replaces the earlier one, in its place.
        self._diagnoses[diagnosis.get("event_id")] = diagnosis
        self._score.on_diagnosis(diagnosis)

    def is_over(self, now):
        """Enough was said, so that the fault may end."""
        lasted = now - self.began
        if self.diagnosed_after is not None:
            return lasted > self.diagnosed_after + AFTER_DIAGNOSIS_S
        return (self.fault.by_event and self.event_after is None and self.named_after is not None
                and lasted > self.named_after + AFTER_EVENT_S)

    def outcome(self):
        said = list(self._diagnoses.values())
        told = [after for after in (self.event_after, self.named_after) if after is not None]
        first = said[0] if said else None
        return {
            "fault": self.fault.name, "family": self.fault.family, "began": round(self.began, 3),
            "suffering": self.fault.suffering, "injected": self.fault.injected,
            "detected": bool(told or said), **self._score.outcome(),
            "seconds_to_event": rounded(min(told, default=None)),
            "seconds_to_diagnosis": rounded(self.diagnosed_after),
            "diagnoses": len(said), "first_cause": first_cause(first) if first else None,
            "causes": [[place_of(diagnosis), causes_of(diagnosis)] for diagnosis in said],
            "kpi": short_metric(kpi_of(first).get("metric_id", "")) if first else None,
            "kpi_entity": kpi_of(first).get("entity_id") if first else None,
            "elsewhere": sorted(self.elsewhere)}


def rounded(seconds):
    return None if seconds is None else round(seconds, 2)

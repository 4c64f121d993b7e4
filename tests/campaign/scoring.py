"""From what the pipeline said during one injection to right or wrong. The truth is known here only."""
from applications import PORTS

PREFIX = "gala_gopher_"
OURS = {str(port): name for name, port in PORTS.items()}


def short_metric(metric_id):
    return metric_id.removeprefix(PREFIX)


def kpi_of(diagnosis):
    return diagnosis["Resource"]["abnormal_kpi"]


def application_of(labels):
    """Which of our applications an entity with these labels belongs to, or None."""
    return OURS.get(str((labels or {}).get("server_port", "")))


def is_kpi_event(event):
    return event["Attributes"].get("event_type") == "app"


def has_mark(entity_id, labels, marks):
    parts = set((entity_id or "").split("_")) | {str(value) for value in (labels or {}).values()}
    return any(mark in parts or (len(mark) > 8 and mark in (entity_id or "")) for mark in marks)


def is_right(metric, keyword, entity_id, labels, fault):
    """Whether a cause, or an event, names what `fault` injected."""
    for answer in fault.answers:
        begins = answer.entity + "_"
        if (metric.startswith(begins)
                and (not answer.metrics or metric[len(begins):].startswith(answer.metrics))
                and (not answer.keyword or keyword == answer.keyword)
                and (not answer.marked or has_mark(entity_id, labels, answer.marks or fault.marks))):
            return True
    return False


def rank_in(diagnosis, fault):
    for place, cause in enumerate(diagnosis["Resource"].get("cause_metrics") or [], 1):
        if is_right(short_metric(cause.get("metric_id", "")), cause.get("keyword", ""),
                    cause.get("entity_id", ""), cause.get("metric_labels"), fault):
            return place
    return None


def place_of(diagnosis):
    """The KPI in a few words."""
    kpi = kpi_of(diagnosis)
    return f"{short_metric(kpi.get('metric_id', ''))} {kpi.get('entity_id', '')[33:]}"


def causes_of(diagnosis):
    return [f"{cause.get('score', 0):.2f} {short_metric(cause.get('metric_id', ''))}: "
            f"{cause.get('desc', '')}"
            for cause in (diagnosis["Resource"].get("cause_metrics") or [])[:4]]


def first_cause(diagnosis):
    causes = diagnosis["Resource"].get("cause_metrics") or []
    if not causes:
        return {"metric": "none", "text": diagnosis["Resource"].get("desc", "")}
    return {"metric": short_metric(causes[0].get("metric_id", "")), "score": causes[0].get("score", 0),
            "confidence": diagnosis["Attributes"].get("confidence", 0),
            "entity": causes[0].get("entity_id", ""), "text": causes[0].get("desc", "")}


def quiet_outcome(began, seconds, said_events, said_diagnoses):
    """What was said in a time without a fault of our applications, of what began in it."""
    events = [event for event in said_events if is_kpi_event(event)
              and event["Attributes"].get("started", 0) / 1000 >= began
              and application_of(event["Resource"].get("labels"))]
    diagnoses = [diagnosis for diagnosis in said_diagnoses
                 if diagnosis["Attributes"].get("bent", 0) / 1000 >= began
                 and application_of(kpi_of(diagnosis).get("metric_labels"))]
    return {"kind": "quiet", "began": round(began, 3), "seconds": round(seconds, 1),
            "kpi_events": len({event.get("event_id") for event in events}),
            "diagnoses": len({diagnosis.get("event_id") for diagnosis in diagnoses}),
            "texts": sorted({event["Resource"].get("description") for event in events})}


class Injection:
    """Collects events and diagnoses from `began` (Unix seconds) on, as they arrive."""

    def __init__(self, fault, began, closed=()):
        """`closed`: ids of events that have ended before."""
        self.fault = fault
        self.began = began
        self.event_after = None
        self.naming_event_after = None
        self.diagnoses = {}
        self.diagnosed_after = None
        self.elsewhere = set()
        self.open = set()
        self._closed = set(closed)

    def is_new(self, line, key):
        """Began with this injection. An event that comes back soon after it had closed keeps its id and
        the time of its first episode: such a one counts when it was closed in between."""
        began = line["Attributes"].get(key, 0) / 1000
        return began >= self.began - 1.5 or line.get("event_id") in self._closed

    def may_bend(self, labels):
        return application_of(labels) in self.fault.suffering

    def on_event(self, event, now):
        attributes, labels = event["Attributes"], event["Resource"].get("labels")
        if not self.is_new(event, "started"):
            return
        after = now - self.began
        if is_kpi_event(event):
            if self.may_bend(labels):
                self.event_after = after if self.event_after is None else self.event_after
            elif application_of(labels):
                self.elsewhere.add(application_of(labels))
            (self.open.discard if attributes.get("state") == "closed" else self.open.add)(
                event.get("event_id"))
        metric = short_metric(event["Resource"].get("metric") or "")
        if not metric.startswith(attributes.get("entity", "") + "_"):
            metric = f"{attributes.get('entity')}_{metric}"
        if self.naming_event_after is None and is_right(metric, "", attributes.get("entity_id"),
                                                        labels, self.fault):
            self.naming_event_after = after

    def on_diagnosis(self, diagnosis, now):
        # What came back has the time of its return.
        if (diagnosis["Attributes"].get("bent", 0) / 1000 < self.began - 1.5
                or not self.may_bend(kpi_of(diagnosis).get("metric_labels"))):
            return
        if self.diagnosed_after is None:
            self.diagnosed_after = now - self.began
        # A later version replaces the earlier one, in its place.
        self.diagnoses[diagnosis.get("event_id")] = diagnosis

    def answered_after(self):
        """Seconds to what counts as the answer to this fault, or None."""
        if self.fault.by_event and self.diagnosed_after is None and self.event_after is None:
            return self.naming_event_after
        return self.diagnosed_after

    def outcome(self):
        """The first KPI that was diagnosed, in its last version, counts."""
        said = list(self.diagnoses.values())
        ranks = [rank_in(diagnosis, self.fault) for diagnosis in said]
        fault = self.fault
        by_event = fault.by_event and not said
        detected_after = self.naming_event_after if by_event else self.event_after
        rank = ranks[0] if ranks else (1 if by_event and detected_after is not None else None)
        return {
            "fault": fault.name, "family": fault.family, "began": round(self.began, 3),
            "suffering": fault.suffering, "marks": fault.marks,
            "detected": detected_after is not None or bool(said),
            "by_event": by_event and detected_after is not None,
            "rank": rank, "best_rank": min((r for r in ranks if r), default=rank),
            "diagnoses": len(said),
            "seconds_to_event": rounded(detected_after),
            "seconds_to_diagnosis": rounded(self.diagnosed_after),
            "first_cause": first_cause(said[0]) if said else None,
            "causes": [[place_of(diagnosis), causes_of(diagnosis)] for diagnosis in said],
            "kpi": short_metric(kpi_of(said[0]).get("metric_id", "")) if said else None,
            "kpi_entity": kpi_of(said[0]).get("entity_id") if said else None,
            "elsewhere": sorted(self.elsewhere)}


def rounded(seconds):
    return None if seconds is None else round(seconds, 2)

#!/usr/bin/env python3
"""What counts as right, and how it is added up: no process, no privilege."""
import pathlib
import struct
import tempfile
import types
import unittest

import recording
import report
import scoring
from faults import Answer, all_kinds

PORT = str(scoring.PORTS["redis"])


def fault(**more):
    return types.SimpleNamespace(**{"name": "f", "family": "x", "suffering": ["redis"], "marks": ["42"],
                                    "answers": (Answer("proc"),), "by_event": False, **more})


def cause(metric, entity_id, keyword="cpu", labels=None):
    return {"metric_id": "gala_gopher_" + metric, "entity_id": entity_id, "keyword": keyword,
            "metric_labels": labels or {}, "desc": metric}


def diagnosis(causes, bent=100.0, port=PORT, event_id="e1"):
    return {"event_id": event_id, "Attributes": {"bent": bent * 1000, "version": 1},
            "Resource": {"cause_metrics": causes, "abnormal_kpi": {
                "metric_id": "gala_gopher_sli_latency", "entity_id": "m_sli_7_" + port,
                "metric_labels": {"server_port": port}}}}


def kpi_event(started=100.0, state="open", port=PORT, event_id="e1"):
    return {"event_id": event_id, "Attributes": {
        "event_type": "app", "started": started * 1000, "state": state, "entity": "sli",
        "entity_id": "m_sli_7_" + port},
        "Resource": {"metric": "gala_gopher_sli_latency", "labels": {"server_port": port}}}


class Right(unittest.TestCase):
    def test_needs_the_injected_instance(self):
        said = diagnosis([cause("proc_cpu_util", "m_proc_41"), cause("proc_cpu_util", "m_proc_42")])
        self.assertEqual(scoring.rank_in(said, fault()), 2)
        self.assertIsNone(scoring.rank_in(said, fault(marks=["4"])))

    def test_needs_the_metric_and_the_keyword_where_they_are_given(self):
        said = diagnosis([cause("cgroup_memory_util", "m_cgroup_42", "memory")])
        for answer, rank in ((Answer("cgroup", "throttled"), None), (Answer("cgroup", "mem"), 1),
                             (Answer("cgroup", keyword="cpu"), None), (Answer("proc"), None)):
            self.assertEqual(scoring.rank_in(said, fault(answers=(answer,))), rank)

    def test_takes_a_label_for_a_mark(self):
        said = diagnosis([cause("program_crashes", "m_program_x", labels={"comm": "hog"})])
        self.assertEqual(scoring.rank_in(said, fault(marks=["hog"], answers=(Answer("program"),))), 1)


class OfAnInjection(unittest.TestCase):
    def test_counts_the_last_version_of_the_first_diagnosis(self):
        injection = scoring.Injection(fault(), 100.0)
        injection.on_event(kpi_event(), 102.0)
        injection.on_diagnosis(diagnosis([cause("proc_cpu_util", "m_proc_41")]), 103.0)
        injection.on_diagnosis(diagnosis([cause("proc_cpu_util", "m_proc_42")], event_id="e2"), 104.0)
        self.assertIsNone(injection.outcome()["rank"])
        injection.on_diagnosis(diagnosis([cause("proc_cpu_util", "m_proc_42")]), 105.0)
        outcome = injection.outcome()
        self.assertEqual((outcome["rank"], outcome["seconds_to_event"],
                          outcome["seconds_to_diagnosis"]), (1, 2.0, 3.0))

    def test_leaves_out_what_began_before_or_belongs_to_others(self):
        injection = scoring.Injection(fault(), 100.0)
        injection.on_event(kpi_event(started=90.0), 102.0)
        injection.on_event(kpi_event(port=str(scoring.PORTS["nginx"])), 102.0)
        injection.on_diagnosis(diagnosis([], bent=90.0), 102.0)
        outcome = injection.outcome()
        self.assertFalse(outcome["detected"])
        self.assertEqual(outcome["elsewhere"], ["nginx"])

    def test_takes_what_had_closed_and_came_back(self):
        injection = scoring.Injection(fault(), 100.0, {"e1"})
        injection.on_event(kpi_event(started=80.0), 102.0)
        self.assertTrue(injection.outcome()["detected"])

    def test_takes_an_event_for_an_answer_only_where_no_kpi_bends(self):
        named = {"event_id": "p", "Attributes": {"event_type": "sys", "started": 1e5, "state": "open",
                                                 "entity": "proc", "entity_id": "m_proc_42"},
                 "Resource": {"metric": "gala_gopher_proc_fd_free_per", "labels": {}}}
        for by_event, rank in ((True, 1), (False, None)):
            injection = scoring.Injection(fault(by_event=by_event), 100.0)
            injection.on_event(named, 101.0)
            self.assertEqual(injection.outcome()["rank"], rank)


class Report(unittest.TestCase):
    def test_adds_up(self):
        row = {"kind": "injection", "fault": "f", "detected": True, "rank": 1, "by_event": False,
               "seconds_to_event": 2.0, "seconds_to_diagnosis": 3.0, "first_cause": None}
        wrong = {**row, "rank": None, "first_cause": {"metric": "psi_some"}}
        missed = {**row, "rank": None, "detected": False, "seconds_to_event": None,
                  "seconds_to_diagnosis": None}
        quiet = {"kind": "quiet", "seconds": 1800, "kpi_events": 1, "diagnoses": 0}
        text = report.table([row, row, wrong, missed, quiet])
        self.assertIn("| f | 4 | 75 % | 50 % | 50 % | 2.0 / 2.0 | 3.0 / 3.0 |", text)
        self.assertIn("2.0 and 0.0 an hour", text)
        self.assertIn("psi_some (1×)", text)
        self.assertIn("not detected (1×)", text)

    def test_quantiles_are_values_that_were_seen(self):
        self.assertEqual(report.quantile(range(1, 101), 95), 95)
        self.assertEqual(report.quantile([5], 50), 5)
        self.assertIsNone(report.quantile([], 50))


class Recording(unittest.TestCase):
    @staticmethod
    def message(boot_ns):
        header = bytearray(104)
        struct.pack_into("<Q", header, recording.BOOT_NS_AT, boot_ns)
        return recording.PREFIX.pack(3, 104, 5, 0) + b"abc\0\0\0\0\0" + header + b"hello\0\0\0"

    def test_is_cut_to_a_time_and_leaves_a_torn_end_out(self):
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            plain = directory / "stage.rec"
            plain.write_bytes(recording.MAGIC + self.message(1) + self.message(2) + self.message(3)
                              + self.message(4)[:-3])
            recording.cut(plain, directory / "stage.rec.xz", 2, 9)
            [cut] = recording.unpack(directory, directory)["stage"]
            self.assertEqual([boot for _, boot, _ in recording.messages(cut)], [2, 3])


class Lapse(unittest.TestCase):
    def test_it_is_the_share_of_wrong_answers_among_sure_ones(self):
        sure = [(1.0, True)] * 9 + [(1.0, False)]
        self.assertAlmostEqual(report.fitted_lapse(sure, -50, 100), 0.1)
        # The curve itself says that a low score is wrong.
        self.assertAlmostEqual(report.fitted_lapse([*sure, (0.0, False)], -50, 100), 0.1)


class Kinds(unittest.TestCase):
    def test_there_are_as_many_as_asked_for_and_each_tells_right_from_wrong(self):
        kinds = all_kinds()
        self.assertGreaterEqual(len(kinds), 24)
        for kind in kinds.values():
            self.assertTrue(kind.answers and kind.about, kind.name)


if __name__ == "__main__":
    unittest.main()

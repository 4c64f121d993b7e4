#!/usr/bin/env python3
"""What counts as right, and how it is added up: no process, no privilege."""
import json
import pathlib
import random
import struct
import tempfile
import tomllib
import types
import unittest

import campaign
import recording
import report
import rescore
import scoring
import truth
from faults import all_kinds

HERE = pathlib.Path(__file__).resolve().parent
PORT = str(scoring.PORTS["redis"])
TABLE = truth.load()


def fault(**more):
    return types.SimpleNamespace(**{
        "name": "leak", "family": "memory", "suffering": ["redis"], "truth": TABLE["leak"],
        "by_event": False,
        "injected": {"machine": ["m"], "process": ["42"], "group": ["/g"]}, **more})


def cause(tgid):
    return {"metric_id": "gala_gopher_proc_pm_size", "entity_id": f"m_proc_{tgid}",
            "keyword": "memory", "metric_labels": {"tgid": str(tgid)}, "desc": "it grew"}


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


class Verdicts(unittest.TestCase):
    """`gala demo` answers the same (runtime/cli/demo/score_test.cpp)."""

    def test_each_is_as_promised(self):
        for case in json.loads((HERE / "verdicts.json").read_text()):
            with self.subTest(case["name"]):
                score = truth.Score(TABLE[case["fault"]], case["injected"])
                for line in case["lines"]:
                    [(kind, said)] = line.items()
                    {"event": score.on_event, "diagnosis": score.on_diagnosis}[kind](said)
                self.assertEqual(score.outcome(), case["expect"])

    def test_an_injector_that_does_not_say_what_it_harmed_is_refused(self):
        with self.assertRaisesRegex(ValueError, "group"):
            truth.Score(TABLE["leak"], {"machine": ["m"], "process": ["42"], "group": []})


class Table(unittest.TestCase):
    model = {path.stem: tomllib.loads(path.read_text())
             for path in (truth.TABLE.parent / "model").glob("*.toml")}

    def test_names_what_the_model_has(self):
        for name, kind in TABLE.items():
            for entry in kind.right + kind.half:
                self.assertTrue(entry.of and entry.why, name)
                for entity, metric in entry.of:
                    known = self.model[entity]
                    self.assertIn(metric, known["metric"], f"{name}: {entity}")
                    for key in entry.where:
                        self.assertIn(key, known["key"] | known.get("label", {}), name)

    def test_asks_for_nothing_that_is_never_said(self):
        said = {(name, part["metric"]) for name, entity in self.model.items()
                for part in entity.get("hazard", []) + entity.get("check", [])}
        said |= {(name, metric) for name, entity in self.model.items()
                 for metric, about in entity.get("metric", {}).items() if about.get("kpi")}
        for name, kind in TABLE.items():
            for entry in kind.right + kind.half:
                for entity, metric in entry.of:
                    self.assertIn((entity, metric), said, name)

    def test_has_one_truth_for_each_kind_of_fault(self):
        self.assertEqual(sorted(TABLE), sorted(all_kinds()))
        self.assertTrue(all(kind.right for kind in TABLE.values()))

    def test_is_refused_at_the_place_of_a_mistake(self):
        answer = 'of = ["proc.cpu"]\nwhy = "it is"\n'
        good = f"[[a.right]]\n{answer}"
        for files, place in (({"x": good, "y": f"# more\n{good}"}, r'y\.toml:2: fault "a" has'),
                             ({"x": f"{good}[a.half]\n{answer}"}, r'x\.toml:4: "half" is no list'),
                             ({"x": f'[a]\nhalf = "it"\n{good}'}, r'x\.toml:2: "half" is no list'),
                             ({"x": '[a]\ndemo = "a"\nright = ["it"]\n'},
                              r'x\.toml:3: "right" is no list')):
            with tempfile.TemporaryDirectory() as name, self.subTest(place):
                for stem, text in files.items():
                    (pathlib.Path(name) / f"{stem}.toml").write_text(text)
                with self.assertRaisesRegex(ValueError, place):
                    truth.load(pathlib.Path(name))

    def test_says_nothing_twice(self):
        for name, kind in TABLE.items():
            ways = [(*of, tuple(entry.where.items()), entry.keyword)
                    for entry in kind.right + kind.half for of in entry.of]
            self.assertEqual(len(ways), len(set(ways)), name)


class OfAnInjection(unittest.TestCase):
    def test_scores_both_versions_of_the_first_diagnosis(self):
        injection = scoring.Injection(fault(), 100.0)
        injection.on_event(kpi_event(), 102.0)
        injection.on_diagnosis(diagnosis([cause(41)]), 103.0)
        injection.on_diagnosis(diagnosis([cause(42)], event_id="e2"), 104.0)
        injection.on_diagnosis(diagnosis([cause(42)]), 105.0)
        outcome = injection.outcome()
        self.assertEqual(outcome["first_version"], {"verdict": "wrong", "rank": None})
        self.assertEqual(outcome["last_version"], {"verdict": "right", "rank": 1})
        self.assertEqual((outcome["seconds_to_event"], outcome["seconds_to_diagnosis"],
                          outcome["diagnoses"]), (2.0, 3.0, 2))

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

    def test_an_event_that_names_the_thing_is_no_diagnosis(self):
        named = {"event_id": "p",
                 "Attributes": {"event_type": "sys", "started": 1e5, "state": "open",
                                "entity": "proc", "entity_id": "m_proc_42"},
                 "Resource": {"metric": "gala_gopher_proc_memory_growth", "labels": {"tgid": "42"}}}
        injection = scoring.Injection(fault(by_event=True), 100.0)
        injection.on_event(named, 101.0)
        self.assertEqual((injection.is_over(108.9), injection.is_over(109.1)), (False, True))
        outcome = injection.outcome()
        self.assertTrue(outcome["event_only"] and outcome["detected"])
        self.assertIsNone(outcome["last_version"])
        injection.on_event(kpi_event(), 102.0)
        self.assertFalse(injection.is_over(116.0))
        injection.on_diagnosis(diagnosis([]), 103.0)
        self.assertTrue(injection.is_over(107.1))

    def test_quiet_time_counts_an_event_and_its_diagnosis_once(self):
        said = scoring.quiet_outcome(90.0, 20.0, [kpi_event(), kpi_event(started=80.0)],
                                     [diagnosis([]), diagnosis([], event_id="e2")], "leak")
        self.assertEqual((said["kpi_events"], said["diagnoses"], said["false"], said["after"]),
                         (1, 2, 2, "leak"))


class Rescored(unittest.TestCase):
    record = {"kind": "injection", "fault": "leak", "family": "memory", "suffering": ["redis"],
              "injected": fault().injected, "began": 100.0, "ended": 110.0}

    @staticmethod
    def at(seconds, line):
        return {**line, "Timestamp": seconds * 1000}

    def test_ends_with_the_live_score(self):
        diagnoses = [self.at(104, diagnosis([cause(41)])), self.at(109, diagnosis([cause(42)])),
                     self.at(111, diagnosis([cause(41)]))]
        [record] = rescore.rescored([self.record], all_kinds(), [self.at(103, kpi_event())],
                                    diagnoses)
        self.assertEqual(record["first_version"]["verdict"], "wrong")
        self.assertEqual(record["last_version"]["verdict"], "right")
        self.assertEqual((record["diagnoses"], record["seconds_to_event"]), (1, 3.1))

    def test_keeps_what_failed(self):
        failed = {"kind": "failed", "fault": "leak", "began": 100.0, "error": "no room"}
        self.assertEqual(list(rescore.rescored([failed], all_kinds(), [], [])), [failed])


class Plan(unittest.TestCase):
    options = types.SimpleNamespace(seed=3, faults=["a", "b", "c"], repeats=2)

    def test_a_campaign_goes_on_where_it_was_stopped(self):
        whole = campaign.plan(self.options, [])
        self.assertEqual(sorted(whole), ["a", "a", "b", "b", "c", "c"])
        done = [{"kind": "injection", "fault": name} for name in whole[:4]]
        failed = {"kind": "failed", "fault": whole[4]}
        self.assertEqual(campaign.plan(self.options, [*done, failed, {"kind": "quiet"}]), whole[4:])


class Fault(unittest.TestCase):
    def test_is_removed_as_far_as_can_be(self):
        undone = []

        def fails():
            raise OSError("it stays")
        [kind] = [kind for name, kind in all_kinds().items() if name == "delay"]
        injected = kind(None, None, None, random.Random(1))
        injected.undo_by(undone.append, "first")
        injected.undo_by(fails)
        injected.undo_by(undone.append, "last")
        with self.assertRaisesRegex(OSError, "it stays"):
            injected.remove()
        self.assertEqual(undone, ["last", "first"])


class Report(unittest.TestCase):
    row = {"kind": "injection", "fault": "f", "detected": True, "event_only": False,
           "first_version": {"verdict": "right", "rank": 1},
           "last_version": {"verdict": "right", "rank": 1},
           "seconds_to_event": 2.0, "seconds_to_diagnosis": 3.0, "first_cause": None}

    def test_adds_up(self):
        half = {**self.row, "last_version": {"verdict": "half", "rank": 2},
                "first_cause": {"metric": "psi_some"}}
        alone = {**self.row, "first_version": None, "last_version": None, "event_only": True,
                 "seconds_to_diagnosis": None}
        missed = {**alone, "event_only": False, "detected": False, "seconds_to_event": None}
        quiet = {"kind": "quiet", "after": "f", "seconds": 1800, "kpi_events": 1, "diagnoses": 0,
                 "false": 1}
        failed = {"kind": "failed", "fault": "g", "error": "no room\nmore"}
        text = report.table([self.row, half, alone, missed, quiet, {**quiet, "after": None},
                             failed])
        self.assertIn("| f | 4 | 3 | 2 | 1 | 1 | 2 | 1 | 2.0 / 2.0 | 3.0 / 3.0 | 1 |", text)
        self.assertIn("| **all** | 4 | 3 (75 %) | 2 (50 %) | 1 (25 %) | 1 (25 %) | 2 (50 %) | "
                      "1 (25 %) | 2.0 / 2.0 | 3.0 / 3.0 | 2 |", text)
        self.assertIn("2.0 and 0.0 an hour", text)
        for words in ("psi_some (half right) (1×)", "an event only (1×)", "not detected (1×)",
                      "g (1×: no room)"):
            self.assertIn(words, text)

    def test_nothing_is_no_error(self):
        self.assertIn("| **all** | 0 |", report.table([]))

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


if __name__ == "__main__":
    unittest.main()

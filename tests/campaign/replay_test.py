#!/usr/bin/env python3
"""Each recording of a real fault, run through the real stage programs without privileges, names
what was injected first. Arguments: directory of the programs, a pipeline file, [a directory of
recordings].

A recording is a directory with STAGE.rec.xz (what that stage sent) and truth.json (what was
injected: known to this test, not to a stage); schemas/truth says which answer is right."""
import json
import pathlib
import sys
import tempfile
import types
import unittest

import recording
import scoring
import truth

HERE = pathlib.Path(__file__).resolve().parent
TABLE = truth.load()


def fault_of(directory):
    return types.SimpleNamespace(**json.loads((directory / "truth.json").read_text()))


def concerns(diagnosis, fault):
    """Whether it is about an application that the fault harmed, and about this time."""
    labels = scoring.kpi_of(diagnosis).get("metric_labels") or {}
    return (str(labels.get("server_port", "")) in fault.ports
            and diagnosis["Attributes"].get("bent", 0) / 1000 >= fault.began - 1.5)


def replayed(programs, pipeline, directory):
    """Every diagnosis that is said of a recording, in all its versions."""
    with tempfile.TemporaryDirectory(prefix="gala-replay-") as name:
        work = pathlib.Path(name)
        files = recording.unpack(directory, work)
        recording.replay(programs, pipeline, files, work)
        return recording.said_in(work, "diagnoses")


class Replay(unittest.TestCase):
    programs = pipeline = recordings = None

    def test_names_the_injected_cause_first(self):
        directories = sorted(path.parent for path in self.recordings.glob("*/truth.json"))
        self.assertTrue(directories, f"no recording in {self.recordings}")
        for directory in directories:
            with self.subTest(recording=directory.name):
                fault = fault_of(directory)
                said = replayed(self.programs, self.pipeline, directory)
                about = [diagnosis for diagnosis in said if concerns(diagnosis, fault)]
                score = truth.Score(TABLE[fault.fault], fault.injected)
                for diagnosis in about:
                    score.on_diagnosis(diagnosis)
                self.assertTrue(about, f"{fault.fault}: nothing was said of it, only of "
                                f"{[scoring.place_of(diagnosis) for diagnosis in said]}")
                for version, judgement in score.outcome().items():
                    if version != "event_only":
                        self.assertEqual(judgement["verdict"], truth.RIGHT, f"{fault.fault}, "
                                         f"{version}: {list(map(scoring.causes_of, about))}")

    def test_says_the_same_twice(self):
        directory = min(self.recordings.glob("*/truth.json")).parent
        first, second = (replayed(self.programs, self.pipeline, directory) for _ in range(2))
        self.assertTrue(first)
        self.assertEqual(first, second)


if __name__ == "__main__":
    Replay.programs, Replay.pipeline = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    Replay.recordings = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else HERE / "recordings"
    unittest.main(argv=sys.argv[:1], verbosity=2)

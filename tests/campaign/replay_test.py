#!/usr/bin/env python3
"""Each recording of a real fault, run through the real stage programs without privileges, names what was
injected first. Arguments: directory of the programs, a pipeline file, [a directory of recordings].

A recording is a directory with STAGE.rec.xz (what that stage sent) and truth.json (what was injected:
known to this test, not to a stage)."""
import json
import pathlib
import sys
import tempfile
import types
import unittest

import recording
import scoring
from faults import Answer

HERE = pathlib.Path(__file__).resolve().parent


def truth_of(directory):
    truth = json.loads((directory / "truth.json").read_text())
    truth["answers"] = [Answer(**answer) for answer in truth["answers"]]
    return types.SimpleNamespace(**truth)


def concerns(diagnosis, truth):
    """Whether it is about an application that the fault harmed, and about this time."""
    labels = scoring.kpi_of(diagnosis).get("metric_labels") or {}
    return (str(labels.get("server_port", "")) in truth.ports
            and diagnosis["Attributes"].get("bent", 0) / 1000 >= truth.began - 1.5)


def replayed(programs, pipeline, directory):
    """Diagnoses of the harmed applications, each in its last version, in the order of the first."""
    truth = truth_of(directory)
    with tempfile.TemporaryDirectory(prefix="gala-replay-") as name:
        work = pathlib.Path(name)
        files = recording.unpack(directory, work)
        recording.replay(programs, pipeline, files, work)
        said = recording.said_in(work, "diagnoses")
    last = {}
    for diagnosis in said:
        if concerns(diagnosis, truth):
            last[diagnosis["event_id"]] = diagnosis
    return list(last.values()), said, truth


class Replay(unittest.TestCase):
    programs = pipeline = recordings = None

    def test_names_the_injected_cause_first(self):
        directories = sorted(path.parent for path in self.recordings.glob("*/truth.json"))
        self.assertTrue(directories, f"no recording in {self.recordings}")
        for directory in directories:
            with self.subTest(recording=directory.name):
                diagnoses, said, truth = replayed(self.programs, self.pipeline, directory)
                self.assertTrue(diagnoses, f"{truth.fault}: nothing was said of it, only of "
                                f"{[scoring.place_of(diagnosis) for diagnosis in said]}")
                self.assertEqual(scoring.rank_in(diagnoses[0], truth), 1,
                                 f"{truth.fault}: {scoring.causes_of(diagnoses[0])}")

    def test_says_the_same_twice(self):
        directory = min(self.recordings.glob("*/truth.json")).parent
        first, second = (replayed(self.programs, self.pipeline, directory)[1] for _ in range(2))
        self.assertTrue(first)
        self.assertEqual(first, second)


if __name__ == "__main__":
    Replay.programs, Replay.pipeline = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    Replay.recordings = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else HERE / "recordings"
    unittest.main(argv=sys.argv[:1], verbosity=2)

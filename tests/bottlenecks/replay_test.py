#!/usr/bin/env python3
"""Each recording of a bottleneck of docs/bottlenecks.md, run through the real stage programs, gets
the answer that the document promises. Arguments: directory of the programs, a pipeline file.

A recording is a directory with STAGE.rec.xz (what that stage sent) and answer.json: the events that
must be told, each by the exact metric and labels that it is about (as in schemas/truth) and by what
its sentence must say, and what no sentence may say. Other events are those of a machine that did
other work, too."""
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "campaign"))
import recording  # noqa: E402
import truth  # noqa: E402


def events_of(programs, pipeline, directory):
    """What was told when an event began."""
    with tempfile.TemporaryDirectory(prefix="gala-bottleneck-") as name:
        work = pathlib.Path(name)
        recording.replay(programs, pipeline, recording.unpack(directory, work), work)
        events = recording.said_in(work, "events")
    return [event for event in events if event["Attributes"]["state"] == "open"]


def tells(event, answer):
    """Whether the event is about what the answer names, in its words."""
    resource, attributes = event["Resource"], event["Attributes"]
    thing = truth.Thing(resource["metric"], attributes["entity_id"], resource["labels"])
    entry = truth.Entry(answer["of"], "", answer["where"])
    return (entry.fits(thing, {"machine": [attributes["machine_id"]]})
            and all(word in resource["description"] for word in answer["words"]))


class Bottlenecks(unittest.TestCase):
    programs = pipeline = None

    def test_each_gets_its_answer(self):
        directories = sorted(path.parent for path in (HERE / "recordings").glob("*/answer.json"))
        self.assertTrue(directories, "no recordings")
        for directory in directories:
            with self.subTest(recording=directory.name):
                answer = json.loads((directory / "answer.json").read_text())
                told = events_of(self.programs, self.pipeline, directory)
                texts = [event["Resource"]["description"] for event in told]
                for wanted in answer["told"]:
                    self.assertTrue(any(tells(event, wanted) for event in told),
                                    f"nothing says {wanted}: {texts}")
                for word in answer.get("never", []):
                    self.assertFalse([text for text in texts if word in text])


if __name__ == "__main__":
    Bottlenecks.programs, Bottlenecks.pipeline = (pathlib.Path(word).resolve()
                                                  for word in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1], verbosity=2)

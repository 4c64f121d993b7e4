"""The pipeline under test: its stages as plain children, and what they say in their journals."""
import contextlib
import json
import tomllib

from children import end, start, wait_until


class Journal:
    """The lines of a file that grows. A line that is not complete yet waits for its end."""

    def __init__(self, path):
        self.path = path
        self.file = None
        self.rest = ""

    def read(self):
        if self.file is None:
            try:
                self.file = open(self.path, encoding="utf-8")
            except FileNotFoundError:
                return []
        text = self.rest + self.file.read()
        *lines, self.rest = text.split("\n")
        found = []
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return found


class Pipeline:
    """Requires: a built tree. The stages see the pipeline file and nothing of the campaign."""

    def __init__(self, build, file, directory):
        self.build = build
        self.file = file
        description = tomllib.loads(file.read_text())
        self.name = description["pipeline"]["name"]
        self.state = directory / "state"
        self.run = directory / "run"
        self.log = directory / "log"
        for path in (self.state, self.run, self.log):
            path.mkdir(exist_ok=True)
        self.stages = {name: start(self._command(name, stage["run"]),
                                   self.log / f"stage-{name}.log")
                       for name, stage in description["stages"].items()}
        self.sources = [name for name, stage in description["stages"].items()
                        if not stage.get("from")]
        self.recorders = []
        self.events = Journal(self.state / self.name / "events.jsonl")
        self.diagnoses = Journal(self.state / self.name / "diagnoses.jsonl")

    def _command(self, name, program):
        return [self.build / "bin" / f"gala-{program}", "--pipeline", self.file, "--stage", name,
                "--run-dir", self.run, "--state-dir", self.state]

    def ended_stage(self):
        for name, process in self.stages.items():
            if process.poll() is not None:
                return name
        recorded = all(recorder.poll() is None for recorder in self.recorders)
        return None if recorded else "gala tap"

    def last_words(self, name):
        """What a stage has logged at last."""
        log = self.log / f"stage-{name}.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else ""

    def record(self, stage, path):
        """From now on, to a file, until `stop_recording`. A source that loads probes opens late."""
        opened = self.run / self.name
        wait_until(lambda: any(opened.glob(f"{stage}.*.tap")), f"output of stage {stage}")
        self.recorders.append(start([self.build / "bin" / "gala", "--run-dir", self.run, "tap",
                                     stage, "--record", path], self.log / "record.log"))

    def stop_recording(self):
        for recorder in self.recorders:
            end(recorder)
        self.recorders.clear()

    def close(self):
        self.stop_recording()
        for process in self.stages.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        for process in self.stages.values():
            end(process)

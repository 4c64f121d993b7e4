#!/usr/bin/env python3
"""`gala eval` and `gala train` as people call them: the programs of the stages do the work.

  tests/accuracy/commands_test.py BIN
"""
import csv
import fcntl
import lzma
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(sys.argv[1])
RECORDINGS = ROOT / "tests/bottlenecks/recordings/disk"


def noise(row, seed):
    return math.sin(row * 37 + seed * 101) + math.sin((row * 13 + seed * 17) * 1.7)


def write_csv(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Commands(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)

    def run_program(self, program, *arguments, code=0):
        done = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True,
                              check=False)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done

    def gala(self, *arguments, code=0):
        return self.run_program("gala", *arguments, code=code)

    def test_eval_detect_alarms_when_a_metric_leaves_what_it_was(self):
        bent = 150
        for part, rows, change in (("train", 600, None), ("test", 200, bent)):
            write_csv(self.work / f"in/server/{part}.csv", ["time", "cpu", "requests"],
                      [[60 * row, 10 + noise(row, 1) + (40 if change and row >= change else 0),
                        100 + 5 * noise(row, 2)] for row in range(rows)])
        done = self.gala("eval", "detect", "--in", self.work / "in", "--out", self.work / "out")
        self.assertIn("1 series in", done.stdout)
        rows = read_csv(self.work / "out/server.csv")
        self.assertEqual(200, len(rows))
        self.assertEqual(0, sum(int(row["alarm"]) for row in rows[:bent]))
        first = next(i for i, row in enumerate(rows) if row["alarm"] == "1")
        self.assertLess(first - bent, 5)
        self.assertEqual("cpu", rows[first]["metrics"].split("|")[0])

    def test_eval_rca_names_the_component_that_makes_its_caller_slow(self):
        case = self.work / "in/slow"
        names = ["web/latency", "cart/latency", "db/latency", "search/latency"]
        shapes = ((0.1, 3), (0.05, 5), (0.01, 20), (0.04, 1))  # level, and times what since row 290
        rows = [[60 * row] + [level * ((factor if row >= 290 else 1) + 0.03 * noise(row, seed))
                              for seed, (level, factor) in enumerate(shapes)]
                for row in range(300)]
        write_csv(case / "metrics.csv", ["time", *names], rows)
        write_csv(case / "topology.csv", ["from", "to", "relation"],
                  [["web", "cart", "calls"], ["web", "search", "calls"], ["cart", "db", "calls"]])
        write_csv(case / "alarm.csv", ["time", "entity", "metric"], [[60 * 290, "web", "latency"]])
        done = self.gala("eval", "rca", "--in", self.work / "in", "--out", self.work / "ranks.csv")
        self.assertIn("1 cases, 0 without a cause", done.stdout)
        first = read_csv(self.work / "ranks.csv")[0]
        self.assertEqual(("slow", "1", "db", "latency"),
                         tuple(first[key] for key in ("case", "rank", "entity", "metric")))

    def test_train_writes_the_memory_of_the_stage(self):
        records = [self.work / "system.rec", self.work / "kernel.rec"]
        for path in records:
            path.write_bytes(lzma.decompress((RECORDINGS / f"{path.name}.xz").read_bytes()))
        healthy = self.work / "healthy.rec"
        self.run_program("gala-entity-assembler", "--pipeline", "single-host", "--stage",
                         "assemble", "--replay", *records, "--output", healthy)
        state = self.work / "state"
        done = self.gala("--state-dir", state, "train", "--recording", healthy)
        self.assertRegex(done.stdout, r"^[1-9]\d* models from [1-9]\d* messages in ")
        self.assertTrue((state / "single-host/unlikely.memory").is_file(), done.stdout)
        with open(state / "single-host/unlikely.memory.lock", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self.gala("--state-dir", state, "train", "--recording", healthy, code=1)
        self.assertIn("unlikely.memory: a running process keeps", kept.stderr)
        full = self.gala("train", "--recording", healthy, "--out", healthy / "x", code=1)
        self.assertIn("cannot write", full.stderr)
        empty = self.gala("train", "single-host", "--recording", records[0], "--out",
                          self.work / "none", code=2)
        self.assertIn("no observations", empty.stderr)

    def test_say_what_is_wrong_with_the_command_line(self):
        self.assertIn("--recordin", self.gala("train", "--recordin", "x", code=2).stderr)
        self.assertIn("requires --from", self.gala("train", "--prometheus", "http://127.0.0.1:1",
                                                   code=2).stderr)
        self.assertIn("does not answer", self.gala("train", "--prometheus", "http://127.0.0.1:1",
                                                   "--from", "1h", "--out", self.work / "none",
                                                   code=1).stderr)
        self.assertIn("--out", self.gala("eval", "rca", "--in", self.work, code=2).stderr)
        missing = self.work / "missing"
        for command in ("detect", "rca"):
            done = self.gala("eval", command, "--in", missing, "--out", self.work / "x", code=2)
            self.assertIn(f'cannot read "{missing}"', done.stderr)
        self.assertIn("no-such", self.gala("train", "no-such", code=2).stderr)

    def test_what_cannot_be_written_is_no_mistake_of_the_input(self):
        """Exit code 1, not 2 (runtime/core/exit_code.h)."""
        write_csv(self.work / "in/server/test.csv", ["time", "cpu"],
                  [[60 * row, noise(row, 1)] for row in range(50)])
        write_csv(self.work / "in/server/train.csv", ["time", "cpu"],
                  [[60 * row, noise(row, 2)] for row in range(50)])
        write_csv(self.work / "in/server/metrics.csv", ["time", "a/latency"],
                  [[60 * row, noise(row, 1)] for row in range(50)])
        write_csv(self.work / "in/server/topology.csv", ["from", "to", "relation"], [])
        write_csv(self.work / "in/server/alarm.csv", ["time", "entity", "metric"],
                  [[60 * 40, "a", "latency"]])
        file = self.work / "file"
        file.write_text("")
        for command in (["rca"], ["detect"], ["detect", "--no-training"]):
            done = self.gala("eval", *command, "--in", self.work / "in", "--out", file / "x",
                             code=1)
            self.assertIn("cannot write", done.stderr)

    def test_help_comes_from_the_program_and_has_an_example(self):
        for words in (["train"], ["eval", "detect"], ["eval", "rca"]):
            self.assertIn("gala " + " ".join(words), self.gala(*words, "--help").stdout)
        self.assertIn("gala-detect train --help",
                      self.run_program("gala-detect", "--help").stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

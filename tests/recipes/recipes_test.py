#!/usr/bin/env python3
"""The recipes of docs/contributing.md, each applied to a copy of the tree: how many files it
touches, that the rules of the tree hold, and its effect with the programs of the build.

Usage: recipes_test.py BUILD [Recipes.test_…]"""
import errno
import json
import lzma
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from recipe import PAGE, copy_of, steps_of
from workshop import Workshop, files_of, findings_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What ebpf-source says where no probe can be loaded, whatever it holds.
NOT_PERMITTED = ("no privilege to load BPF programs", "the kernel has no BTF",
                 os.strerror(errno.EPERM))
RECORDED = "tests/bottlenecks/recordings/disk/kernel.rec.xz"
OFFLINE = """[pipeline]
name = "recipe"
[stages.tape]
run = "replay-source"
files = ["tape.rec"]
[stages.assemble]
run = "entity-assembler"
from = ["tape"]
[stages.lines]
run = "file-sink"
from = ["assemble"]
observations = true
terminal = false
"""


class Recipes(unittest.TestCase):
    build = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="gala-recipe-")
        self.addCleanup(scratch.cleanup)
        self.work = pathlib.Path(scratch.name)
        self.tree = copy_of(ROOT, self.work / "tree")
        self.before, self.broken = files_of(self.tree), findings_of(self.tree)

    def apply(self, title):
        """Applies a recipe; the files that it changed and those that it made."""
        for step in steps_of((ROOT / PAGE).read_text(), title):
            step.apply(self.tree)
        after = files_of(self.tree)
        changed = sorted(path for path, content in self.before.items() if after[path] != content)
        made = sorted(after.keys() - self.before.keys())
        return changed, made

    def workshop(self):
        return Workshop(self.build, self.tree, self.work)

    def assert_told(self, shop, page, words):
        """The generated page tells it, and the tree keeps its rules."""
        shop.gala("docs", "--out", self.tree / "docs/reference")
        self.assertTrue(words in self.text(f"docs/reference/{page}.md"), f"{page}.md lacks {words}")
        self.assertEqual(sorted(findings_of(self.tree) - self.broken), [])

    def observed(self, shop, entity):
        """Rows of an entity from a recording of a real disk, as the sink writes them."""
        pipeline = self.work / "offline.toml"
        pipeline.write_text(OFFLINE)
        tape = self.work / "tape.rec"
        tape.write_bytes(lzma.decompress((ROOT / RECORDED).read_bytes()))
        for program, stage in (("entity-assembler", "assemble"), ("file-sink", "lines")):
            out = self.work / f"{stage}.rec"
            shop.run(f"gala-{program}", "--pipeline", pipeline, "--stage", stage, "--share-dir",
                     shop.share, "--state-dir", self.work, "--run-dir", self.work, "--log-level",
                     "warn", "--replay", tape, "--output", out)
            tape = out
        lines = (self.work / "recipe/observations.jsonl").read_text().splitlines()
        return [row for row in map(json.loads, lines) if row["entity_name"] == entity]

    def test_metric(self):
        changed, made = self.apply("A metric")
        self.assertEqual((changed, made), (["schemas/model/block.toml"], []))
        shop = self.workshop()
        shop.gala("check")
        values = [row["metrics"]["others_mean"] for row in self.observed(shop, "block")]
        self.assertTrue(any(value and 0 < value < 10 for value in values), values)
        self.assert_told(shop, "entities", "| `others_mean` | gauge in s")

    def test_metric_of_the_kernel(self):
        changed, made = self.apply("A metric that the kernel must measure first")
        self.assertEqual((changed, made),
                         (["bpf/block_io/block_io.bpf.c", "schemas/model/block.toml"], []))
        lines = [len(self.text(path).splitlines()) - len(self.before[path].splitlines())
                 for path in changed]
        self.assertEqual(lines, [2, 1])
        shop = self.workshop()
        self.assertIn("parts", shop.gala("check", status=2))  # The built probe has no such column.
        shop.compile_probe("block_io")
        shop.gala("check")
        self.assert_told(shop, "entities", "| `parts` | counter in 1")

    def test_hazard(self):
        case = "tests/cases/shipped_fragmented_memory.toml"
        changed, made = self.apply("A hazard with its remedy")
        self.assertEqual((changed, made), (["schemas/model/mem.toml"], [case]))
        shop = self.workshop()
        shop.gala("check")
        ours = f"--gtest_filter=*{pathlib.Path(case).stem}"
        shop.run("cases_test", ours, tree=self.tree)
        self.assert_told(shop, "entities", "Free memory lies in pieces")
        # Without the hazard the same case has another answer.
        (self.tree / changed[0]).write_bytes(self.before[changed[0]])
        shop.run("cases_test", ours, tree=self.tree, status=1)

    def text(self, path):
        return (self.tree / path).read_text()

    def test_probe(self):
        changed, made = self.apply("A probe")
        self.assertEqual(changed, ["pipelines/single-host.toml"])
        self.assertEqual(made, ["bpf/signals/probe.toml", "bpf/signals/signals.bpf.c"])
        was = self.before[changed[0]].decode().splitlines()
        now = self.text(changed[0]).splitlines()
        self.assertEqual(sum(old != new for old, new in zip(was, now, strict=True)), 1)
        shop = self.workshop()
        self.assertIn("signals", shop.gala("check", status=2))  # It is not built yet.
        shop.compile_probe("signals")
        shop.gala("check")
        self.assert_told(shop, "probes", "| `signals.processes` |")
        self.see_rows(shop, "signals", "records/signals.processes")

    def see_rows(self, shop, probe, topic):
        """Loads the probe into the running kernel and waits for rows of it."""
        pipeline = self.work / "live.toml"
        pipeline.write_text(f'[pipeline]\nname = "recipe"\nperiod = "200ms"\n'
                            f'[stages.kernel]\nrun = "ebpf-source"\nprobes = ["{probe}"]\n'
                            '[stages.tape]\nrun = "record-sink"\nfrom = ["kernel"]\n')
        tape = self.work / "recipe/tape.rec"
        (self.work / "recipe").mkdir(exist_ok=True)
        stages = [subprocess.Popen(
            [self.build / f"bin/gala-{program}", "--pipeline", pipeline, "--stage", stage,
             "--share-dir", shop.share, "--state-dir", self.work, "--run-dir", self.work],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for program, stage in (("ebpf-source", "kernel"), ("record-sink", "tape"))]
        target = subprocess.Popen(["sleep", "60"])
        try:
            deadline = time.monotonic() + 20
            while not (tape.exists() and topic.encode() in tape.read_bytes()):
                if time.monotonic() > deadline:
                    break
                target.send_signal(signal.SIGCONT)
                time.sleep(0.1)  # A poll with a deadline.
        finally:
            for child in (target, *stages):
                child.kill() if child is target else child.terminate()
            said = "".join(stage.communicate(timeout=20)[0] for stage in stages)
            target.wait()
        if not tape.exists() or topic.encode() not in tape.read_bytes():
            # Any other reason, such as a program that the verifier refuses, is the recipe's fault.
            refused = any(words in said for words in NOT_PERMITTED)
            if not refused or os.environ.get("REQUIRE_KERNEL") == "1":
                self.fail(f"no rows in 20 s: {said}")
            print(f"not seen in the running kernel, which is not permitted here: {said}")

    def test_stage(self):
        changed, made = self.apply("A stage")
        self.assertEqual(changed, [])
        self.assertEqual({path.rpartition("/")[0] for path in made}, {"stages/mute"})
        shop = self.workshop()
        programs = shop.compile_stage("mute")
        tested = subprocess.run([programs / "mute_test"], capture_output=True, text=True,
                                timeout=60, check=False)
        self.assertEqual(tested.returncode, 0, tested.stdout + tested.stderr)
        described = shop.install_stage(programs / "gala-mute", "mute")
        self.assertEqual(described["name"], "mute")
        pipeline = self.work / "severe.toml"
        text = self.text("pipelines/single-host.toml")
        stage = '[stages.severe]\nrun = "mute"\nfrom = ["events"]\nleast = {}\n'
        pipeline.write_text(text + stage.format(13))
        shop.gala("check", pipeline)
        pipeline.write_text(text + stage.format(99))
        said = shop.run(programs / "gala-mute", "--check", "--pipeline", pipeline, "--stage",
                        "severe", "--share-dir", shop.share, status=2)
        self.assertIn("between 1 and 21", said)
        self.assert_told(shop, "stages", "| `least` |")


if __name__ == "__main__":
    Recipes.build = pathlib.Path(sys.argv[1]).resolve()
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)

#!/usr/bin/env python3
"""deploy/quickstart.sh builds every program and all that programs read at run time.

  tests/quickstart/targets_test.py BUILD_DIRECTORY NINJA

Compares the commands by which ninja makes what `deploy/quickstart.sh --targets` names with those of
a whole build that write into share/gala or compile a probe.
"""
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD, NINJA = sys.argv[1], sys.argv[2]


def lines_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def commands(*targets):
    """Every command that makes these targets from nothing."""
    return set(lines_of(NINJA, "-C", BUILD, "-t", "commands", *targets))


class Targets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.named = " ".join(lines_of(str(ROOT / "deploy/quickstart.sh"), "--targets")).split()

    def test_builds_all_that_programs_read(self):
        read = {command for command in commands("all") if "-target bpf" in command or
                ("share/gala/" in command and " -MD " not in command)}
        self.assertGreater(len(read), 10, "ninja tells nothing of share/gala")
        self.assertEqual(set(), read - commands(*self.named))

    def test_builds_every_program(self):
        stages = {f"gala-{main.parent.name}" for main in ROOT.glob("stages/*/main.cpp")}
        self.assertGreater(len(stages), 5)
        self.assertEqual(set(), ({"gala"} | stages) - set(self.named))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

#!/usr/bin/env python3
"""`gala check` on what a probe.toml says of its tables: each fault at its place, with what is near.

Usage: teaches_test.py BUILD [Teaches.test_…]"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
END = 'process_end  = "at_ns"'


class Teaches(unittest.TestCase):
    build = None

    def check(self, *lines, status=2):
        """What `gala check` says where `lines` stand instead of END; the file, and which line of it
        is the first of them."""
        with tempfile.TemporaryDirectory(prefix="gala-teaches-") as scratch:
            share = pathlib.Path(scratch) / "share"
            shutil.copytree(self.build / "share/gala", share, ignore=shutil.ignore_patterns("bpf"))
            (share / "bpf").mkdir()
            for file in (self.build / "bpf").iterdir():
                if file.suffix in (".o", ".toml"):
                    shutil.copy(file, share / "bpf")
            probe = share / "bpf/proc_life.toml"
            text = probe.read_text()
            self.assertEqual(text.count(END), 1)
            probe.write_text(text.replace(END, "\n".join(lines)))
            done = subprocess.run(
                [self.build / "bin/gala", "--share-dir", share, "check",
                 ROOT / "pipelines/single-host.toml"],
                capture_output=True, text=True, timeout=120, check=False)
            said = done.stdout + done.stderr
            self.assertEqual(done.returncode, status, said)
            return said, probe, text[:text.index(END)].count("\n") + 1

    def assert_told(self, lines, *faults):
        """Each fault: how many lines below the first, which column, what is said."""
        said, probe, first = self.check(*lines)
        for below, column, sentence in faults:
            self.assertIn(f"{probe}:{first + below}:{column}: {sentence}", said)

    def test_what_ships_is_right(self):
        self.check(END, status=0)

    def test_unknown_facts(self):
        self.assert_told(['proces_end = "at_ns"', 'colour = "at_ns"'],
                         (0, 1, 'rows cannot teach "proces_end"; did you mean "process_end"?'),
                         (1, 1, 'rows cannot teach "colour"; known are process_begin, '))

    def test_unknown_column(self):
        self.assert_told(['process_end = "att_ns"'],
                         (0, 15, 'no column "att_ns" to learn "process_end" from; '
                                 'did you mean "at_ns"?'))

    def test_column_of_another_kind(self):
        self.assert_told(['process_end = "comm"'],
                         (0, 15, '"process_end" is learned from a column of kind integer, and '
                                 '"comm" is of kind text'))

    def test_missing_keys(self):
        self.assert_told(['disk_name = "comm"'],
                         (0, 1, 'a table that teaches "disk_name" needs the column "major", which '
                                'names the disk'),
                         (0, 1, 'a table that teaches "disk_name" needs the column "minor"'))

    def test_no_name_of_a_column(self):
        self.assert_told(["process_end = 3"],
                         (0, 15, "the name of a column in quotes is expected"))


if __name__ == "__main__":
    Teaches.build = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()

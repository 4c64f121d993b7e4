#!/usr/bin/env python3
"""What the programs of this folder start ends with them: after an error, SIGTERM, Ctrl-C."""
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from started import end, output_of, started  # noqa: E402


def is_alive(pid):
    """Whether it runs; one that ended and waits for its parent does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid, seconds=15):
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


class Ending(unittest.TestCase):
    def test_an_error_ends_what_was_started(self):
        with self.assertRaises(ZeroDivisionError):
            with started("sleep", 60) as process:
                1 / 0
        self.assertFalse(is_alive(process.pid))

    def test_a_program_that_does_not_listen_is_killed(self):
        with subprocess.Popen(["sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done"],
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            end([process], seconds=0.5)
        self.assertFalse(is_alive(process.pid))

    def test_signals_end_what_was_started(self):
        program = ("import subprocess, started\n"
                   "started.end_on_signals()\n"
                   "with started.started('sleep', 60) as one:\n"
                   "    print(one.pid, flush=True)\n"
                   "    started.output_of('sleep', 60)\n")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(signal=number.name):
                with subprocess.Popen([sys.executable, "-c", program], cwd=HERE,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as bench:
                    child = int(bench.stdout.readline())
                    self.assertTrue(is_alive(child))
                    bench.send_signal(number)
                    self.assertTrue(wait_until_gone(child))
                    self.assertNotEqual(bench.wait(15), 0)

    def test_a_failure_is_one_sentence(self):
        with self.assertRaisesRegex(SystemExit, "^false failed with 1$"):
            output_of("false")

    @unittest.skipIf(os.geteuid() != 0, "needs root to come that far")
    def test_missing_programs_are_told_before_anything_starts(self):
        done = subprocess.run([sys.executable, HERE / "pipeline_cost.py", "--build", "none"],
                              env={"PATH": "/nonexistent"}, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "redis-server, redis-benchmark, bpftool not found; "
                                      "tests/bench/run.sh installs what it needs\n")


if __name__ == "__main__":
    unittest.main()

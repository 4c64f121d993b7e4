#!/usr/bin/env python3
"""What the table's own judgement must and must not accept; no kernel, no collector."""
import collections
import math
import pathlib
import sys
import tempfile
import unittest

import shortfalls
import witness

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "campaign"))
from rows import Sum  # noqa: E402


def histogram(times):
    """As the probes count them: four buckets an octave from 1024 ns on."""
    buckets = collections.Counter()
    for time in times:
        octave = 1 << int(math.log2(time))
        buckets[octave + octave // 4 * (1 + (time - octave) * 4 // octave)] += 1
    return buckets


def spread(first, last, count=1000):
    return sorted(int(first * (last / first) ** (number / count)) for number in range(count))


class Witnesses(unittest.TestCase):
    times = spread(4e6, 16e6)

    def test_agree_with_a_histogram_of_the_same_times(self):
        for share in (0.5, 0.95):
            self.assertTrue(witness.agree(self.times, histogram(self.times), 16e6, share))

    def test_do_not_agree_with_times_that_are_a_tenth_longer(self):
        longer = histogram([int(time * 1.1) for time in self.times])
        for share in (0.5, 0.95):
            self.assertFalse(witness.agree(self.times, longer, 17.6e6, share))

    def test_do_not_agree_with_nothing(self):
        self.assertFalse(witness.agree(self.times, {}, 0, 0.5))
        self.assertFalse(witness.agree([], histogram(self.times), 16e6, 0.5))

    def test_allow_fast_requests_the_waking_up_of_the_client_and_no_more(self):
        fast = spread(40_000, 60_000)
        self.assertTrue(witness.agree([time + 40_000 for time in fast], histogram(fast), 6e4, 0.5))
        self.assertFalse(witness.agree([time + 90_000 for time in fast], histogram(fast), 6e4, 0.5))

    def test_count_to_one_in_a_hundred(self):
        self.assertTrue(witness.counts_agree(1000, 991))
        self.assertFalse(witness.counts_agree(1000, 980))


def row(requests, count, tgid=7):
    return {"tgid": tgid, "port": 80, "requests": requests,
            "latency": {"count": count, "sum": 0, "max": 5.0, "buckets": {"1280.0": count}}}


class Sums(unittest.TestCase):
    def test_add_what_has_grown(self):
        total = Sum()
        total.add(row(5, 5), None)
        total.add(row(8, 7), row(5, 5))
        self.assertEqual(total.counts["requests"], 8)
        self.assertEqual(total.buckets["latency"][1280.0], 7)

    def test_take_a_row_that_has_begun_again_whole(self):
        total = Sum()
        total.add(row(5, 5), None)
        total.add(row(2, 2), row(5, 5))
        self.assertEqual(total.counts["requests"], 7)
        self.assertEqual(total.buckets["latency"][1280.0], 7)

    def test_name_processes_whose_row_has_grown(self):
        total = Sum()
        total.add(row(0, 0, tgid=1), None)
        total.add(row(1, 1, tgid=2), None)
        self.assertEqual(total.processes, {2})


class Shortfalls(unittest.TestCase):
    def test_are_errors_where_nobody_lists_them(self):
        self.assertEqual(shortfalls.judge({("unix", "times"): "no row"}, {}),
                         ["unix: times: no row"])

    def test_are_no_errors_where_they_are_listed(self):
        known = {("unix", "times"): "not measured"}
        self.assertEqual(shortfalls.judge({("unix", "times"): "no row"}, known), [])

    def test_are_errors_where_they_hold_now(self):
        known = {("unix", "times"): "not measured"}
        self.assertEqual(len(shortfalls.judge({("unix", "times"): ""}, known)), 1)

    def test_name_kinds_that_there_are(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write('[[shortfall]]\ntest = "table"\nkind = "gone"\nchecks = ["times"]\n'
                       'reason = "none"\n')
            file.flush()
            known = shortfalls.listed("table", pathlib.Path(file.name))
        self.assertEqual(known, {("gone", "times"): "none"})
        self.assertEqual(len(shortfalls.unknown(known, ["unix"])), 1)


if __name__ == "__main__":
    unittest.main()

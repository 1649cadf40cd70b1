#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does the benchmark of the gate say so when an upgrade is slowed too much? bench/gate.py with made-up runs."""
import collections
import os
import sys
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "bench"))

import gate  # noqa: E402
import gate_root  # noqa: E402


def run(wall, cpu, hook=None):
    verdicts = collections.Counter(clean=2, note=1) if hook is not None else collections.Counter()
    return gate.Run(gate_root.Cost(wall, cpu, 0, "", ""), None if hook is None else {"ms": hook}, verdicts)


class Table(unittest.TestCase):
    def test_a_hook_that_takes_a_tenth_of_the_upgrade_is_missed(self):
        text, missed = gate.table({"without": [run(50, 20)], "known": [run(55, 24, 5000)], "ahead": [run(50, 20, 100)]}, 3)
        self.assertEqual(missed, ["known"])
        self.assertIn("| 5.0 (5.0 to 5.0) | 10.0% | +20.0% |", text)
        self.assertIn("3 packages upgraded. Verdicts: 2 clean, 1 note.", text)

    def test_the_first_upgrade_is_shown_and_not_asked(self):
        text, missed = gate.table({"without": [run(50, 20)], "first": [run(70, 40, 20000)]}, 3)
        self.assertEqual(missed, [])
        self.assertIn("40.0%", text)

    def test_one_slow_run_is_no_cost(self):
        runs = {"without": [run(50, 20)] * 3, "known": [run(52, 22, 2000), run(90, 22, 30000), run(52, 22, 2000)]}
        self.assertEqual(gate.table(runs, 3)[1], [])


class Versions(unittest.TestCase):
    def test_the_oldest_is_as_dpkg_orders_them(self):
        self.assertEqual(gate_root.oldest(["1.10", "1:0.5", "1.9", "1.9~rc1"]), "1.9~rc1")


if __name__ == "__main__":
    unittest.main()

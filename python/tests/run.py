"""Runs all tests, shows those that fail or are skipped, and writes how many passed, failed and were skipped to a file.

    run.py COUNTS
"""

import sys
import unittest
from pathlib import Path


class Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    folder = Path(__file__).resolve().parent
    suite = unittest.defaultTestLoader.discover(str(folder), top_level_dir=str(folder))
    result = unittest.TextTestRunner(resultclass=Result, verbosity=0).run(suite)
    for test, reason in result.skipped:
        print(f"{test} skipped: {reason}")
    failed = len({str(test) for test, _ in result.failures + result.errors}) + len(result.unexpectedSuccesses)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(f"{result.passed} {failed} {len(result.skipped)}\n")
    return 0 if failed == 0 and result.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())

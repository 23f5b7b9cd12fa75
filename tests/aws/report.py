"""What is checked, a line for each."""

import traceback
from contextlib import contextmanager


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def holds(self, sentence, holds, found=None):
        """Notes whether a sentence holds, and what was found instead."""
        if holds:
            self.passed += 1
            print(f"ok      {sentence}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {sentence}: {found}", flush=True)

    def equal(self, sentence, found, expected):
        self.holds(sentence, found == expected, f"{found!r} in place of {expected!r}")

    @contextmanager
    def part(self, name):
        """A part of the checks. What goes wrong in it is a failure, and the next part is tried."""
        print(f"\n{name}", flush=True)
        try:
            yield
        except Exception:
            self.failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)

    def close(self):
        """Prints the totals; returns the exit code."""
        print(f"\n{self.passed} passed, {self.failed} failed", flush=True)
        # To have checked nothing is no success.
        return 0 if self.passed and not self.failed else 1

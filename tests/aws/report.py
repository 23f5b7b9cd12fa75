"""Prints one line per check."""

import traceback
from contextlib import contextmanager


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def holds(self, description, holds, found=None):
        """Records whether a check holds, and the value that was found."""
        if holds:
            self.passed += 1
            print(f"ok      {description}", flush=True)
        else:
            self.failed += 1
            print(f"FAILED  {description}: {found}", flush=True)

    def equal(self, description, found, expected):
        self.holds(description, found == expected, f"{found!r} instead of {expected!r}")

    @contextmanager
    def part(self, name):
        """A group of checks. An exception in it counts as a failure, and the next group runs."""
        print(f"\n{name}", flush=True)
        try:
            yield
        except Exception:
            self.failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)

    def close(self):
        """Prints the totals. Returns the exit code."""
        print(f"\n{self.passed} passed, {self.failed} failed", flush=True)
        # A run without checks is a failure.
        return 0 if self.passed and not self.failed else 1

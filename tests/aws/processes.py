"""Programs that are started, and that are gone when their part is over, whatever happens."""

import os
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress

STOP_SECONDS = 10


def exit_on_signals():
    """Has a stop from outside, or Ctrl-C, unwind the program without a word."""

    def stop(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup` and shells have some of them ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(command, **options):
    """A program in a process group of its own, all of which is ended."""
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        **options,
    )
    try:
        yield process
    finally:
        _end(process)


def run(command, log, **options):
    """Runs a program to its end. What it says goes to the file `log`, and is shown if it fails."""
    with open(log, "w+", encoding="utf-8") as said:
        with running(command, stdout=said, stderr=subprocess.STDOUT, **options) as process:
            code = process.wait()
        if code:
            said.seek(0)
            raise RuntimeError(f"{command[0]} has failed with {code}:\n{said.read()}")


def _end(process):
    for number in (signal.SIGTERM, signal.SIGKILL):
        # The first process may be gone and others of its group still there.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)

"""Child processes, which are always stopped."""

import os
import signal
import socket
import subprocess
from contextlib import contextmanager, suppress

STOP_SECONDS = 10


def exit_on_signals():
    """Makes a signal or Ctrl-C exit the program without a traceback, so that it cleans up."""

    def stop(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # `nohup` and shells ignore some of them on purpose.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(command, **options):
    """Runs a program in its own process group, which is stopped at the end."""
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
    """Runs a program with its output in the file `log`. If it fails, the error has the output."""
    with open(log, "w+", encoding="utf-8") as output:
        with running(command, stdout=output, stderr=subprocess.STDOUT, **options) as process:
            code = process.wait()
        if code:
            output.seek(0)
            raise RuntimeError(f"{command[0]} failed with {code}:\n{output.read()}")


def _end(process):
    for number in (signal.SIGTERM, signal.SIGKILL):
        # Processes of the group may outlive the first one.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)

"""Tests a local stack against `docs/openapi.yaml` with calls that Schemathesis generates."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "interop"))

from stack import WORKSPACE, running_stack  # noqa: E402


def main(binaries, arguments):
    with running_stack(binaries, {}) as stack:
        command = [
            Path(sys.executable).with_name("schemathesis"),
            *("--config-file", HERE / "schemathesis.toml", "run"),
            *(WORKSPACE / "docs/openapi.yaml", "--url", stack.url),
            *("--continue-on-failure", "--no-color", *arguments),
        ]
        environment = os.environ | {
            "LATCHKEY_URL": stack.url,
            "SCHEMATHESIS_HOOKS": "hooks",
            "PYTHONPATH": str(HERE),
        }
        return subprocess.run(command, env=environment, cwd=HERE, timeout=300).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))

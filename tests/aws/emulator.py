"""The emulator of AWS, with an account of its own for each run."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from processes import free_port, running

REGION = "eu-west-1"
START_SECONDS = 60

# The emulator's root user; everybody else's keys are made up by it.
ROOT = {"AWS_ACCESS_KEY_ID": "root-of-the-emulator", "AWS_SECRET_ACCESS_KEY": "not a secret"}

# What an AWS program reads besides variables: nothing of the user who runs this.
NO_FILES = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# All that is asked is on this machine, and a proxy of the environment does not lead there.
NO_PROXY = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def root_environment(endpoint):
    """This process's environment, with the emulator in the place of AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    region = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    return {**kept, **NO_PROXY, **NO_FILES, **ROOT, **region, "AWS_ENDPOINT_URL": endpoint}


@contextmanager
def running_emulator(folder, log):
    """Serves AWS out of `folder`; yields where. What it says goes to the file `log`."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    # Functions inherit this, so it has nothing that the emulator does not need.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "GATEWAY_PORT": str(port),
        # It would listen on every interface.
        "IOT_MTLS_ENABLED": "0",
        # Signatures are verified and policies evaluated.
        "AUTH": "true",
        "CLOUDTRAIL_RECORDING": "1",
        "LAMBDA_EXECUTOR": "local",
        # Without it functions call AWS itself.
        "AWS_ENDPOINT_URL": endpoint,
        **ROOT,
        **NO_FILES,
    }
    with (
        open(log, "w", encoding="utf-8") as said,
        running(
            [Path(sys.executable).with_name("ministack")],
            cwd=folder,
            env=environment,
            stdout=said,
            stderr=said,
        ) as process,
    ):
        _wait_until_ready(process, endpoint, log)
        yield endpoint


def _wait_until_ready(process, endpoint, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(f"{endpoint}/_ministack/health", timeout=5) as answer:
                health = json.load(answer)
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
            continue
        assert health["auth"] == "enabled", health
        return
    raise RuntimeError(f"the emulator does not start:\n{log.read_text(encoding='utf-8')}")

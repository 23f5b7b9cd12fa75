"""Packages the guard and its crates, and tests the packages as crates.io would serve them.

The tests of `latchkey-token` run from its package, and those of `examples/axum-guard` with the
packages only.
"""

import pathlib
import shutil
import subprocess
import sys
import tarfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(sys.argv[1]).resolve()
PACKAGES = ["precis", "token", "session", "keys", "http", "guard"]
WORK = TARGET / "packages"


def cargo(*arguments: str, cwd: pathlib.Path = ROOT) -> None:
    subprocess.run(["cargo", *arguments], cwd=cwd, check=True)


def unpack(name: str, version: str) -> None:
    with tarfile.open(TARGET / "package" / f"{name}-{version}.crate") as crate:
        crate.extractall(WORK, filter="data")
    (WORK / f"{name}-{version}").rename(WORK / name)


def main() -> None:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    version = manifest["workspace"]["package"]["version"]
    names = [*(f"latchkey-{name}" for name in PACKAGES), "axum-guard"]
    selected = [argument for name in names for argument in ("--package", name)]
    cargo("package", "--no-verify", "--allow-dirty", "--quiet", "--target-dir", str(TARGET), *selected)

    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    for name in names:
        unpack(name, version)
    # With the profiles of the workspace, cargo reuses its builds of other crates.
    root = (ROOT / "Cargo.toml").read_text()
    profiles = root[root.index("[profile.dev]") :]
    patches = "".join(f'{name} = {{ path = "{name}" }}\n' for name in names)
    members = ", ".join(f'"{name}"' for name in names)
    (WORK / "Cargo.toml").write_text(
        f'[workspace]\nresolver = "3"\nmembers = [{members}]\n\n'
        f"[patch.crates-io]\n{patches}\n{profiles}"
    )
    shutil.copy(ROOT / "Cargo.lock", WORK)
    test = ["test", "--quiet", "--target-dir", str(TARGET)]
    cargo(*test, "--package", "latchkey-token", "--package", "axum-guard", cwd=WORK)


main()

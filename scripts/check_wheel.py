"""Build wheel and source archive, look into them, install the wheel into a new environment and make a song offline.

    python scripts/check_wheel.py            # the environment borrows the packages of this one: a minute
    python scripts/check_wheel.py --empty    # truly empty: pip installs everything from its index

The song is made where there is no network (``unshare --net``; where that is not allowed, with proxies that lead
nowhere). Exit code 1 where something is missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
IN_WHEEL = (
    "songbloom_x2/py.typed",
    "songbloom_x2/assets/embedded/model.safetensors",
    "songbloom_x2/assets/embedded/config.json",
    "songbloom_x2/text/data/letter_to_sound.npz",
    "songbloom_x2/ui/static/js/main.js",
    "songbloom_x2/ui/languages/zh.json",
    "songbloom_x2/jobs/migrations/script.py.mako",
    ".dist-info/licenses/LICENSE",
    ".dist-info/licenses/NOTICE",
)
IN_SOURCE = (
    "/constraints.txt",
    "/tests/conftest.py",
    "/docs/design.md",
    "/examples/first-song.txt",
    "/LICENSE",
    "/NOTICE",
)
_NOWHERE = "http://127.0.0.1:9"


def build(folder: Path) -> tuple[Path, Path]:
    """The wheel and the source archive, from a copy of what a checkout holds."""
    source = folder / "source"
    kept = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*cache", ".venv", "output", "build", "dist", ".git")
    shutil.copytree(ROOT, source, ignore=kept)
    program = (
        "import sys, setuptools.build_meta as backend\n"
        "made = sys.argv[1]; backend.build_sdist(made); backend.build_wheel(made)"  # it changes sys.argv as it goes
    )
    made = folder / "dist"
    made.mkdir()
    run([sys.executable, "-c", program, str(made)], cwd=source, stdout=subprocess.DEVNULL)
    (wheel,), (archive,) = made.glob("*.whl"), made.glob("*.tar.gz")
    return wheel, archive


def missing(wheel: Path, archive: Path) -> list[str]:
    """What should be in them and is not."""
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    with tarfile.open(archive) as tar:
        sources = tar.getnames()
    lacking = [f"{wheel.name}: {end}" for end in IN_WHEEL if not any(name.endswith(end) for name in names)]
    return lacking + [f"{archive.name}: {end}" for end in IN_SOURCE if not any(name.endswith(end) for name in sources)]


def install(wheel: Path, folder: Path, *, empty: bool) -> Path:
    """A new environment with the wheel; gives its ``songbloom``."""
    run([sys.executable, "-m", "venv", str(folder)])
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(bin_folder / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if empty:
        run([*pip, "--constraint", str(ROOT / "constraints.txt"), str(wheel)])
    else:
        run([*pip, "--no-deps", "--no-index", str(wheel)])
        # The packages of this environment, behind its own: nothing of the checkout is among them.
        (site,) = folder.glob("lib/python*/site-packages") if os.name != "nt" else folder.glob("Lib/site-packages")
        (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return bin_folder / "songbloom"


def song(songbloom: Path, folder: Path) -> None:
    """Make one without a network. Raises ``CalledProcessError`` where none is made."""
    out = folder / "song.flac"
    command = [str(songbloom), "generate", "--lyrics", "[verse] City lights are calling me home.", "--duration", "4"]
    command += ["--preset", "draft", "--out", str(out)]
    without_net = ["unshare", "--net"]
    allowed = shutil.which("unshare") and subprocess.run([*without_net, "true"], capture_output=True).returncode == 0
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    environment |= dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _NOWHERE)
    run([*(without_net if allowed else []), *command], cwd=folder, env=environment)
    print(f"{'without a network' if allowed else 'with proxies that lead nowhere'}: {out.stat().st_size} bytes of song")


def run(command: list[str], **options: object) -> None:
    """Raises ``CalledProcessError``."""
    subprocess.run(command, check=True, **options)  # type: ignore[call-overload]


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description="Build, look into, install and use the wheel.")
    parser.add_argument("--empty", action="store_true", help="an environment with nothing but what pip installs for it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel, archive = build(folder)
        print(f"{wheel.name} {wheel.stat().st_size / 1e6:.1f} MB, {archive.name} {archive.stat().st_size / 1e6:.1f} MB")
        lacking = missing(wheel, archive)
        for line in lacking:
            print(f"missing in {line}", file=sys.stderr)
        song(install(wheel, folder / "environment", empty=args.empty), folder)
    return 1 if lacking else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"check_wheel: {error}")

"""What the second bundle holds: ``podwright jobs`` for agents that have nothing but python3.

    python -m podwright.jobs.bundle_contents --renew

fetches the libraries anew, in the versions below. Otherwise they are taken from the bundle that is
committed, so that a newer library on somebody's machine does not make the bundle stale.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

from podwright import bundle

RESOURCE = "resources/podwright/podwright-jobs.pyz"
# The newest that run on Python 3.9; pure Python only.
WHEELS = (
    "requests==2.32.5",
    "urllib3==2.6.3",
    "idna==3.10",
    "certifi==2025.10.5",
    "charset-normalizer==3.4.4",
    "python-jenkins==1.8.3",
)
# These have no wheel in pure Python; their modules are taken as they are installed here.
INSTALLED = {"multi_key_dict": "2.0.3", "PyYAML": "6.0.3"}
# Parts of these libraries that nothing here uses: browsers, SOCKS, HTTP/2, command lines.
LEFT_OUT = (
    "urllib3/contrib/emscripten/", "urllib3/contrib/pyopenssl.py", "urllib3/contrib/socks.py",
    "charset_normalizer/cli/", "charset_normalizer/__main__.py", "yaml/cyaml.py",
    "jenkins/version.py",
)  # fmt: skip
OWN = (
    "__init__.py", "__main__.py", "bundled.py", "cli.py", "console.py", "data/page.html",
    "declared.py", "errors.py", "help.json", "json_schemas.py", "located.py", "manual.py",
    "page.py", "pages.py", "parsers.py", "records.py", "resources.py", "schema.py", "sources.py",
    "yamlreader.py",
)  # fmt: skip


def own_members(package: Path) -> dict[str, bytes]:
    """Give podwright's own part.

    Args:
        package: the directory of the package `podwright`.
    """
    members = {"__main__.py": bundle.MAIN}
    files = [package / name for name in OWN]
    files += [package / "commands" / name for name in ("__init__.py", "jobs.py")]
    files += bundle.files_of(package / "jobs")
    for path in files:
        members[f"podwright/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    return members


def library_members(data: bytes) -> dict[str, bytes]:
    """Give the libraries of a bundle that exists."""
    return {
        name: content
        for name, content in bundle.members_of(data).items()
        if name != "__main__.py" and not name.startswith("podwright/")
    }


def fetched() -> dict[str, bytes]:
    """Download the libraries in their pinned versions, with their licences."""
    members: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
        pure = ["--platform", "any", "--python-version", "39", "--implementation", "py"]
        wheels = ["--only-binary=:all:", *pure, "--abi", "none", *WHEELS]
        subprocess.run([*pip, *wheels], check=True)
        for path in sorted(Path(folder).iterdir()):
            members.update(_of_wheel(path))
    for name, version in INSTALLED.items():
        members.update(_of_installed(name, version))
    return members


def _of_wheel(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist() if _is_wanted(name)}


def _of_installed(name: str, version: str) -> dict[str, bytes]:
    """Take a library from this environment."""
    found = metadata.distribution(name)
    if found.version != version:
        raise SystemExit(f"{name} {found.version} is installed, but {version} is wanted")
    return {
        str(file): Path(str(file.locate())).read_bytes()
        for file in found.files or ()
        if _is_wanted(str(file)) and not str(file).startswith("_yaml/")
    }


def _is_wanted(name: str) -> bool:
    if name.startswith(LEFT_OUT) or "tests" in name.split("/"):
        return False
    licence = any(word in name for word in ("LICENSE", "NOTICE", "COPYING"))
    return licence or name.endswith((".py", "certifi/cacert.pem"))


def members(package: Path, committed: Path) -> dict[str, bytes]:
    """Give all members of the bundle.

    Args:
        package: the directory of the package `podwright`.
        committed: the bundle in the repository, whose libraries are kept.
    """
    return {**library_members(committed.read_bytes()), **own_members(package)}


def main() -> None:
    """Write the bundle, with libraries fetched anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--renew", action="store_true", required=True)
    parser.add_argument("--root", type=Path, default=Path())
    options = parser.parse_args()
    package = Path(__file__).parent.parent
    data = bundle.archive({**fetched(), **own_members(package)})
    (options.root / RESOURCE).write_bytes(data)


if __name__ == "__main__":
    main()

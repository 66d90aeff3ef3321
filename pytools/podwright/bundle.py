"""Writes the bundles: zip applications of podwright and the libraries it needs, reproducibly.

`python -m zipapp` changes its bytes with every file's time. Here members are sorted and carry one
fixed date, so the same sources give the same bundle. Members are compressed: Jenkins sends the
bundle to the agent in Base64, once for each pod.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from podwright import commands
from podwright.resources import LIST

# The earliest date that a zip file can hold.
DATE = (1980, 1, 1, 0, 0, 0)
MAIN = b"""import sys

from podwright.bundled import compile_once

compile_once()

from podwright.__main__ import main

sys.exit(main())
"""
# Measured levels are for documentation; planning does not read them.
_LEFT_OUT = {"__pycache__", "jobs", "data", "desk"}
_DATA = {"page.html", "steps.json"}


def hot_members(package: Path) -> dict[str, bytes]:
    """Give the members of the bundle that plans: all of the package but what runs at a desk.

    Args:
        package: the directory of the package `podwright`.
    """
    members = {"__main__.py": MAIN}
    installed = {f"{name.replace('-', '_')}.py" for name in ("jobs", *commands.INSTALLED)}
    for path in files_of(package):
        parts = path.relative_to(package).parts
        at_desk = parts[0] == "commands" and parts[-1] in installed
        if parts[-1] in _DATA or not (_LEFT_OUT.intersection(parts) or at_desk):
            members[f"podwright/{'/'.join(parts)}"] = path.read_bytes()
    members.update(yaml_members())
    return members


def yaml_members() -> dict[str, bytes]:
    """Give PyYAML's pure Python part, as it is installed here."""
    import yaml  # noqa: PLC0415 - only who bundles needs it

    folder = Path(yaml.__file__).parent
    return {f"yaml/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.py"))}


def files_of(folder: Path) -> Iterable[Path]:
    """Give the files of a package that belong into a bundle, sorted."""
    suffixes = {".py", ".sh", ".json", ".html"}
    return [path for path in sorted(folder.rglob("*")) if path.suffix in suffixes]


def listed(members: dict[str, bytes]) -> dict[str, bytes]:
    """Give the lists by which podwright's packages find their modules inside a bundle."""
    lists: dict[str, list[str]] = {}
    for name in members:
        folder, _, file = name.rpartition("/")
        if folder.startswith("podwright/") and f"{folder}/__init__.py" in members:
            lists.setdefault(f"{folder}/{LIST}", []).append(file)
    return {name: "\n".join(sorted(files)).encode() for name, files in lists.items()}


def archive(members: dict[str, bytes]) -> bytes:
    """Give the bytes of a zip application."""
    members = {**members, **listed(members)}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            bundle.writestr(info, members[name])
    return data.getvalue()


def members_of(data: bytes) -> dict[str, bytes]:
    """Read a bundle back, to compare it member by member (zlib's own bytes may differ)."""
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}

"""Reads the routes out of the engine's own source; run it to write engine-routes.json anew.

python tests/unit/authz/engine_source.py > tests/unit/authz/engine-routes.json
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MODULE = "github.com/moby/moby/v2"
VERSION = "v2.0.0-beta.24"
_ROUTE = re.compile(r'router\.New(Get|Post|Put|Delete|Head|Options)Route\("([^"]+)"')


def go(*words: str) -> dict[str, Any]:
    """What the go command says about a module, as JSON; empty without Go or network."""
    if not shutil.which("go"):
        return {}
    with tempfile.TemporaryDirectory() as place:
        Path(place, "go.mod").write_text("module x\n\ngo 1.24\n", encoding="utf-8")
        answer = subprocess.run(
            ["go", *words], cwd=place, capture_output=True, text=True, check=False
        )
    return dict(json.loads(answer.stdout or "{}"))


def source() -> Path | None:
    """Where the module lies (downloaded when need be); None without Go or network."""
    found = go("mod", "download", "-json", f"{MODULE}@{VERSION}").get("Dir")
    return Path(found) if found else None


def routes(module: Path) -> list[str]:
    """All routes, as ``METHOD /path``, without the regular expressions of placeholders."""
    found = set()
    for file in (module / "daemon" / "server" / "router").rglob("*.go"):
        if not file.name.endswith("_test.go"):
            found |= {
                f"{method.upper()} {re.sub(r':[^}]*}', '}', path)}"
                for method, path in _ROUTE.findall(file.read_text(encoding="utf-8"))
            }
    return sorted(found)


#: The Go types of the bodies that create something, and where they stand in the API's module.
STRUCTS = {
    "container": ["Config", "HostConfig", "Resources", "ExecCreateRequest", "ExecStartRequest"],
    "network": ["CreateRequest", "EndpointSettings", "EndpointIPAMConfig", "IPAM", "IPAMConfig"],
    "volume": ["CreateRequest"],
    "mount": ["Mount", "BindOptions", "VolumeOptions", "ImageOptions", "TmpfsOptions"],
}
_FIELD = re.compile(r'\t([A-Z]\w*)\s+[^\s`]+[^`\n]*?(?:`json:"([^",]*)[^`]*`)?\s*(?://.*)?$')


def fields(module: Path) -> dict[str, list[str]]:
    """The JSON names of the fields of those types, of the API that this engine is built with."""
    version = re.search(r"moby/moby/api (v\S+)", (module / "go.mod").read_text("utf-8"))
    assert version
    types = module.parent / f"api@{version[1]}" / "types"
    found = {}
    for area, names in STRUCTS.items():
        text = "\n".join(file.read_text("utf-8") for file in sorted((types / area).glob("*.go")))
        for name in names:
            body = text.partition(f"\ntype {name} struct {{\n")[2].partition("\n}")[0]
            rows = [_FIELD.match(line) for line in body.splitlines()]
            found[f"{area}.{name}"] = sorted(row[2] or row[1] for row in rows if row)
    return found


if __name__ == "__main__":
    place = source()
    if place is None:
        sys.exit("engine_source: Go or the module is not to be had")
    origin = f"{MODULE}@{VERSION} daemon/server/router"
    made = {"origin": origin, "routes": routes(place), "fields": fields(place)}
    print(json.dumps(made, indent=1))  # noqa: T201

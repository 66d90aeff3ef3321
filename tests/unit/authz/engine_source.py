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

MODULE = "github.com/moby/moby/v2"
VERSION = "v2.0.0-beta.24"
_ROUTE = re.compile(r'router\.New(Get|Post|Put|Delete|Head|Options)Route\("([^"]+)"')


def source() -> Path | None:
    """Where the module lies (downloaded when need be); None without Go or network."""
    if not shutil.which("go"):
        return None
    with tempfile.TemporaryDirectory() as place:
        Path(place, "go.mod").write_text("module x\n\ngo 1.24\n", encoding="utf-8")
        answer = subprocess.run(
            ["go", "mod", "download", "-json", f"{MODULE}@{VERSION}"],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
    found = json.loads(answer.stdout or "{}").get("Dir")
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


if __name__ == "__main__":
    place = source()
    if place is None:
        sys.exit("engine_source: Go or the module is not to be had")
    origin = f"{MODULE}@{VERSION} daemon/server/router"
    print(json.dumps({"origin": origin, "routes": routes(place)}, indent=1))  # noqa: T201

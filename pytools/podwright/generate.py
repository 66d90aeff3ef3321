"""Everything in the repository that is generated, in one map: path -> content.

`make generate` writes it, a test compares it with what is committed.
"""

from __future__ import annotations

import json
from pathlib import Path

from podwright import builders, bundle, documents, pod
from podwright.config import Config
from podwright.plan import plan_pod
from podwright.request import Common, Request, json_schema

RESOURCES = "resources/podwright"


def package() -> Path:
    """Give the directory of this package."""
    return Path(__file__).parent


def everything() -> dict[str, bytes]:
    """Give all generated files, by path from the repository's root."""
    made = {
        f"{RESOURCES}/podwright.pyz": bundle.archive(bundle.hot_members(package())),
        "docs/reference/request.schema.json": (
            json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
        ).encode(),
    }
    made.update({f"{RESOURCES}/pods/{name}": data for name, data in presets(Config()).items()})
    made.update({path: text.encode() for path, text in documents.everything().items()})
    return made


def presets(config: Config, org: str = "") -> dict[str, bytes]:
    """Render the pod of each strategy at its defaults, for requests without `pod:`.

    Args:
        config: an organisation's config: its images, registries and choice of strategies.
        org: the same as text; it travels in the pods to the planner.
    """
    names = [name for name in builders.names() if not config.allowed or name in config.allowed]
    made = {}
    for name in [*names, "auto", "default"]:
        wanted = {"default": ""}.get(name, name)
        _, planned = plan_pod(Request(Common(builder=wanted)), config, org)
        made[f"{name}.json"] = pod.as_yaml(planned).encode()
    made["names.txt"] = (", ".join(sorted([*names, "auto"])) + "\n").encode()
    return made


def write(root: Path) -> list[str]:
    """Write what differs from what is there; gives the paths that were written."""
    written = []
    for name, data in everything().items():
        path = root / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            written.append(name)
    return written


def stale(root: Path) -> list[str]:
    """Give the paths whose committed content is not what would be generated.

    Bundles are compared member by member: zlib's version may change the compressed bytes.
    """
    found = []
    made = everything()
    for name, data in made.items():
        path = root / name
        if not path.exists():
            found.append(name)
        elif name.endswith(".pyz"):
            if bundle.members_of(path.read_bytes()) != bundle.members_of(data):
                found.append(name)
        elif path.read_bytes() != data:
            found.append(name)
    expected = {Path(name).name for name in made if name.startswith(f"{RESOURCES}/pods/")}
    present = {path.name for path in (root / RESOURCES / "pods").glob("*")}
    return found + [f"{RESOURCES}/pods/{name}" for name in sorted(present - expected)]

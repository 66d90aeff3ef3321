"""Turn an image into short literal lines, and compare them with what a case expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oci import Entry, Image

# Fields of the configuration that make a difference to whoever runs the image.
FIELDS = (
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "Healthcheck",
    "OnBuild",
    "Shell",
)
# podwright fills these labels in, with the time of the build among them.
FILLED_IN = "org.opencontainers.image."


def config(image: Image) -> dict[str, Any]:
    """Give the configuration's fields that are set."""
    found = image.config.get("config", {})
    picked = {name: found[name] for name in FIELDS if found.get(name)}
    labels = {k: v for k, v in picked.pop("Labels", {}).items() if not k.startswith(FILLED_IN)}
    if labels:
        picked["Labels"] = labels
    for name in ("ExposedPorts", "Volumes"):
        if name in picked:
            picked[name] = sorted(picked[name])
    picked["Platform"] = f"{image.config.get('os')}/{image.config.get('architecture')}"
    return picked


def tree(image: Image, base: Image | None) -> dict[str, str]:
    """Give what an image adds to its base, changes and removes, one line per path."""
    before = {path: line(entry) for path, entry in (base.tree if base else {}).items()}
    after = {path: line(entry) for path, entry in image.tree.items()}
    changed = {path: text for path, text in after.items() if before.get(path) != text}
    gone = {path: "absent" for path in before if path not in after}
    return dict(sorted({**changed, **gone}.items()))


def line(entry: Entry) -> str:
    """Describe one path: kind, mode, owner, then target, text or checksum, attributes, twins."""
    if entry.kind == "link":
        return f"link -> {entry.target}"
    words = [entry.kind, f"{entry.mode:04o}", f"{entry.uid}:{entry.gid}"]
    if entry.kind == "file":
        short = entry.text and len(entry.text) <= 200
        words.append(repr(entry.text) if short or not entry.size else _checksum(entry))
    words += [f"{name}={value}" for name, value in sorted(entry.xattrs.items())]
    if entry.same_as:
        words.append(f"same file as {entry.same_as}")
    return " ".join(words)


def _checksum(entry: Entry) -> str:
    return f"{entry.size} bytes sha256:{entry.sha256[:16]}"


def differences(expected: dict[str, Any], found: dict[str, Any], what: str) -> list[str]:
    """List the differences of two maps, one sentence each."""
    sentences = []
    for key in sorted({*expected, *found}):
        wanted, got = expected.get(key), found.get(key)
        if wanted == got:
            continue
        if wanted is None:
            sentences.append(f"{what} {key}: {got}, not expected")
        elif got is None:
            sentences.append(f"{what} {key}: nothing, expected {wanted}")
        else:
            sentences.append(f"{what} {key}: {got}, expected {wanted}")
    return sentences

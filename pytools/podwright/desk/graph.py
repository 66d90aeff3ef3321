"""A pod as a picture: containers with their rights, volumes, and the way of the bytes. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from podwright import resources, rules
from podwright.builders._base import Strategy
from podwright.pod import AGENT, containers_of, worker

_WIDE, _GAP, _LINE, _TOP = 214, 18, 18, 96


def picture(name: str, made: dict[str, Any], *, by_daemon: bool) -> str:
    """Draw a pod.

    Args:
        name: its strategy.
        made: the pod.
        by_daemon: whether a daemon pulls and pushes: the pod's engine, or else the node's.
    """
    boxes = [_agent(made), *(_box(item) for item in containers_of(made) if item["name"] != AGENT)]
    high = max(len(lines) for _, lines in boxes) * _LINE + 44
    floor = _TOP + high + 60
    volumes = _shown_volumes(made)
    width = 3 * _GAP + max(len(boxes), len(volumes)) * (_WIDE + _GAP)
    out = [_text(_GAP, 26, f"Pod of {name}, level {rules.level_of(made)}", "name")]
    out.append(_rect(_GAP, _TOP - 46, width - 2 * _GAP, floor - _TOP + 122, "pod"))
    ends = {}
    for number, (title, lines) in enumerate(boxes):
        x = 2 * _GAP + number * (_WIDE + _GAP)
        ends[title] = x + _WIDE // 2
        out.append(_rect(x, _TOP, _WIDE, high, "box") + _text(x + 12, _TOP + 24, title, "name"))
        for row, (text, style) in enumerate(lines):
            out.append(_text(x + 12, _TOP + 46 + row * _LINE, text, style))
    mover = "engine" if by_daemon and "engine" in ends else worker(made)
    way = (ends[mover], floor - 58)
    where = "the registry: base images come in, the image goes out"
    for number, (title, about, users) in enumerate(volumes):
        x = 2 * _GAP + number * (_WIDE + _GAP)
        out += [
            f'<path class="mount" d="M{ends[user]} {floor - 60} L{x + 80} {floor}"/>'
            for user in users
        ]
        style = "danger" if about.startswith("/") else "soft"
        out += [_rect(x, floor, _WIDE, 40, "outside"), _text(x + 10, floor + 17, title, "")]
        out.append(_text(x + 10, floor + 33, about, style))
        if style == "danger":
            way, where = (x + 80, floor + 42), f"the node's own engine and {where}"
    out.append(_rect(_GAP * 2, floor + 126, width - 4 * _GAP, 40, "outside"))
    out.append(_text(_GAP * 3, floor + 151, where, "byte"))
    ends_at = 'marker-start="url(#m)" marker-end="url(#m)"'
    out.append(f'<path class="way" {ends_at} d="M{way[0]} {way[1]} V{floor + 124}"/>')
    about = f"Containers: {', '.join(ends)}."
    return _sheet(f"The pod of {name}", about, width, floor + 184, out)


def decision(found: Mapping[str, Strategy]) -> str:
    """Draw which strategy a cluster can run: the first whose needs it meets."""
    out = [
        _text(
            _GAP, 26, "Which strategy can my cluster run? The first whose needs it meets.", "name"
        )
    ]
    for number, (name, strategy) in enumerate(found.items()):
        y = 48 + number * 74
        style = "danger" if strategy.level == "privileged" else "soft"
        out += [_rect(_GAP, y, 170, 48, "box"), _text(_GAP + 12, y + 21, name, "name")]
        out.append(_text(_GAP + 12, y + 39, f"level {strategy.level}", style))
        lines = textwrap.wrap(f"needs {strategy.needs}".replace("`", ""), 78)
        out += [_text(206, y + 21 + 18 * row, line, "") for row, line in enumerate(lines)]
        last = number == len(found) - 1
        more = f'<path class="way" marker-end="url(#m)" d="M{_GAP + 85} {y + 48} v24"/>'
        out += [] if last else [more, _text(_GAP + 100, y + 64, "no", "byte")]
    needs = "; ".join(f"{name}: {one.needs}" for name, one in found.items())
    return _sheet("Which strategy can my cluster run?", needs, 760, 48 + 74 * len(found), out)


def _sheet(title: str, about: str, width: int, height: int, out: list[str]) -> str:
    told = {"title": title, "description": escape(about), "width": width, "height": height}
    return resources.filled("data/graph.svg", **told, body="\n".join(out))


def _shown_volumes(made: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Give what containers share, and what is not the pod's own: name, what it is, who has it."""
    normal = [item["name"] for item in made["spec"]["containers"] if item["name"] != AGENT]
    found = [("workspace", "disk of the pod", [AGENT, *normal])]
    for volume in made["spec"].get("volumes", []):
        name = volume["name"]
        users = [
            item["name"]
            for item in containers_of(made)
            if any(mount["name"] == name for mount in item.get("volumeMounts", []))
        ]
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        memory = "memory" if (volume.get("emptyDir") or {}).get("medium") else "disk of the pod"
        about = (volume.get("hostPath") or {}).get("path") or (
            f"claim {claim}" if claim else memory
        )
        if claim or "hostPath" in volume or ("emptyDir" in volume and len(users) > 1):
            found.append((name, about, users))
    return found


def _agent(made: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    lines = ["Jenkins' agent, added by its", "plugin: checkout, files"]
    if worker(made) == AGENT:
        lines = ["Jenkins' agent, with the", "client: checkout, files, builds"]
    return AGENT, [(line, "soft") for line in lines]


def _box(item: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """Give a container's name and lines: image, user, rights, limits."""
    context = item.get("securityContext") or {}
    image = item["image"].rpartition("/")[2]
    user = context.get("runAsUser", "of the image")
    lines = [(image, "soft"), (f"user {user}", "soft" if user else "right")]
    lines += [
        (text, style) for right, style in _rights(context) for text in textwrap.wrap(right, 30)
    ]
    limits = (item.get("resources") or {}).get("limits") or {}
    lines.append((f"up to {limits.get('cpu', '?')} cpu, {limits.get('memory', '?')}", "soft"))
    return item["name"], lines


def _rights(context: dict[str, Any]) -> Iterator[tuple[str, str]]:
    added = (context.get("capabilities") or {}).get("add") or []
    if context.get("privileged"):
        yield "privileged: is root on the node", "danger"
    for key in ("seccompProfile", "appArmorProfile"):
        if (context.get(key) or {}).get("type") == "Unconfined":
            yield f"{key[:-7]} unconfined", "danger"
    if added:
        yield f"may {', '.join(added).lower().replace('_', ' ')}", "right"
    if context.get("allowPrivilegeEscalation") and not context.get("privileged"):
        yield "may gain rights (setuid)", "right"
    elif not added and context.get("runAsNonRoot"):
        yield "no rights", "soft"


def _rect(x: int, y: int, width: int, height: int, style: str) -> str:
    return f'<rect class="{style}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'


def _text(x: int, y: int, text: str, style: str) -> str:
    return f'<text class="{style}" x="{x}" y="{y}">{escape(text)}</text>'

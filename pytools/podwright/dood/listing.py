"""Filters of listings, and what is left of a listing for the pod. Pure."""

from __future__ import annotations

import json
import re

from podwright.docker_api.strict import parse_json_text
from podwright.dood.naming import BUILD, LEASE, PREDEFINED, Naming
from podwright.dood.refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Filters = dict[str, list[str]]


def parse_filters(text: str) -> Filters:
    """Read the parameter ``filters``: names to values, in both forms that clients write.

    Raises:
        Refusal: it is neither form.
    """
    value = parse_json_text(text) if text else {}
    found: Filters = {}
    for name, values in value.items() if isinstance(value, dict) else [("", None)]:
        if isinstance(values, dict):
            found[name] = [key for key, wanted in values.items() if wanted]
        elif isinstance(values, list) and all(isinstance(item, str) for item in values):
            found[name] = list(values)
        else:
            raise Refusal(400, "filters must be an object of lists")
    return found


def render_filters(filters: Filters) -> str:
    """Write the parameter ``filters`` in the form that all engines read."""
    return json.dumps({name: dict.fromkeys(values, True) for name, values in filters.items()})


def only_own(filters: Filters, naming: Naming) -> Filters:
    """Add the pod's label to filters."""
    return {**filters, "label": [*filters.get("label", []), f"{BUILD}={naming.uid}"]}


def is_named(name: str, patterns: list[str]) -> bool:
    """Whether a name matches a pattern as the engine does: anywhere, slash or not."""
    return not patterns or any(_matches(pattern, name) for pattern in patterns)


def _matches(pattern: str, name: str) -> bool:
    try:
        return bool(re.search(pattern, name) or re.search(pattern, f"/{name}"))
    except re.error:
        return pattern in name


def containers(listing: Any, naming: Naming, patterns: list[str], limit: int = 0) -> Any:
    """Give the pod's containers of a listing, under their own names."""
    found = []
    for item in listing or []:
        names = [naming.strip(name).lstrip("/") for name in item.get("Names") or []]
        if naming.owns(item.get("Labels")) and any(is_named(name, patterns) for name in names):
            found.append(naming.strip(item))
    return found[:limit] if limit > 0 else found


def networks(listing: Any, naming: Naming, patterns: list[str]) -> Any:
    """Give the pod's networks, and those that all engines have."""
    found = []
    for item in listing or []:
        if naming.owns(item.get("Labels")) or item.get("Name") in PREDEFINED:
            shown = network(item, naming)
            if is_named(shown["Name"], patterns):
                found.append(shown)
    return found


def network(item: Any, naming: Naming) -> Any:
    """Give one network with no other containers than the pod's."""
    inside = item.get("Containers")
    if inside:
        kept = {key: end for key, end in inside.items() if naming.is_own(end.get("Name", ""))}
        item = {**item, "Containers": kept}
    return naming.strip(item)


def volumes(listing: Any, naming: Naming, patterns: list[str]) -> Any:
    """Give the pod's volumes of a listing."""
    found = []
    for item in listing.get("Volumes") or []:
        labels = item.get("Labels")
        shown = naming.strip(item)
        if naming.owns(labels) and LEASE not in labels and is_named(shown["Name"], patterns):
            found.append(shown)
    return {**listing, "Volumes": found}


def usage(listing: Any, naming: Naming) -> Any:
    """Give the answer of ``/system/df`` without others' containers and volumes."""
    kept = dict(listing)
    if listing.get("Containers"):
        kept["Containers"] = containers(listing["Containers"], naming, [])
    if listing.get("Volumes"):
        kept.update(volumes({"Volumes": listing["Volumes"]}, naming, []))
    for part, name in (("ContainerUsage", "Items"), ("VolumeUsage", "Items")):
        if isinstance(listing.get(part), dict) and listing[part].get(name):
            owned = [item for item in listing[part][name] if naming.owns(item.get("Labels"))]
            kept[part] = naming.strip({**listing[part], name: owned})
    return kept


def event(item: Any, naming: Naming) -> Any:
    """Give an event under the pod's own names; None when it is another's.

    Images and the build cache are the node's, so everybody sees their events.
    """
    actor = item.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    kind = item.get("Type")
    if kind == "container" and not naming.owns(attributes):
        return None
    if kind == "network" and not naming.is_own(attributes.get("name", "")):
        return None
    if kind == "volume" and not naming.is_own(actor.get("ID", "")):
        return None
    return naming.strip(item)

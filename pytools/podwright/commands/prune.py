"""Remove old images of a repository, by count, age and protected tags.

Without --remove nothing is changed: it says what would go, and why the rest
stays. An image goes with what it lists and what refers to it; one that has any
protected tag stays with all its tags.
"""

from __future__ import annotations

import time
from typing import Any

from podwright.console import Console
from podwright.distribution import parameters, retention

SUMMARY = "remove old images of a repository"
PARAMETERS = parameters.Pruning, "[repository] keep olderThan protect match remove"


def work(value: dict[str, Any], console: Console) -> dict[str, Any]:
    given = parameters.parse(parameters.Pruning, value)
    name, _ = parameters.read_name(given.repository, "repository")
    registries = parameters.Registries(given, console.env)
    repository = registries.repository(name, "push" if given.remove else "pull")
    judged = retention.judge(retention.inventory(repository), given, time.time())
    for one in judged:
        word = f"stays: {one.why}" if one.why else "goes"
        console.say(f"[podwright] {repository}: {', '.join(one.image.tags)} {word}")
    going = [one for one in judged if not one.why]
    if given.remove:
        retention.remove(repository, judged)
    else:
        console.say(f"[podwright] nothing was removed; with remove: true {len(going)} images go")
    return {
        "repository": str(repository),
        "removed" if given.remove else "wouldRemove": [
            {"digest": one.image.manifest.digest, "tags": list(one.image.tags)} for one in going
        ],
        "kept": len(judged) - len(going),
    }

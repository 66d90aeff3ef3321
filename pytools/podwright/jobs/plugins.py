"""Which plugins a description needs, compared with those the controller has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podwright.jobs.rendering import Rendered


def missing(rendered: Iterable[Rendered], installed: Mapping[str, str]) -> list[str]:
    """Say which plugins are missing, each with the first job that needs it.

    Args:
        rendered: the jobs that would be written.
        installed: active plugins of the controller, by short name.
    """
    needed: dict[str, list[str]] = {}
    for item in rendered:
        for plugin in item.job.spec.plugins():
            if plugin not in installed:
                needed.setdefault(plugin, []).append(item.job.name)
    return [
        f"{users[0]}: needs the plugin {plugin}, which the controller does not have"
        + (f" (and so do {len(users) - 1} more jobs)" if len(users) > 1 else "")
        + "; install it"
        for plugin, users in sorted(needed.items())
    ]

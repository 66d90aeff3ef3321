"""A plan as a person reads it: about eight lines."""

from __future__ import annotations

from podwright import rules, strategies
from podwright.plan import chosen_by
from podwright.pod import containers_of, quantity
from podwright.request import AROUND
from podwright.resources import LazyModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    import textwrap
    from collections.abc import Iterator
    from typing import Any

    from podwright import pools
    from podwright.builders._base import Build
    from podwright.config import Config
    from podwright.console import Console
    from podwright.plan import Plan
    from podwright.request import Request
else:
    textwrap = LazyModule("textwrap")  # most lines are short, and most plans have no pool
    pools = LazyModule("podwright.pools")

WIDTH = 68


def lines(
    plan: Plan, request: Request, config: Config, console: Console, here: str
) -> Iterator[str]:
    """Give the lines: the strategy and why, images, pod, cache, logins, commands.

    `here` is the strategy that `podwright build` would take on this machine, '' for none.
    """
    why = chosen_by(request, config, plan.builder)
    local = f"; on this machine `podwright build` takes {here}"
    rows = [("builder", plan.builder + why + (local if here not in ("", plan.builder) else ""))]
    for build in plan.builds:
        rows += _of_image(build)
    rows.append(("pod", _pod(plan.pod)))
    rows.append(("logins", ", ".join(map(_login, request.common.credentials)) or _OWN))
    titles = [
        step.title
        for build in plan.builds
        for step in strategies.get(plan.builder).recipe(build).steps
        if step.title
    ]
    rows += [("steps", "; ".join(dict.fromkeys(titles)))] if titles else []
    around = [n for n in AROUND if any(getattr(image, n) for image in request.images)]
    rows += [("around", f"{', '.join(around)}, by commands of their own")] if around else []
    for title, text in rows:
        yield from _row(title, text, console)
    yield console.paint("--script prints the script, --json all of it", "dim", result=True)


_OWN = "those that the builder finds by itself"


def _row(title: str, text: str, console: Console) -> list[str]:
    wrapped = [text]
    if len(text) > WIDTH:
        wrapped = textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False)
    head = console.paint(f"{title:<10}", "strong", result=True)
    return [head + wrapped[0], *(f"{'':<10}{line}" for line in wrapped[1:])]


def _of_image(build: Build) -> list[tuple[str, str]]:
    image = build.image
    source = f"{image.context}, {build.dockerfile}" + (image.target and f", target {image.target}")
    places = f", for {', '.join(image.platforms)}" if image.platforms else ""
    out = "" if image.push else " (not pushed)"
    rows = [("image", f"{build.name}:{', '.join(build.tags)}{out}"), ("from", source + places)]
    rows += [("archive", image.output)] if image.output else []
    if build.pool:
        first = pools.addresses(build.pool, str(build.name), "".join(image.platforms[:1]))[0]
        rows.append(("pool", f"{build.pool.name}: {first}, then others"))
    if image.cache and image.cache.enabled:
        writes = "read and written" if image.cache.write else "read"
        return [*rows, ("cache", f"{image.cache.ref} ({writes})")]
    return [*rows, ("cache", "none: --cache REPOSITORY keeps layers")]


def _pod(made: dict[str, Any]) -> str:
    found = containers_of(made)
    names = ", ".join(item["name"] for item in found)
    sums = [f"cpu {_sum(found, 'cpu'):g}", f"memory {_sum(found, 'memory') / 2**30:.1f} GiB"]
    return f"{names} (level {rules.level_of(made)}; limits {', '.join(sums)})"


def _sum(containers: list[dict[str, Any]], name: str) -> float:
    given = [(item.get("resources") or {}).get("limits") or {} for item in containers]
    return float(sum(quantity(limits.get(name, "0")) for limits in given))


def _login(item: Any) -> str:
    who: str = item.credentialsId or item.variable or item.secret or item.type
    use = "" if item.use == "both" else f" ({item.use})"
    return f"{who} for {item.registry or 'the image'}{use}"

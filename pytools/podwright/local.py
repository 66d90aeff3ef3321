"""Which strategy builds on a machine that is no pod."""

from __future__ import annotations

import shutil

from podwright import strategies
from podwright.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwright.config import Config


def _is_here(name: str, env: Mapping[str, str], pool: str = "") -> bool:
    one = strategies.get(name)
    # A pool's daemons have addresses of their own.
    ready = "pool" in one.features if pool else one.ready(env)
    return bool(one.local() and shutil.which(one.local()) and ready)


def chosen(config: Config, env: Mapping[str, str], pool: str = "") -> str:
    """Give the config's strategy when its program is on this machine, else the safest that is."""
    named = [config.builder] if config.builder in strategies.names() else []
    return next((n for n in (*named, *strategies.everything()) if _is_here(n, env, pool)), "")


def strategy(asked: str, config: Config, env: Mapping[str, str], pool: str = "") -> str:
    """Give the strategy that a build on this machine takes.

    Raises:
        UsageError: there is none, or the one that was asked for runs in its own container only.
    """
    able = [name for name, one in strategies.everything().items() if one.local()]
    if asked in strategies.names() and asked not in able:
        there = [name for name in able if _is_here(name, env)] or able
        raise UsageError(
            f"builder: '{asked}' runs in its own container only; here use {', '.join(there)}"
        )
    if asked in able and not shutil.which(strategies.get(asked).local()):
        others = [name for name in able if _is_here(name, env)]
        program = strategies.get(asked).local()
        other = f", or use --builder {others[0]}" if others else ""
        raise UsageError(
            f"builder: '{asked}' needs {program}, which is not installed here; install it{other}"
        )
    name = chosen(config, env, pool) if asked in ("", "auto") else asked
    if not name and pool:
        needed = [strategies.get(n).local() for n in able if "pool" in strategies.get(n).features]
        sentence = f"pool: needs {', '.join(needed)}, which is not installed here; install it"
        raise UsageError(sentence)
    if not name:
        programs = sorted({one.local() for one in strategies.everything().values()} - {""})
        raise UsageError(
            f"no builder was found on this machine; install one of {', '.join(programs)} "
            "(buildctl also needs BUILDKIT_HOST)"
        )
    return name

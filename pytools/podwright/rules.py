"""What the limits of an organisation allow a pod and an image. Pure.

They are told early and in the same words everywhere; who enforces them is another (admission, the
registry, Jenkins): a pipeline's own planner is in the pipeline's hands. Each limit that applies to
a job narrows; none widens what another one says.
"""

from __future__ import annotations

from podwright.errors import Problem, shown
from podwright.limits import LEVELS
from podwright.references import parse_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from podwright.builders._base import Build
    from podwright.limits import Rules

# Capabilities that `baseline` lets a container add (Pod Security Standards).
BASELINE = {
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
    *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
}
_SYNTAX = "BUILDKIT_SYNTAX"  # the build argument that wins over `# syntax=`


def level(name: str, found: str, rules: Rules) -> Iterator[Problem]:
    """Refuse a pod above the highest level."""
    for rule, highest in rules.of("level"):
        if LEVELS.index(found) > LEVELS.index(highest):
            sentence = f"the pod of '{name}' needs the level '{found}', which {rules.refused(rule)}"
            yield Problem(f"{sentence}; the highest is '{highest}'", "builder")


def resources(made: Mapping[str, Any], rules: Rules) -> Iterator[Problem]:
    """Refuse a pod that may use too much in all; a container without a limit uses any amount."""
    from podwright.pod import quantity  # noqa: PLC0415 - a script that is planned needs no pod

    for name in ("cpu", "memory"):
        given = [(item.get("resources") or {}).get("limits") or {} for item in _containers(made)]
        total = sum(quantity(limits.get(name, "1E")) for limits in given)
        for rule, most in rules.of(name):
            if total > quantity(most):
                sentence = f"the {name} of all containers together is more than {most}, which"
                yield Problem(
                    f"{sentence} {rules.refused(rule)}; limit less: pod: [resources: ...]", "pod"
                )


def image(build: Build, rules: Rules) -> Iterator[Problem]:
    """Refuse what an image is made of and where it goes."""
    cache = build.image.cache
    targets = [("image", str(build.name))] if build.image.push else []
    targets += [("cache", ref) for ref in (cache.ref,) if ref] if cache and cache.enabled else []
    for rule, places in rules.of("push"):
        for parameter, name in targets:
            if not _below(name, places):
                yield _foreign(name, rule, places, rules, parameter)
    for rule, names in rules.of("labels"):
        for name in sorted(set(names) - {k for k, v in build.labels.items() if v}):
            sentence = f"an image without the label '{name}' {rules.refused(rule)}"
            yield Problem(f"{sentence}; give it", "labels")
    yield from _bases(build, rules)
    yield from _frontends(build, rules)


def _bases(build: Build, rules: Rules) -> Iterator[Problem]:
    """Refuse base images; those that cannot be told are refused as well."""
    names = (*build.content.bases, *build.content.sources)
    limited = [*rules.of("pull"), *rules.of("pinned")]
    if limited and not build.content.certain:
        sentence = f"a Dockerfile whose base images cannot be told {rules.refused(limited[0][0])}"
        yield Problem(f"{sentence}; write them without variables that have no value", "dockerfile")
    yield from _pulled(names, build, rules)
    for rule, _ in rules.of("pinned"):
        for name in names:
            if "@sha256:" not in name:
                sentence = f"{shown(name)} without a digest {rules.refused(rule)}"
                yield Problem(f"{sentence}; write {name}@sha256:...", "dockerfile")


def _pulled(names: Iterable[str], build: Build, rules: Rules) -> Iterator[Problem]:
    """Refuse places that images and caches come from; what a mirror gives comes from the mirror."""
    own = f"{build.name}:cache"  # caches.py
    cache = build.image.cache
    read = [ref for ref in cache.read if ref != own] if cache else []
    mirrors = [mirror for item in build.registries.values() for mirror in item.mirrors]
    for rule, places in rules.of("pull"):
        for parameter, found in (("dockerfile", names), ("cache", read)):
            for name in found:
                if not _below(name, places):
                    yield _foreign(name, rule, places, rules, parameter)
        for mirror in mirrors:
            if not _within(_place(mirror), places):
                yield _foreign(mirror, rule, places, rules, "registries")


def _frontends(build: Build, rules: Rules) -> Iterator[Problem]:
    """Refuse images that read the Dockerfile in BuildKit's place."""
    named = build.image.buildArgs.get(_SYNTAX) or build.content.syntax
    for rule, allowed in rules.of("frontends"):
        if named and named not in allowed:
            sentence = f"the frontend {shown(named)} {rules.refused(rule)}"
            others = ", ".join(allowed) or "none"
            yield Problem(f"{sentence}; allowed are {others}", "dockerfile")


def _foreign(name: str, rule: str, places: Iterable[str], rules: Rules, parameter: str) -> Problem:
    sentence = f"{shown(name)} {rules.refused(rule)}; allowed are {', '.join(places)}"
    return Problem(sentence, parameter)


def _below(name: str, places: Iterable[str]) -> bool:
    """Say whether a repository is one of some places, or lies below one."""
    return _within(_repository(name), places)


def _within(whole: str, places: Iterable[str]) -> bool:
    return any(whole == place or whole.startswith(f"{place}/") for place in map(_place, places))


def _place(text: str) -> str:
    """Give a registry, or a repository, by its full name."""
    first, slash, _ = text.partition("/")
    if not slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return text if "." in first or ":" in first else f"docker.io/{text}"


def _repository(name: str) -> str:
    try:
        return str(parse_name(name.partition("@")[0])[0])
    except ValueError:
        return name


def _containers(made: Mapping[str, Any]) -> list[dict[str, Any]]:
    spec = made.get("spec") or {}
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def level_of(made: Mapping[str, Any]) -> str:
    """Give the level that a pod needs, as far as podwright's own pods and `pod.yaml` can differ.

    The API server is the judge: what this does not know, it refuses. An agent of which nothing is
    said is as the plugin's own, for which its cloud has a setting (`restrictedPssSecurityContext`).
    """
    spec = made.get("spec") or {}
    contexts = [spec.get("securityContext") or {}]
    own = [i for i in _containers(made) if i.get("name") != "jnlp" or "securityContext" in i]
    contexts += [item.get("securityContext") or {} for item in own]
    host = any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    paths = any("hostPath" in item for item in spec.get("volumes") or [])
    if host or paths or any(map(_is_privileged, contexts)):
        return "privileged"
    return "restricted" if all(map(_is_restricted, contexts[1:])) else "baseline"


def _is_privileged(context: Mapping[str, Any]) -> bool:
    profiles = [context.get(key) or {} for key in ("seccompProfile", "appArmorProfile")]
    added = set((context.get("capabilities") or {}).get("add") or ())
    return bool(
        context.get("privileged")
        or added - BASELINE
        or any(profile.get("type") == "Unconfined" for profile in profiles)
        or context.get("procMount", "Default") != "Default"
    )


def _is_restricted(context: Mapping[str, Any]) -> bool:
    capabilities = context.get("capabilities") or {}
    return bool(
        context.get("allowPrivilegeEscalation") is False
        and context.get("runAsNonRoot")
        and "ALL" in (capabilities.get("drop") or ())
        and not set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}
        and context.get("seccompProfile")
    )

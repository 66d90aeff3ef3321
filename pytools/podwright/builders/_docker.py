"""What the three strategies with a Docker CLI share.

Flags: docker/buildx docs/reference/buildx_build.md, docker/cli docs/reference/commandline/build.md.
"""

from __future__ import annotations

import functools

from podwright import logins
from podwright.builders._base import (
    Build,
    PodContext,
    Recipe,
    Step,
    call,
    docker_flags,
    flags,
    mounts,
    pod,
    shell_functions,
    ssh_mounts,
)
from podwright.errors import Problem, UsageError
from podwright.paths import ANSWERS, FILES_DIR
from podwright.references import DOCKER_HUB
from podwright.shell import Expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from podwright.request import Registry

CACHE_TYPES = ("registry", "inline")
DATA_ROOT = "/var/lib/docker"
CONFIG = f"{FILES_DIR}/daemon.json"
CERTIFICATES = "/etc/docker/certs.d"
# What the client asks DOCKER_HOST.
ASKS = "docker version"

# dockerd mounts, makes networks and cgroups: no smaller set of rights is known to do.
PRIVILEGED = {
    "privileged": True,
    "allowPrivilegeEscalation": True,
    "runAsUser": 0,
    "runAsGroup": 0,
}


FEATURES = frozenset(
    {"secrets", "ssh", "cache", "images", "api", "platforms", "output"}
    | {"annotations", "network", "addHosts", "ulimits", "shmSize", "buildContexts"}
)
OPTIONS = ("--cpu-quota=N", "--cpu-shares=N", "--memory=SIZE", "--no-cache-filter=NAMES")


def client(
    context: PodContext, host: str, socket: tuple[str, str], resources: Mapping[str, Any], asks: str
) -> dict[str, Any]:
    """Make the container of a client, which may connect to its engine's socket, but not replace it.

    Args:
        context: images and options.
        host: the engine's address, for DOCKER_HOST.
        socket: the volume with the socket, and where it is mounted.
        resources: its requests and limits.
        asks: the command by which it finds out whether the engine answers.
    """
    image = context.images["docker-cli"]
    return pod.container(
        pod.client_of(context, image),
        image,
        command=["sh", "-c", pod.awaits(host, asks) + pod.KEEP_ALIVE[2]],
        env={"DOCKER_HOST": host, "HOME": pod.TMP},
        read_only=dict([socket]),
        resources=resources,
        security=pod.RESTRICTED,
        awaited=True,
        more=pod.TELLS_WHY,
    )


def engine_env(context: PodContext) -> dict[str, str]:
    """Give what engine.sh reads; without a driver it takes what works on the volume."""
    wait = "600" if context.options.cacheClaim else "60"
    return {
        "PODWRIGHT_STORAGE_DRIVER": context.engine.storageDriver,
        "PODWRIGHT_LOCK_WAIT": wait,
    }


def registry_settings(registries: Mapping[str, Registry]) -> dict[str, tuple[str, ...]]:
    """Give the registries' part of daemon.json (docker/docs reference/cli/dockerd)."""
    hosts = sorted(registries.items())
    insecure = tuple(h for h, item in hosts if item.http or item.skipTlsVerify)
    others = [h for h, item in hosts if item.mirrors and h != DOCKER_HUB]
    if others:
        raise UsageError(
            [
                Problem("a Docker Engine mirrors docker.io only", "registries", host, "mirrors")
                for host in others
            ]
        )
    mirrors = registries[DOCKER_HUB].mirrors if DOCKER_HUB in registries else ()
    if any("/" in mirror for mirror in mirrors):
        # dockerd refuses them (moby/moby daemon/pkg/registry/config.go, ValidateMirror).
        sentence = "a Docker Engine's mirrors have no path"
        raise UsageError([Problem(sentence, "registries", DOCKER_HUB, "mirrors")])
    settings = {"insecure-registries": insecure} if insecure else {}
    if mirrors:
        plain = {mirror for mirror in mirrors if mirror in registries and registries[mirror].http}
        addresses = (f"http{'' if mirror in plain else 's'}://{mirror}" for mirror in mirrors)
        settings["registry-mirrors"] = tuple(addresses)
    return settings


def recipe(build: Build, functions: str = "") -> Recipe:
    """Build into the engine, and push each tag.

    Args:
        build: the image.
        functions: shell functions of the strategy itself.
    """
    image, title = build.image, f"building {build.name}"
    cache = image.cache
    exports = bool(cache and cache.write and (cache.ref or cache.type == "inline"))
    buildkit = "yes" if image.secrets or image.ssh else "no"
    wide = exports or image.output or len(image.platforms) > 1
    buildx = "yes" if wide or image.annotations or image.buildContexts else "no"
    words = ["--iidfile", Expand("$PW_TMP/iid"), *_build_words(build)]
    login = build.login("all", "pull") if exports else "pull"
    at_once = image.push and _may_push_at_once(build, login, words)
    needed = (buildkit, buildx, "yes" if at_once else "no")
    env = build.docker_config(login)
    steps = [call("pw_docker_build", *needed, title, *words, env=env)]
    if image.output:
        steps.append(_archive_step(build))
    env = env if at_once else build.docker_config("push")
    pushed = build.references if image.push else ()
    steps += [call("pw_docker_push", reference, env=env) for reference in pushed]
    return Recipe(
        steps=tuple(steps),
        digest_file="",
        cached=r"^#[0-9]+ CACHED|^ ---> Using cache",
        functions=_functions() + shell_functions("progress") + functions,
    )


def _may_push_at_once(build: Build, login: str, words: list[str]) -> bool:
    """Say whether the call that builds may push.

    Not what is not to be pushed when its archive fails, nor what the engine would build anew when
    pushing has failed. Logins for pushing alone are not there while something is built, but for
    what writes a cache.
    """
    again = any(word.startswith("--no-cache") for word in words)
    known = logins.pulling_does(build.common.credentials, build.name.registry)
    return not build.image.output and not again and (login == "all" or known)


@functools.cache
def _functions() -> str:
    return shell_functions("docker").replace("@answers@", ANSWERS)


def _source_flags(build: Build) -> list[str]:
    """Give what to build, without where it goes."""
    image = build.image
    words = ["--file", build.dockerfile]
    words += ["--target", image.target] if image.target else []
    words += ["--platform", ",".join(image.platforms)] if image.platforms else []
    words += flags("--build-arg", image.buildArgs) + flags("--label", build.labels)
    words += docker_flags(build)
    for options in image.builderOptions.values():  # of this builder: others were refused
        words += options
    return words + mounts("--secret", build) + ssh_mounts(build)


def _build_words(build: Build) -> list[str]:
    words = _source_flags(build) + flags("--tag", build.references) + _cache_flags(build)
    return [*words, *(["--pull"] if build.image.pull else []), build.image.context]


def _cache_flags(build: Build) -> list[str]:
    cache = build.image.cache
    if cache is None:
        return []
    if not cache.enabled:
        return ["--no-cache"]
    own = build.references if cache.type == "inline" else (cache.ref,)
    words = [f"--cache-from=type=registry,ref={ref}" for ref in (*own, *cache.read) if ref]
    if cache.type == "inline" and cache.write:
        words.append("--cache-to=type=inline")
    elif cache.ref and cache.write:
        # The layers of one stage are all the image's own. By `max` the engine collects them once
        # more for each step, which takes it longer.
        mode = "min" if build.content.stages == 1 else cache.mode
        more = f"mode={mode},ignore-error=true"
        words.append(f"--cache-to=type=registry,ref={cache.ref},{more}")
    return words


def _archive_step(build: Build) -> Step:
    """Write the OCI archive; all layers come from the engine's cache."""
    words = ["--progress", "plain", "--provenance=false", *_source_flags(build)]
    words += ["--output", f"type=oci,dest={build.image.output},name={build.references[0]}"]
    argv = ("docker", "buildx", "build", *words, build.image.context)
    return Step(f"writing {build.image.output}", argv, "build", build.docker_config("pull"))

"""The maintained kaniko fork's executor."""

from __future__ import annotations

import posixpath

from podwright import registries
from podwright.builders._base import (
    Build,
    PodContext,
    PodParts,
    Recipe,
    Step,
    Strategy,
    call,
    flags,
    mounts,
    options_of,
    pod,
    shell_functions,
    tagged_caches,
)
from podwright.errors import Problem
from podwright.paths import CLIENTS_DIR
from podwright.references import DOCKER_HUB
from podwright.shell import Expand

# The shortest repository, by google/go-containerregistry pkg/name/repository.go.
SHORTEST = 2
# Unpacking layers with files of all owners, and chroot for RUN; nothing else.
CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "SETFCAP", "SYS_CHROOT"]
# The fork's "BuildKit compatibility" profile (osscontainertools/kaniko README).
COMPATIBLE = (
    "FF_KANIKO_COPY_AS_ROOT",
    "FF_KANIKO_CHOWN_ON_IMPLICIT_DIRS",
    "FF_KANIKO_COPY_CHMOD_ON_IMPLICIT_DIRS",
    "FF_KANIKO_EXPAND_HEREDOC",
    "FF_KANIKO_RUN_HONOR_GROUP",
    "FF_KANIKO_UNTAR_SKIP_ROOT",
)
# Of its "Preview" profile: else the key of a cached layer is the text of COPY, ADD or WORKDIR
# without the values of its variables, and different inputs can join to one key. With another build
# argument the image would get the layer of the old one.
OWN_KEYS = (
    "FF_KANIKO_RESOLVE_CACHE_KEY",
    "FF_KANIKO_ROLLING_CACHE_KEY",
    "FF_KANIKO_HASH_DIR_FRAMING",
)


class Kaniko(Strategy):
    """kaniko (the maintained fork) unpacks the image over its own container: no nesting at all.

    Costs: files below the container's mounts never get into the image, ssh mounts and other
    platforms are impossible, and large images need much memory.
    """

    features = frozenset({"secrets", "cache", "output", "images", "annotations", "compression"})
    options = (
        "--cache-run-layers={true|false}",
        "--cache-ttl=TIME",
        "--compressed-caching={true|false}",
        "--compression-level=N",
        "--ignore-var-run={true|false}",
        "--image-fs-extract-retry=N",
        "--reproducible",
        "--single-snapshot",
        "--skip-push-permission-check",
        "--snapshot-mode={full|redo|time}",
        "--use-new-run",
    )
    shows_logins = True
    level = "baseline"
    needs = "nothing special; works with RuntimeDefault seccomp and seven capabilities"
    also = ("executor",)
    rank = 8

    def pod(self, context: PodContext) -> PodParts:
        """One container of user 0 with seven capabilities and the runtime's own seccomp profile."""
        return PodParts(
            builder=pod.container(
                "builder",
                context.images["kaniko"],
                command=["/busybox/sh", "-c", pod.KEEP_ALIVE[2]],
                env=dict.fromkeys(COMPATIBLE, "true"),
                resources=pod.BUILD,
                security={
                    "privileged": False,
                    "allowPrivilegeEscalation": False,
                    "runAsUser": 0,
                    "runAsGroup": 0,
                    "capabilities": {"drop": ["ALL"], "add": CAPABILITIES},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            ),
            clients={"builder": CLIENTS_DIR},
            reasons={
                "builder": "user 0 and seven capabilities: it unpacks layers with files of all "
                "owners into its own root",
            },
        )

    def recipe(self, build: Build) -> Recipe:
        """Build and push in one run; the executor retries its own requests."""
        cache = _cache_flags(build)
        words = ["/kaniko/executor", *_build_flags(build), *cache, *_registry_flags(build)]
        # The fork empties its root before a build as well; what is no fork leaves that out.
        env = {
            "KANIKO_PRE_CLEANUP": "true",
            **dict.fromkeys(OWN_KEYS if cache else (), "true"),
            **build.docker_config(build.login("all", "push", "pull")),
        }
        steps = [
            call("pw_alone"),
            call("pw_quotes", _dockerfile(build)),
            Step(f"building {build.name}", tuple(words), "none", env),
        ]
        if build.image.output:
            steps.append(call("pw_archive", build.image.output))
        return Recipe(
            steps=tuple(steps),
            functions=shell_functions("kaniko"),
            cached="Using caching version of cmd",
            files=registries.certificates(build.registries),
        )

    def refusals(self, build: Build) -> list[Problem]:
        """The executor knows one cache repository."""
        cache = build.image.cache
        problems = tagged_caches(build, "kaniko")
        if not build.image.pull:
            problems.append(Problem("kaniko always takes the newest base image", "pull"))
        if cache and cache.read:
            problems.append(
                Problem("kaniko reads from one repository only; use 'ref'", "cache", "read")
            )
        if len(build.name.path) < SHORTEST:
            sentence = (
                f"kaniko wants at least two characters behind the registry, got '{build.name.path}'"
            )
            problems.append(Problem(sentence, "image"))
        return problems


def _dockerfile(build: Build) -> str:
    return posixpath.normpath(posixpath.join(build.facts.root, build.dockerfile))


def _build_flags(build: Build) -> list[str]:
    image, retries = build.image, str(build.common.retries)
    context = posixpath.normpath(posixpath.join(build.facts.root, image.context))
    words = ["--context", f"dir://{context}", "--dockerfile", _dockerfile(build)]
    words += ["--log-format", "text", "--digest-file", Expand("$PW_TMP/digest")]
    words += ["--push-retry", retries, "--image-download-retry", retries]
    words.append("--cleanup")
    words += ["--target", image.target] if image.target else []
    words += flags("--build-arg", image.buildArgs) + flags("--label", build.labels)
    words += flags("--annotation", image.annotations) + list(options_of("kaniko", build))
    # One at most, of this node: then this pod builds a part (parts.py).
    words += [f"--custom-platform={platform}" for platform in image.platforms]
    if image.compression:
        words += ["--image-format", "oci", "--compression", image.compression]
    words += mounts("--secret", build) + flags("--destination", build.references)
    words += [] if image.push else ["--no-push"]
    layout = Expand("$pw_layout")
    return words + (["--oci-layout-path", layout] if image.output else [])


def _cache_flags(build: Build) -> list[str]:
    """Give the cache flags; the executor knows one repository for reading and writing."""
    cache = build.image.cache
    if cache is None or not cache.enabled or not cache.ref:
        return []
    words = ["--cache=true", f"--cache-repo={cache.ref}", "--cache-copy-layers"]
    return words if cache.write else [*words, "--no-push-cache"]


def _registry_flags(build: Build) -> list[str]:
    """Give the flags for registries without TLS, with an authority of their own, or mirrored."""
    words: list[str] = []
    paths = registries.certificate_paths(build.registries)
    for name, registry in build.registries.items():
        # The executor knows Docker Hub by the name of go-containerregistry (name.DefaultRegistry).
        host = "index.docker.io" if name == DOCKER_HUB else name
        words += ["--insecure-registry", host] if registry.http else []
        words += ["--skip-tls-verify-registry", host] if registry.skipTlsVerify else []
        if name in paths:
            words += ["--registry-certificate", Expand(f"{host}={paths[name]}")]
        if registry.client:
            pair = ",".join(f"{CLIENTS_DIR}/{name}/client.{end}" for end in ("cert", "key"))
            words += ["--registry-client-cert", f"{host}={pair}"]
        words += flags("--registry-map", tuple(f"{host}={mirror}" for mirror in registry.mirrors))
    return words


STRATEGY = Kaniko()

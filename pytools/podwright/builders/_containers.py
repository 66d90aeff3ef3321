"""What Buildah and Podman share: they are one library (containers/image, imagebuildah).

Flags: containers/buildah docs/buildah-build.1.md and buildah-push.1.md, containers/podman
docs/source/markdown/podman-build.1.md and podman-push.1.md.
"""

from __future__ import annotations

from podwright import registries
from podwright.builders._base import (
    Build,
    Recipe,
    Step,
    call,
    docker_flags,
    flags,
    mounts,
    options_of,
    pod,
    shell_functions,
    ssh_mounts,
    tagged_caches,
)
from podwright.references import names_registry
from podwright.shell import Expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.errors import Problem

FEATURES = frozenset(
    {"platforms", "secrets", "ssh", "cache", "output", "images", "cacheClaim"}
    | {"annotations", "compression", "addHosts", "ulimits", "buildContexts", "reproducible"}
)
OPTIONS = (
    "--cache-ttl=TIME",
    "--jobs=N",
    "--omit-history",
    "--skip-unused-stages={true|false}",
    "--squash",
    "--timestamp=N",
)
# Where the library looks for each registry's certificates (containers-certs.d(5)): the first that
# has a directory for the host. A pod's home is podwright's own; a laptop's is not.
CERTIFICATES = "/etc/containers/certs.d"
HOME_CERTIFICATES = "$HOME/.config/containers/certs.d"
CUT = "$PW_TMP/Dockerfile"
CONF = "$PW_TMP/registries.conf"
# The OCI image format has no place for these: they would be dropped. In the docker format, on the
# other hand, nothing is cached above a base image in the OCI format.
DOCKER_ONLY = frozenset({"SHELL", "HEALTHCHECK", "ONBUILD"})
# How often the program itself tries; containers.sh knows whether it takes that.
ONCE = (Expand("$pw_once"), Expand("$pw_pausing"))
# Written by storage.sh; the container's own, for no other pod has its kernel and its volume.
STORAGE_CONF = "/tmp/podwright-storage.conf"  # noqa: S108 - a path inside containers


def keep_alive(program: str, folder: str, before: str = "") -> list[str]:
    """Give the command of a container that chooses its storage driver and then waits."""
    script = before + shell_functions("storage") + pod.KEEP_ALIVE[2]
    return ["sh", "-c", script, folder, program]


def recipe(program: str, build: Build) -> Recipe:
    many = len(build.image.platforms) > 1
    env = _build_env(build)
    steps = [call("pw_prepare", program), _bases_step(build, env)]
    steps += [call("pw_forget", program, build.references[0])] if many else []
    words = (program, *_build_words(program, build))
    steps.append(Step(f"building {build.name}", words, "build", env))
    if many:
        asked = str(len(build.image.platforms))
        steps.append(call("pw_check_list", program, build.references[0], asked))
    if build.image.output:
        steps += _archive_steps(program, build)
    if build.image.push:
        steps += [_push_step(program, build, reference) for reference in build.references]
        steps += [_digest_step(program, build)] if many else []
    steps[:0] = _client_steps(build)
    files = _certificates(build)
    if build.content.cut:
        files[CUT] = build.content.cut
    if _has_conf(build):
        files[CONF] = registries.containers_conf(build.registries)
    return Recipe(
        steps=tuple(steps),
        cached=r"^--> Using cache",
        functions=shell_functions("containers"),
        files=files,
    )


def refusals(build: Build) -> list[Problem]:
    return tagged_caches(build, "Buildah")


def _certificates(build: Build) -> dict[str, str]:
    """Give the files of the own authorities, each for its registry alone where that can be."""
    if not build.facts.pod_builder:
        return registries.certificates(build.registries)
    return {
        f"{HOME_CERTIFICATES}/{host}/podwright.$$.crt": item.ca
        for host, item in build.registries.items()
        if item.ca
    }


def _client_steps(build: Build) -> list[Step]:
    """Put what this side shows beside the authority: the library reads one directory of a host."""
    return [
        call(
            *("ln", "-sf", f"{CERTIFICATES}/{host}/client.cert"),
            *(f"{CERTIFICATES}/{host}/client.key", Expand(f"{HOME_CERTIFICATES}/{host}/")),
        )
        for host, item in build.registries.items()
        if item.client and item.ca
    ]


def _cert_dir(build: Build) -> list[str]:
    """Give the flag for own authorities outside of pods, where it counts for every registry."""
    return [] if build.facts.pod_builder else registries.cert_dir(build.registries)


def has_short_names(build: Build) -> bool:
    """Say whether a base names no registry: containers-registries.conf(5), aliases."""
    names = [*build.content.bases, *build.content.sources]
    return not all(map(names_registry, names))


def _build_env(build: Build) -> dict[str, str]:
    """Point the library at the build's registries and the login for pulling."""
    env = {"BUILDAH_ISOLATION": "chroot", "TMPDIR": Expand("$pw_work"), **_registries_env(build)}
    # A cache is written by the build itself.
    cache = build.image.cache
    use = build.login("all", "pull", "push") if cache and cache.ref and cache.write else "pull"
    if use in build.auth:
        env["REGISTRY_AUTH_FILE"] = Expand(f"$PW_TMP/{use}/config.json")
    return env


def _build_words(program: str, build: Build) -> list[str]:
    image = build.image
    # Without --layers Buildah makes one layer of all steps and reads no cache; identity labels
    # would make images differ from those of other strategies; and a failed step's container would
    # stay mounted.
    words = ["build", *ONCE, "--isolation", "chroot", "--layers", "--identity-label=false"]
    words += ["--force-rm", "--format", Expand("$pw_format")]
    words += [] if image.pull else ["--pull=false"]
    # A cached image has the labels of the last stage's build, so that must be the target.
    words += ["--file", Expand(CUT) if build.content.cut else build.dockerfile]
    # Versions before 1.40 or so look for the context's .dockerignore only.
    words += ["--ignorefile", build.ignorefile] if build.ignorefile else []
    words += ["--target", image.target] if image.target else []
    words += ["--timestamp", str(build.epoch)] if build.epoch is not None else []
    words += flags("--build-arg", image.buildArgs)
    words += flags("--label", build.labels)
    words += mounts("--secret", build)
    words += ssh_mounts(build) + docker_flags(build) + list(options_of(program, build))
    words += _cache_flags(build)
    words += _cert_dir(build)
    if len(image.platforms) > 1:
        words += ["--platform", ",".join(image.platforms), "--manifest", build.references[0]]
    else:
        words += flags("--platform", image.platforms) + flags("--tag", build.references)
    return [*words, image.context]


def _cache_flags(build: Build) -> list[str]:
    """Give the cache flags; they take repositories without a tag."""
    cache = build.image.cache
    if cache is None:
        return []
    if not cache.enabled:
        return ["--no-cache"]
    read = [ref for ref in (cache.ref, *cache.read) if ref]
    words = [f"--cache-from={ref}" for ref in read]
    return words + ([f"--cache-to={cache.ref}"] if cache.ref and cache.write else [])


def _push_step(program: str, build: Build, reference: str) -> Step:
    """Push one tag; every tag writes the same digest file, the last one stays."""
    words = [program, "push", *ONCE, "--digestfile", Expand("$PW_TMP/digest")]
    source = reference
    if len(build.image.platforms) > 1:
        # With --digestfile a failed push of a list ends with 0 (buildah cmd/buildah/manifest.go).
        words, source = [program, "manifest", "push", "--all"], build.references[0]
    words += _push_flags(build)
    return Step(
        f"pushing {reference}",
        (*words, source, f"docker://{reference}"),
        "push",
        _registries_env(build),
    )


def _digest_step(program: str, build: Build) -> Step:
    """Push the list once more, for its digest; the registry has it all already."""
    words = [program, "manifest", "push", "--all", "--quiet"]
    words += ["--digestfile", Expand("$PW_TMP/digest"), *_push_flags(build)]
    target = f"docker://{build.references[-1]}"
    title = f"reading the digest of {build.references[-1]}"
    return Step(title, (*words, build.references[0], target), "push", _registries_env(build))


def _push_flags(build: Build) -> list[str]:
    words = _cert_dir(build)
    compression = build.image.compression
    words += ["--compression-format", compression] if compression else []
    if "push" in build.auth:
        words += ["--authfile", Expand("$PW_TMP/push/config.json")]
    item = build.registries.get(build.name.registry)
    if len(build.image.platforms) > 1 and item and (item.http or item.skipTlsVerify):
        # `manifest push` reads no CONTAINERS_REGISTRIES_CONF.
        words.append("--tls-verify=false")
    return words


def _has_conf(build: Build) -> bool:
    """Say whether the build brings its own registries.conf; a laptop's own one may stay."""
    return bool(build.registries or build.facts.pod_builder)


def _registries_env(build: Build) -> dict[str, str]:
    return {"CONTAINERS_REGISTRIES_CONF": Expand(CONF)} if _has_conf(build) else {}


def _bases_step(build: Build, env: dict[str, str]) -> Step:
    """Look at the base images, with the flags that pulling them needs."""
    platform = flags("--platform", build.image.platforms[:1])
    words = [*_cert_dir(build), *platform]
    pull = "yes" if build.image.pull else "no"
    form = "docker" if DOCKER_ONLY & build.content.instructions else "oci"
    return call("pw_bases", pull, form, *words, "--", *build.content.bases, env=env)


def _archive_steps(program: str, build: Build) -> list[Step]:
    """Write the OCI archive; `--output` of both programs would export a root file system."""
    many = len(build.image.platforms) > 1
    words = [program, "manifest", "push", "--all"] if many else [program, "push"]
    words += ["--digestfile", Expand("$PW_TMP/digest"), build.references[0]]
    target = f"oci-archive:{build.image.output}"
    if not many:
        target += f":{build.references[0]}"
    # An archive is written anew: the programs refuse to change one that exists.
    forget = call("rm", "-f", "--", build.image.output)
    return [forget, Step(f"writing {build.image.output}", (*words, target))]

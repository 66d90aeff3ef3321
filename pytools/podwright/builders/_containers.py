"""What Buildah and Podman share: they are one library (containers/image, imagebuildah).

Flags: containers/buildah docs/buildah-build.1.md and buildah-push.1.md, containers/podman
docs/source/markdown/podman-build.1.md and podman-push.1.md.
"""

from __future__ import annotations

from podwright import registries
from podwright.builders._base import Build, Expand, Recipe, Step, flags, mounts, ssh_mounts

FEATURES = frozenset({"platforms", "secrets", "ssh", "cache", "output", "images", "cacheClaim"})
CONF = "$PW_TMP/registries.conf"


def recipe(program: str, build: Build) -> Recipe:
    """Give the recipe of either program."""
    steps = [Step(f"building {build.name}", (program, *_build(build)), "build", _env(build))]
    if build.image.output:
        steps.append(_archive(program, build))
    if build.image.push:
        steps += [_push(program, build, reference) for reference in build.references]
    conf = registries.containers_conf(build.registries)
    return Recipe(
        steps=tuple(steps),
        cached=r"^--> Using cache",
        files={CONF: conf, **registries.certificates(build.registries)}
        if conf
        else registries.certificates(build.registries),
    )


def _env(build: Build) -> dict[str, str]:
    """Point the library at the build's registries and the login for pulling."""
    env = {"BUILDAH_ISOLATION": "chroot"}
    if registries.containers_conf(build.registries):
        env["CONTAINERS_REGISTRIES_CONF"] = Expand(CONF)
    if "pull" in build.auth:
        env["REGISTRY_AUTH_FILE"] = Expand("$PW_TMP/pull/config.json")
    return env


def _build(build: Build) -> list[str]:
    """Give the arguments of the build."""
    image = build.image
    # Without --layers Buildah makes one layer of all steps and reads no cache; identity labels
    # would make images differ from those of other strategies.
    words = ["build", "--isolation", "chroot", "--layers", "--identity-label=false"]
    words += ["--file", build.dockerfile]
    words += ["--target", image.target] if image.target else []
    words += flags("--build-arg", image.buildArgs)
    words += flags("--label", build.labels)
    words += mounts("--secret", build)
    words += ssh_mounts(build)
    words += _cache(build)
    words += registries.cert_dir(build.registries)
    if len(image.platforms) > 1:
        words += ["--platform", ",".join(image.platforms), "--manifest", build.references[0]]
    else:
        words += flags("--platform", image.platforms) + flags("--tag", build.references)
    return [*words, image.context]


def _cache(build: Build) -> list[str]:
    """Give the cache flags; they take repositories without a tag."""
    cache = build.image.cache
    if cache is None:
        return []
    if not cache.enabled:
        return ["--no-cache"]
    read = [ref for ref in (cache.ref, *cache.read) if ref]
    words = flags("--cache-from", tuple(read))
    return words + (["--cache-to", cache.ref] if cache.ref and cache.write else [])


def _push(program: str, build: Build, reference: str) -> Step:
    """Push one tag; every tag writes the same digest file, the last one stays."""
    many = len(build.image.platforms) > 1
    source = build.references[0] if many else reference
    words = [program, "manifest", "push", "--all"] if many else [program, "push"]
    words += ["--digestfile", Expand("$PW_TMP/digest"), *registries.cert_dir(build.registries)]
    if "push" in build.auth:
        words += ["--authfile", Expand("$PW_TMP/push/config.json")]
    conf = (
        {"CONTAINERS_REGISTRIES_CONF": Expand(CONF)}
        if _env(build).get("CONTAINERS_REGISTRIES_CONF")
        else {}
    )
    return Step(f"pushing {reference}", (*words, source, f"docker://{reference}"), "push", conf)


def _archive(program: str, build: Build) -> Step:
    """Write the OCI archive; `--output` of both programs would export a root file system."""
    many = len(build.image.platforms) > 1
    words = [program, "manifest", "push", "--all"] if many else [program, "push"]
    words += ["--digestfile", Expand("$PW_TMP/digest"), build.references[0]]
    target = f"oci-archive:{build.image.output}"
    return Step(
        f"writing {build.image.output}",
        (*words, target if many else f"{target}:{build.references[0]}"),
    )

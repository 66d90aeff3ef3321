"""What Buildah and Podman share: they are one library (containers/image, imagebuildah).

Flags: containers/buildah docs/buildah-build.1.md and buildah-push.1.md, containers/podman
docs/source/markdown/podman-build.1.md and podman-push.1.md.
"""

from __future__ import annotations

from podwright import registries
from podwright.builders._base import Build, Recipe, Step, call, flags, mounts, ssh_mounts
from podwright.shell import Expand

FEATURES = frozenset({"platforms", "secrets", "ssh", "cache", "output", "images", "cacheClaim"})
CONF = "$PW_TMP/registries.conf"
# The OCI image format has no place for these: they would be dropped. In the docker format, on the
# other hand, nothing is cached above a base image in the OCI format.
DOCKER_ONLY = frozenset({"SHELL", "HEALTHCHECK", "ONBUILD"})

FUNCTIONS = r"""
pw_containers() { # ids of all working containers of the storage
  case $pw_tool in
    buildah) buildah containers --quiet --notruncate ;;
    *) "$pw_tool" ps --all --external --quiet --no-trunc ;;
  esac 2>/dev/null
}

pw_prepare() { # program
  [ -z "${pw_tool:-}" ] || return 0
  pw_tool=$1
  pw_containers >"$PW_TMP/containers" || rm -f "$PW_TMP/containers"
  pw_work=$(mktemp -d "${TMPDIR:-/var/tmp}/podwright-work.XXXXXX" 2>/dev/null) ||
    pw_fail 1 "no temporary directory can be made in ${TMPDIR:-/var/tmp}; is the disk full?"
}

# A program that is killed leaves working containers, mounted, and temporary files. What began since
# is its own, unless another one is at work in the same place.
pw_cleanup() {
  [ -n "${pw_work:-}" ] || return 0
  [ "$pw_status" -lt 124 ] || pw_remove_containers
  grep -qF " $pw_work/" /proc/mounts 2>/dev/null || rm -rf "$pw_work"
}

pw_remove_containers() {
  [ -e "$PW_TMP/containers" ] || return 0
  for pw_stat in /proc/[0-9]*/comm; do
    { read -r pw_line <"$pw_stat"; } 2>/dev/null || continue
    [ "$pw_line" = "$pw_tool" ] || continue
    pw_place=$(readlink "${pw_stat%comm}ns/mnt") || continue
    [ "$pw_place" != "$(readlink /proc/self/ns/mnt)" ] || return 0
  done
  for pw_line in $(pw_containers); do
    grep -qx "$pw_line" "$PW_TMP/containers" && continue
    # Podman removes what is mounted by force only; Buildah knows no such flag.
    "$pw_tool" rm --force "$pw_line" >/dev/null 2>&1 || "$pw_tool" rm "$pw_line" >/dev/null 2>&1
  done
}

# A build adds to the list of its name, so what an earlier build on the same storage left under that
# name, a list or an image, would become part of this one or make it fail.
pw_forget() { # program, name
  "$1" manifest rm "$2" >/dev/null 2>&1 || "$1" rmi "$2" >/dev/null 2>&1 || :
}

# Looks for newer bases (one that is not in its registry may be an image of this storage) and
# chooses the format: what the OCI one has no place for may come from a base as well. Podman does
# not tell what a base has, but only docker's format has it.
pw_bases() { # look for newer ones (yes or no), format, flags of pull, --, images
  pw_pull=$1 pw_format=$2 pw_flags=
  shift 2
  while [ "$1" != -- ]; do
    pw_flags="$pw_flags $1"
    shift
  done
  shift
  case $pw_tool in
    buildah)
      pw_flags="--policy always$pw_flags" pw_none='<nil>[][]'
      pw_has='{{with .Docker.Config}}{{.Healthcheck}}{{.Shell}}{{.OnBuild}}{{end}}'
      ;;
    *) pw_has='{{.ManifestType}}' pw_none=application/vnd.oci.image.manifest.v1+json ;;
  esac
  for pw_base in "$@"; do
    if [ "$pw_pull" = yes ] || ! pw_config_of "$pw_base" >/dev/null; then
      # shellcheck disable=SC2086 # a list of words
      "$pw_tool" pull --quiet $pw_flags "$pw_base" >/dev/null 2>&1 3>&- || :
    fi
    pw_config=$(pw_config_of "$pw_base") || continue
    [ "$pw_config" = "$pw_none" ] || pw_format=docker
  done
}

pw_config_of() { # image
  case $pw_tool in
    buildah) buildah inspect --type image --format "$pw_has" "$1" ;;
    *) "$pw_tool" image inspect --format "$pw_has" "$1" ;;
  esac 2>/dev/null 3>&-
}

# Before Buildah 1.41 a list loses platforms whose images are alike (containers/buildah#6269).
pw_check_list() { # program, name, how many platforms
  pw_count=$("$1" manifest inspect "$2" 2>/dev/null | grep -c '"architecture"')
  [ "$pw_count" = "$3" ] ||
    pw_fail 1 "platforms: $3 were asked for and $1 has made a list of $pw_count; \
use a newer $1 (Buildah 1.41), or cache: false"
}
"""


def recipe(program: str, build: Build) -> Recipe:
    many = len(build.image.platforms) > 1
    env = _build_env(build)
    steps = [call("pw_prepare", program), _bases_step(build, env)]
    steps += [call("pw_forget", program, build.references[0])] if many else []
    words = (program, *_build_words(build))
    steps.append(Step(f"building {build.name}", words, "build", env))
    if many:
        asked = str(len(build.image.platforms))
        steps.append(call("pw_check_list", program, build.references[0], asked))
    if build.image.output:
        steps += _archive_steps(program, build)
    if build.image.push:
        steps += [_push_step(program, build, reference) for reference in build.references]
        steps += [_digest_step(program, build)] if many else []
    files = registries.certificates(build.registries)
    if _has_conf(build):
        files[CONF] = registries.containers_conf(build.registries)
    return Recipe(
        steps=tuple(steps),
        cached=r"^--> (Using cache|Cache pulled from remote)",
        functions=FUNCTIONS,
        files=files,
    )


def _build_env(build: Build) -> dict[str, str]:
    """Point the library at the build's registries and the login for pulling."""
    env = {"BUILDAH_ISOLATION": "chroot", "TMPDIR": Expand("$pw_work"), **_registries_env(build)}
    # A cache is written by the build itself.
    cache = build.image.cache
    use = build.login("all", "pull", "push") if cache and cache.ref and cache.write else "pull"
    if use in build.auth:
        env["REGISTRY_AUTH_FILE"] = Expand(f"$PW_TMP/{use}/config.json")
    return env


def _build_words(build: Build) -> list[str]:
    image = build.image
    # Without --layers Buildah makes one layer of all steps and reads no cache; identity labels
    # would make images differ from those of other strategies; and a failed step's container would
    # stay mounted.
    words = ["build", "--isolation", "chroot", "--layers", "--identity-label=false"]
    words += ["--force-rm", "--format", Expand("$pw_format")]
    words += [] if image.pull else ["--pull=false"]
    words += ["--file", build.dockerfile]
    # Versions before 1.40 or so look for the context's .dockerignore only.
    words += ["--ignorefile", build.ignorefile] if build.ignorefile else []
    words += ["--target", image.target] if image.target else []
    words += flags("--build-arg", image.buildArgs)
    words += flags("--label", build.labels)
    words += mounts("--secret", build)
    words += ssh_mounts(build)
    words += _cache_flags(build)
    words += registries.cert_dir(build.registries)
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
    words = flags("--cache-from", tuple(read))
    return words + (["--cache-to", cache.ref] if cache.ref and cache.write else [])


def _push_step(program: str, build: Build, reference: str) -> Step:
    """Push one tag; every tag writes the same digest file, the last one stays."""
    words = [program, "push", "--digestfile", Expand("$PW_TMP/digest")]
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
    words = registries.cert_dir(build.registries)
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
    words = [*registries.cert_dir(build.registries), *platform]
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

"""Rootless BuildKit as a native sidecar, and its client."""

from __future__ import annotations

import json

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
    ssh_mounts,
)
from podwright.errors import Problem
from podwright.paths import CLIENTS_DIR, ENGINE_DIR, FILES_DIR, POOL_DIR
from podwright.records import replace
from podwright.registries import unknown
from podwright.resources import LazyModule
from podwright.shell import Expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from podwright import caches, pools
    from podwright.request import Image, Registry
else:
    caches = LazyModule("podwright.caches")
    pools = LazyModule("podwright.pools")

SOCKET = f"unix://{ENGINE_DIR}/buildkitd.sock"
STORAGE = "/home/user/.local/share/buildkit"


class BuildKit(Strategy):
    """Rootless BuildKit beside the pipeline: parallel stages, the best cache, every feature.

    Costs: RUN steps can see the daemon's other processes (no process sandbox in Kubernetes), and
    nodes with AppArmor or default seccomp profiles must leave the daemon unconfined.
    """

    features = frozenset(
        {"platforms", "secrets", "ssh", "cache", "output", "images", "cacheClaim", "pool"}
        | {"annotations", "compression", "network", "addHosts", "ulimits", "shmSize"}
        | {"buildContexts", "reproducible"}
    )
    options = ("--opt=multi-platform={true|false}", "--opt=no-cache=NAMES")
    cache_types = ("registry", "inline", "s3", "azblob", "gha")
    cache_in_tag = True
    level = "baseline"
    needs = "user namespaces on the node; `confinement: 'unconfined'` where it has AppArmor"
    also = ("buildx", "buildctl", "buildkitd")
    rank = 10
    requires = "user namespaces"
    daemon_proxy = True

    def pod(self, context: PodContext) -> PodParts:
        """A client that passes `restricted`, and the daemon as user 1000."""
        image = context.images["buildkit"]
        if context.pool:
            return _client_alone(image, context.pool.certificates)
        return PodParts(
            builder=pod.container(
                "builder",
                image,
                command=[
                    "sh",
                    "-c",
                    pod.awaits(SOCKET, "buildctl debug workers") + pod.KEEP_ALIVE[2],
                ],
                env={"BUILDKIT_HOST": SOCKET, "HOME": "/home/user"},
                mounts={"engine": ENGINE_DIR},
                resources=pod.CLIENT,
                security=pod.RESTRICTED,
                awaited=True,
                more=pod.TELLS_WHY,
            ),
            engines=(_daemon_sidecar(image, context),),
            volumes=(pod.scratch("storage", "20Gi"), pod.scratch("engine")),
            storage="storage",
            clients={"engine": CLIENTS_DIR},
            files={"buildkitd.toml": _buildkitd_toml(context.registries)},
            security=pod.claim_security(context.options),
            reasons={"engine": "escalation: newuidmap sets up the user namespace of the daemon"},
        )

    def daemon_setting(self, registry: Registry) -> bool:
        """Pushing over plain HTTP can be said in each call; the rest is buildkitd.toml's."""
        return bool(registry.skipTlsVerify or registry.ca or registry.mirrors or registry.client)

    def recipe(self, build: Build) -> Recipe:
        """Build and push in one call; the daemon keeps what was done when it is tried again."""
        if build.pool and len(build.image.platforms) > 1:
            return _apart(build)
        first = [_choice(build)] if build.pool else []
        return Recipe(
            steps=(*first, _step(build)),
            digest_file=Expand("$PW_TMP/metadata.json"),
            digest_key="containerimage.digest",
            cached=r"^#[0-9]+ CACHED",
            functions=shell_functions("progress") + (shell_functions("pool") if first else ""),
        )

    def refusals(self, build: Build) -> list[Problem]:
        """The host's network would be the pod's, with all that listens in it."""
        found = []
        if build.image.network == "host":
            sentence = "BuildKit's steps have no network of the host here; use 'default' or 'none'"
            found.append(Problem(sentence, "network"))
        if build.pool and build.image.output and len(build.image.platforms) > 1:
            sentence = (
                "is one archive, and a pool builds each platform apart; leave one of both out"
            )
            found.append(Problem(sentence, "output"))
        return found

    def local(self) -> str:
        """`buildctl` on PATH, with BUILDKIT_HOST naming a daemon."""
        return "buildctl"

    def ready(self, env: Mapping[str, str]) -> bool:
        """A client without a daemon's address builds nothing."""
        return bool(env.get("BUILDKIT_HOST"))


def _client_alone(image: str, certificates: str) -> PodParts:
    """Give a pod without an engine: it passes `restricted`, and has nothing to wait for."""
    return PodParts(
        builder=pod.container(
            "builder",
            image,
            command=pod.KEEP_ALIVE,
            env={"HOME": "/home/user"},
            read_only={"pool": POOL_DIR},
            resources=pod.CLIENT,
            security=pod.RESTRICTED,
        ),
        volumes=({"name": "pool", "secret": {"secretName": certificates}},),
        clients={"builder": CLIENTS_DIR},
    )


def _step(build: Build, metadata: str = "$PW_TMP/metadata.json") -> Step:
    """Give the one call that builds and pushes."""
    program = ["buildctl", *(["--tlsdir", Expand("$pw_keys")] if build.pool else [])]
    words = [*program, "build", "--progress", "plain", *_source_flags(build)]
    words += ["--metadata-file", Expand(metadata), *_output_flags(build)]
    env = build.docker_config(build.login("all", "push", "pull"))
    return Step(f"building {build.name}", tuple(words), "build", env)


def _choice(build: Build, platform: str = "") -> Step:
    """Name the daemons of the pool that are tried, the image's favourite first."""
    assert build.pool  # noqa: S101 - for the type checker
    wanted = platform or "".join(build.image.platforms)
    return call("pw_pool", build.pool.name, *pools.addresses(build.pool, str(build.name), wanted))


def _apart(build: Build) -> Recipe:
    """Build each platform on its own daemons, all at once, and join them to one index."""
    steps = []
    for number, platform in enumerate(build.image.platforms):
        image = _for_platform(build.image, platform)
        one = _step(replace(build, image=image, tags=()), f"$PW_TMP/metadata-{number}.json")
        env = [Expand(f"{name}={value}") for name, value in one.env.items()]
        title = f"{one.title} for {platform}"
        beside = call("pw_beside", platform, title, "env", *env, *one.argv)
        steps += [_choice(build, platform), beside]
    steps.append(call("pw_together"))
    if build.image.push:
        asked = json.dumps({**build.place(), "tags": build.tags})
        steps.append(call("pw_join", build.login("all", "push"), asked))
    return Recipe(
        steps=tuple(steps),
        digest_file="",
        cached=r"^#[0-9]+ CACHED",
        functions=shell_functions("progress") + shell_functions("pool"),
    )


def _for_platform(image: Image, platform: str) -> Image:
    cache = caches.of_platform(image.cache, platform) if image.cache else None
    return replace(image, platforms=(platform,), cache=cache)


def _daemon_sidecar(image: str, context: PodContext) -> dict[str, Any]:
    """Give the daemon's native sidecar (moby/buildkit examples/kubernetes/pod.rootless.yaml)."""
    return pod.sidecar(
        "engine",
        image,
        command=_claim_command() if context.options.cacheClaim else None,
        args=[
            f"--addr={SOCKET}",
            f"--config={FILES_DIR}/buildkitd.toml",
            # Kubernetes cannot unmask /proc, so a sandboxed worker cannot mount its own.
            "--oci-worker-no-process-sandbox",
        ],
        mounts={"storage": STORAGE, "engine": ENGINE_DIR},
        resources=pod.ENGINE,
        security={
            "privileged": False,
            "allowPrivilegeEscalation": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "runAsNonRoot": True,
            **pod.profiles(context.options),
        },
    )


def _claim_command() -> list[str]:
    """Keep the state below a directory of its own on the claim."""
    run = 'exec rootlesskit buildkitd --root="$0" "$@"'
    return pod.alone_on_claim(f"{STORAGE}/state", run)


def _source_flags(build: Build) -> list[str]:
    image = build.image
    folder, _, name = build.dockerfile.rpartition("/")
    words = ["--frontend", "dockerfile.v0", "--local", f"context={image.context}"]
    words += ["--local", f"dockerfile={folder or '.'}", "--opt", f"filename={name}"]
    words += ["--opt", f"target={image.target}"] if image.target else []
    words += [] if image.pull else ["--opt", "image-resolve-mode=local"]
    arguments = dict(image.buildArgs)
    if build.epoch is not None:
        arguments.setdefault("SOURCE_DATE_EPOCH", str(build.epoch))
    words += flags("--opt", {f"build-arg:{key}": value for key, value in arguments.items()})
    words += flags("--opt", {f"label:{key}": value for key, value in build.labels.items()})
    if image.platforms:
        words += ["--opt", f"platform={','.join(image.platforms)}"]
    words += _run_flags(image) + list(options_of("buildkit", build))
    return words + mounts("--secret", build) + ssh_mounts(build) + _cache_flags(build)


def _run_flags(image: Image) -> list[str]:
    """Give what RUN steps and further contexts have (moby/buildkit frontend/dockerui)."""
    given = {
        "force-network-mode": image.network if image.network != "default" else "",
        "add-hosts": ",".join(f"{name}={ip}" for name, ip in image.addHosts.items()),
        "ulimit": ",".join(f"{name}={limit}" for name, limit in image.ulimits.items()),
        "shm-size": str(_bytes(image.shmSize)) if image.shmSize else "",
    }
    words = flags("--opt", {name: value for name, value in given.items() if value})
    for name, place in image.buildContexts.items():
        if "://" in place:
            words += ["--opt", f"context:{name}={place}"]
        else:
            words += ["--local", f"{name}={place}", "--opt", f"context:{name}=local:{name}"]
    return words


def _bytes(size: str) -> int:
    unit = size[-1].lower()
    factor = {"k": 1024, "m": 1024**2, "g": 1024**3}.get(unit, 1)
    return int(size.rstrip("bkmgBKMG")) * factor


def _cache_flags(build: Build) -> list[str]:
    cache = build.image.cache
    if cache is None:
        return []
    if not cache.enabled:
        return ["--no-cache"]
    own = build.references if cache.type == "inline" else (cache.ref,)
    words = [
        f"--import-cache=type=registry,ref={ref}{_http_attribute(build, ref)}"
        for ref in (*own, *cache.read)
        if ref
    ]
    # A cache that cannot be written costs the next build time, not this one its result.
    more = f",mode={cache.mode},ignore-error=true"
    if cache.type == "inline":
        words += ["--export-cache=type=inline"] if cache.write else []
    elif cache.type not in ("", "registry"):
        given = "".join(f",{key}={value}" for key, value in cache.options.items())
        words.append(f"--import-cache=type={cache.type}{given}")
        words += [f"--export-cache=type={cache.type}{given}{more}"] if cache.write else []
    elif cache.ref and cache.write:
        http = _http_attribute(build, cache.ref)
        words.append(f"--export-cache=type=registry,ref={cache.ref}{more}{http}")
    return words


def _output_flags(build: Build) -> list[str]:
    """Give where the result goes; several names are one CSV field, so they are quoted."""
    words: list[str] = []
    if build.image.output:
        words += [
            "--output",
            f"type=oci,dest={build.image.output},name={build.references[0]}"
            + _image_attributes(build),
        ]
    if build.image.push:
        more = _image_attributes(build)
        names = ",".join(build.references) or str(build.name)
        more += "" if build.tags else ",push-by-digest=true"
        http = _http_attribute(build, names)
        words += [
            "--output",
            f'type=image,"name={names}",push=true,oci-mediatypes=true{http}{more}',
        ]
    return words


def _image_attributes(build: Build) -> str:
    """Give what the exporter makes of the image; a field of CSV doubles its quotes."""
    image, text = build.image, ""
    for name, value in image.annotations.items():
        quoted = f"annotation.{name}={value}".replace('"', '""')
        text += f',"{quoted}"'
    if build.epoch is not None:
        text += ",rewrite-timestamp=true"
    if image.compression:
        text += f",compression={image.compression},force-compression=true"
    return text


def _http_attribute(build: Build, ref: str) -> str:
    """Give the attribute that allows plain HTTP for the registry of a reference.

    By it TLS is tried first, which proxies may refuse; a daemon that was told of it does not.
    """
    host = ref.split("/", 1)[0]
    registry, told = build.registries.get(host), build.facts.engine_registries
    if not registry or not registry.http:
        return ""
    knows = told and not build.pool and not unknown({host: registry}, told)
    return "" if knows else ",registry.insecure=true"


def _buildkitd_toml(registries: Mapping[str, Registry]) -> str:
    """Give buildkitd.toml (moby/buildkit docs/buildkitd.toml.md); JSON texts are TOML texts."""
    lines: list[str] = []
    for host, registry in sorted(registries.items()):
        lines.append(f"[registry.{json.dumps(host)}]")
        lines += ["  http = true"] if registry.http else []
        lines += ["  insecure = true"] if registry.skipTlsVerify else []
        if registry.mirrors:
            lines.append(f"  mirrors = {json.dumps(list(registry.mirrors))}")
        if registry.ca:
            lines.append(f'  ca = ["{FILES_DIR}/{pod.ca_file(host)}"]')
        if registry.client:
            folder = f"{CLIENTS_DIR}/{host}"
            lines.append(f"  [[registry.{json.dumps(host)}.keypair]]")
            lines += [f'    cert = "{folder}/client.cert"', f'    key = "{folder}/client.key"']
    return "\n".join(lines) + "\n"


STRATEGY = BuildKit()

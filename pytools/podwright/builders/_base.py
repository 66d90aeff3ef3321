"""What a strategy gives: its pod and its recipe. Everything else is the core's business."""

from __future__ import annotations

import re

from podwright.config import EngineSettings
from podwright.dockerfile import Dockerfile
from podwright.errors import Problem
from podwright.records import field, record
from podwright.resources import LazyModule, text
from podwright.shell import Expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from podwright import pod as pod  # noqa: PLC0414 - builders take it from here
    from podwright.pools import Pool
    from podwright.references import Name
    from podwright.request import Common, Image, Pod, Registry
    from podwright.workspace import Facts
else:
    # A script that is planned inside a pod makes none.
    pod = LazyModule("podwright.pod")

# What a request can ask of a strategy: machine name -> what it is called in sentences.
FEATURES: dict[str, str] = {
    "platforms": "build for another or several platforms",
    "secrets": "mount secrets",
    "ssh": "mount ssh keys",
    "cache": "read and write a registry cache",
    "output": "write an OCI archive",
    "images": "build several images in one pod",
    "cacheClaim": "keep its storage on a volume claim",
    "pool": "build on a pool of daemons",
    "annotations": "annotate the image",
    "compression": "choose the compression",
    "network": "choose the network of RUN steps",
    "addHosts": "add host names",
    "ulimits": "set ulimits",
    "shmSize": "set the size of /dev/shm",
    "buildContexts": "take further contexts",
    "reproducible": "build reproducibly",
    "api": "offer a Docker API to the pipeline",
}


@record
class Step:
    """One command of a recipe.

    Attributes:
        title: what the log says before it.
        argv: the command; plain words are quoted, :class:`Expand` words are expanded.
        retry: which failures are tried again: those of a ``build``, of a ``push``, or ``none``.
        env: environment of this command alone.
        is_function: whether the command is a function of the recipe, which says its own titles.
    """

    title: str
    argv: tuple[str, ...]
    retry: str = "none"
    env: Mapping[str, str] = field(default_factory=dict)
    is_function: bool = False


def call(*argv: str, env: Mapping[str, str] | None = None) -> Step:
    """Give the step that calls a shell function of the recipe."""
    return Step("", argv, env=env or {}, is_function=True)


@record
class Recipe:
    """How one image is built and pushed.

    Attributes:
        steps: the commands, in order.
        digest_file: file in which the builder records the pushed digest.
        digest_key: key of the digest when that file is JSON; '' when it holds the digest alone.
        cached: extended regular expression of log lines that tell of a cached step.
        functions: shell functions that the steps call; constant text, no data.
        files: configuration files written before the first step, by path.
    """

    steps: tuple[Step, ...]
    digest_file: str = Expand("$PW_TMP/digest")
    digest_key: str = ""
    cached: str = "^$"
    functions: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


@record
class Build:
    """One image of a request with everything that was worked out for it.

    Attributes:
        image: the request's own fields.
        name: repository.
        tags: at least one.
        labels: the user's and the standard ones; values may be :class:`Expand`.
        dockerfile: path of the Dockerfile, from the workspace.
        auth: which of ``$PW_TMP/pull``, ``push`` and ``all`` have logins; ``all`` is there when
            those for pulling and for pushing differ.
        content: what the Dockerfile says.
        ignorefile: the ignore file of this Dockerfile alone, '' when there is none.
        epoch: seconds since 1970, the time that files and image get; None leaves theirs.
        pool: whose daemons build it; None for the pod's own builder.
        compared: what is asked before it is built, None for nothing
            (:func:`podwright.compared.question`).
    """

    image: Image
    common: Common
    name: Name
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    dockerfile: str
    auth: frozenset[str]
    registries: Mapping[str, Registry]
    facts: Facts
    content: Dockerfile = Dockerfile()
    ignorefile: str = ""
    epoch: int | None = None
    pool: Pool | None = None
    compared: Mapping[str, Any] | None = None

    @property
    def references(self) -> tuple[str, ...]:
        """Give repository with tag for each tag."""
        return tuple(f"{self.name}:{tag}" for tag in self.tags)

    def docker_config(self, use: str) -> dict[str, str]:
        """Give the environment that makes a client use the logins, when there are any."""
        return {"DOCKER_CONFIG": Expand(f"$PW_TMP/{use}")} if use in self.auth else {}

    def place(self, name: Name | None = None) -> dict[str, Any]:
        """Give where the image is, or another one, for who asks the registry about it."""
        name = name or self.name
        item = self.registries.get(name.registry)
        names = ("http", "skipTlsVerify", "ca")
        setting = {name: getattr(item, name) for name in names if item and getattr(item, name)}
        return {"registry": name.registry, "path": name.path, "setting": setting}

    def login(self, *uses: str) -> str:
        """Give the first of some uses that has logins; '' without any."""
        return next((use for use in uses if use in self.auth), "")


@record
class PodContext:
    """What a strategy may know when it makes its pod.

    Attributes:
        policy: the organisation's policy for engines that a plugin polices.
        engine: the organisation's settings of engines inside pods.
        secrets: Kubernetes secrets with docker logins, by name; '' counts for none.
        proxy: the variables of the proxy, by name.
        roomy: whether the planner's container also scans, attests and signs.
        pool: whose daemons build; None for an engine of the pod's own.
    """

    images: Mapping[str, str]
    registries: Mapping[str, Registry]
    options: Pod
    policy: Mapping[str, Any] = field(default_factory=dict)
    engine: EngineSettings = field(default_factory=EngineSettings)
    secrets: tuple[str, ...] = ()
    proxy: Mapping[str, str] = field(default_factory=dict)
    roomy: bool = False
    pool: Pool | None = None


@record
class PodParts:
    """What a strategy puts into its pod; the core adds the planner, volumes and options.

    Attributes:
        builder: the container that runs the script.
        engines: native sidecars, in start order; all other containers wait for their start.
        services: containers that are started behind the agent, before the builder.
        volumes: beside those that every pod has.
        storage: name of the volume that a claim can replace, '' for none.
        files: text files for the sidecars by name, mounted by the downward API.
        clients: where a container looks for the certificates that it shows, by container.
        security: the pod's own securityContext.
        spec: further fields of the pod's spec.
        reasons: why each privilege is needed, by container; they become an annotation.
    """

    builder: dict[str, Any]
    engines: tuple[dict[str, Any], ...] = ()
    services: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()
    storage: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    clients: Mapping[str, str] = field(default_factory=dict)
    security: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


class Strategy:
    """A strategy. One file in this package is one strategy, found by its name.

    The class docstring's first line is the strategy's line in all documentation.

    Attributes:
        features: what it can do, of :data:`FEATURES`.
        level: the Pod Security level that its pod needs: privileged, baseline or restricted.
        needs: what it asks of the cluster, in a few words.
        path_logins: whether its logins may be for a path of a registry.
        requires: what a node must have that admission does not tell of, '' for nothing.
        daemon_proxy: whether a daemon that starts with the pod goes through the proxy.
        shows_dev: whether RUN steps see this container's /dev, and so what lies in /dev/shm.
        shows_logins: whether RUN steps see the processes and files of the build itself.
        options: flags of its program that `builderOptions` may pass on. Behind `=` stand `N` for a
            number, TIME, SIZE, NAMES, or the words that there are: `{one|other}`.
        also: what people call it otherwise.
        cache_types: the kinds of caches that it knows.
        cache_in_tag: whether a cache is one tag; else each layer has one, in a repository for them.
        rank: order of safety for `auto` and for documentation; lower is safer.
    """

    features: frozenset[str] = frozenset()
    level: str = "privileged"
    needs: str = ""
    also: tuple[str, ...] = ()
    requires: str = ""
    rank: int = 100
    path_logins: bool = False
    options: tuple[str, ...] = ()
    cache_types: tuple[str, ...] = ("registry",)
    cache_in_tag: bool = False
    daemon_proxy: bool = False
    shows_dev: bool = False
    shows_logins: bool = False

    def pod(self, context: PodContext) -> PodParts:
        """Give the parts of the pod."""
        raise NotImplementedError

    def recipe(self, build: Build) -> Recipe:
        """Give the commands that build and push one image."""
        raise NotImplementedError

    def daemon_setting(self, registry: Registry) -> bool:
        """Say whether a registry's settings belong to a daemon that starts with the pod."""
        return bool(registry.client)  # mounted when it starts

    def refusals(self, build: Build) -> list[Problem]:
        """Give a problem for each value that the strategy cannot honour; features are not here."""
        return []

    def elsewhere(self, build: Build) -> bool:
        """Say whether a base may be another image than the registry that its name tells has."""
        return False

    def local(self) -> str:
        """Give the program by which `podwright build` finds the strategy; '' for never."""
        return ""

    def ready(self, env: Mapping[str, str]) -> bool:
        """Say whether the program alone is enough, by the environment of a laptop."""
        return True


def shell_functions(name: str) -> str:
    """Give the shell functions that recipes share, without the head of their file."""
    return text(f"builders/{name}.sh").partition("\n\n")[2]


def tagged_caches(build: Build, program: str) -> list[Problem]:
    """Refuse tags in cache references, for builders that keep each layer under a tag of its own."""
    cache = build.image.cache
    refs = (cache.ref, *cache.read) if cache else ()
    return [
        Problem(
            f"{program} keeps layers under tags of its own; leave out the tag of '{ref}'", "cache"
        )
        for ref in refs
        if ":" in ref.rsplit("/", 1)[-1]
    ]


_VALUES = {
    "N": "[0-9]+",
    "TIME": "[0-9]+(ms|s|m|h)",
    "SIZE": "[0-9]+[bkmgBKMG]?",
    "NAMES": "[A-Za-z0-9_.,-]+",
}


def matches_option(given: str, known: str) -> bool:
    """Say whether a flag is of the form of one that may be passed on."""
    name, mark, value = known.rpartition("=")
    words = "|".join(map(re.escape, value.strip("{}").split("|")))
    pattern = _VALUES.get(value, f"({words})")
    return (
        re.fullmatch(f"{re.escape(name)}={pattern}" if mark else re.escape(known), given)
        is not None
    )


def options_of(name: str, build: Build) -> tuple[str, ...]:
    """Give what `builderOptions` passes on to a builder."""
    return build.image.builderOptions.get(name, ())


def docker_flags(build: Build) -> list[str]:
    """Give the flags for RUN steps and contexts that docker, Buildah and Podman share."""
    image = build.image
    words = flags("--network", (image.network,) if image.network else ())
    words += flags("--add-host", tuple(f"{name}:{ip}" for name, ip in image.addHosts.items()))
    words += flags("--ulimit", image.ulimits) + flags("--annotation", image.annotations)
    words += flags("--shm-size", (image.shmSize,) if image.shmSize else ())
    return words + flags("--build-context", image.buildContexts)


def flags(name: str, values: Mapping[str, str] | tuple[str, ...]) -> list[str]:
    """Repeat a flag: ``--label k=v`` for each pair, or ``--flag v`` for each value."""
    if isinstance(values, tuple):
        return [word for value in values for word in (name, value)]
    words: list[str] = []
    for key, value in values.items():
        pair = f"{key}={value}"
        words += [name, Expand(pair) if isinstance(value, Expand) else pair]
    return words


def secret_sources(build: Build) -> list[tuple[str, str, str]]:
    """Give id, kind (`env` or `src`) and value of each secret; paths may be :class:`Expand`."""
    found: list[tuple[str, str, str]] = []
    for secret in build.image.secrets:
        if secret.variable and secret.type == "file":
            found.append((secret.id, "src", Expand(f"${secret.variable}")))
        elif secret.variable or secret.env:
            found.append((secret.id, "env", secret.variable or secret.env))
        else:
            found.append((secret.id, "src", secret.src))
    return found


def mounts(flag: str, build: Build, csv: str = "id={id},{kind}={value}") -> list[str]:
    """Give the flags for secrets in the form that BuildKit, Buildah and kaniko's fork share."""
    words: list[str] = []
    for name, kind, value in secret_sources(build):
        text = csv.format(id=name, kind=kind, value=value)
        words += [flag, Expand(text) if isinstance(value, Expand) else text]
    return words


def ssh_mounts(build: Build) -> list[str]:
    """Give the ``--ssh`` flags: a key file, or the agent's socket."""
    words: list[str] = []
    for key in build.image.ssh:
        variable = Expand(f"{key.id}=${key.variable or 'SSH_AUTH_SOCK'}")
        words += ["--ssh", variable if key.variable or not key.src else f"{key.id}={key.src}"]
    return words

"""The request of ``buildImage`` and ``withBuilderPod``: the only schema.

Names follow docker/build-push-action and BuildKit where those have one. JSON Schema, ``--help`` and
the pages of the steps are generated from the declarations here.
"""

from __future__ import annotations

import re

from podwright import strategies
from podwright.errors import Findings, Problem, UsageError, guess, shown
from podwright.records import field, fields, record
from podwright.references import HOST, PATH, canonical
from podwright.schema import (
    Anything,
    Choice,
    Duration,
    Flag,
    Invalid,
    LateRecordOf,
    ListOf,
    MapOf,
    Number,
    RecordOf,
    Text,
    option,
    parse_fields,
    told,
    unknown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"
KUBERNETES_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
PLATFORM = r"[a-z0-9]+/[a-z0-9_]+(?:/v[0-9]+)?"
# The kernel's MAX_ARG_STRLEN: one argument, with its end mark, fits into 32 pages.
LONGEST_ARGUMENT = 131_071
# Half of the usual ARG_MAX of 2 MiB; the rest is for the environment.
LONGEST_COMMAND = 1_000_000


@record
class _Builder(Choice):
    """A strategy by its name; what people call it otherwise is told."""

    def guess(self, word: str) -> str:
        meant = [
            f"'{name}'" for name, other in strategies.everything().items() if word in other.also
        ]
        return f"; it is called {' or '.join(meant)} here" if meant else super().guess(word)


BUILDER = _Builder(words=lambda: [*strategies.names(), "auto"], what="builder")


_VALUE = Text(numbers=True, booleans=True)
_PATH = Text(pattern=r"[\s\S]+", expected="a path")
_ID = Text(pattern=r"[A-Za-z0-9_.-]+", expected="an id")
_VARIABLE = Text(pattern=IDENTIFIER, expected="a variable")


CACHE_TYPES = ("", "registry", "inline", "s3", "azblob", "gha")


@record
class Cache:
    """Where layers come from and go to."""

    type: str = option(
        Choice(words=lambda: CACHE_TYPES, what="type of cache"),
        "registry; inline: in the image itself; s3, azblob, gha: where the builder has them",
        "",
    )
    ref: str = option(
        Text(),
        "repository (with a tag if you like) to read from and to write to; without it beside the "
        "image, one per branch",
        "",
    )
    read: tuple[str, ...] = option(ListOf(Text()), "further repositories to read from", ())
    write: bool = option(Flag(), "also write; false on branches makes builds faster", default=True)
    mode: str = option(
        Choice(words=lambda: ("max", "min"), what="cache mode"),
        "max writes the layers of all stages, min those of the result",
        "max",
    )
    options: dict[str, str] = option(
        MapOf(
            Text(pattern=r'[^,"\n]+', expected="a value without comma and quote"),
            key=r"[a-z_]+",
            key_is="an attribute",
        ),
        "of s3, azblob and gha: attributes, e.g. [bucket: 'ci', region: 'eu-west-1']",
        {},
    )
    compare: bool = option(
        Flag(),
        "a large context, or one for 20 steps or more, is compared with that of the last build "
        "first, and when nothing has changed its image gets new labels and tags; false always "
        "asks the builder",
        default=True,
    )
    enabled: bool = option(Flag(), "false builds every layer anew", default=True)


@record
class CacheOf(RecordOf):
    """A cache by its type, by its repository, or in full."""

    def parse(self, value: Any) -> Any:
        """Return the cache; true is the usual one."""
        words = {True: {"type": "registry"}, "none": False}
        words.update((name, {"type": name}) for name in ("registry", "inline"))
        return super().parse(words.get(value, value) if isinstance(value, (str, bool)) else value)


@record
class Secret:
    """A secret of the build: mounted for single RUN steps, never part of the image."""

    id: str = option(_ID, "the id in the Dockerfile", required=True)
    credentialsId: str = option(Text(), "Jenkins credential: secret text or secret file", "")
    type: str = option(
        Choice(words=lambda: ("string", "file"), what="type"),
        "kind of the Jenkins credential",
        "string",
    )
    env: str = option(_VARIABLE, "environment variable that holds it", "")
    src: str = option(_PATH, "file that holds it", "")
    variable: str = option(_VARIABLE, "set by the step itself", "", internal=True)


@record
class Ssh:
    """An ssh agent or key for `RUN --mount=type=ssh`."""

    id: str = option(_ID, "the id in the Dockerfile", "default")
    credentialsId: str = option(Text(), "Jenkins credential: SSH user name with private key", "")
    type: str = option(
        Choice(words=lambda: ("sshUserPrivateKey", "file"), what="type"),
        "kind of the Jenkins credential",
        "sshUserPrivateKey",
    )
    src: str = option(
        _PATH, "private key file; without it and without a credential the agent's socket", ""
    )
    variable: str = option(_VARIABLE, "set by the step itself", "", internal=True)


@record
class Host(Text):
    """The host of a registry, by its one name."""

    path: bool = False  # whether a path may follow

    def parse(self, value: Any) -> str:
        """Return the host, with its path when one may follow."""
        text = canonical(super().parse(value))
        scheme, mark, rest = text.partition("://")
        if mark:
            host = rest.partition("/")[0]
            plain = f", with registries: ['{host}': [http: true]]" if scheme == "http" else ""
            raise Invalid(f"{shown(text)} has a scheme; write '{rest.rstrip('/')}'{plain}")
        host, _, path = text.partition("/")
        fits = not path or (self.path and re.fullmatch(PATH, path))
        if not re.fullmatch(HOST, host) or not fits or text.endswith("/"):
            form = "r.example:5000/path" if self.path else "r.example:5000"
            raise Invalid(f"{shown(text)} is not a registry; write a host such as '{form}'")
        return text


@record
class Credential:
    """How to log in to a registry."""

    credentialsId: str = option(Text(), "Jenkins credential of the kind that `type` says", "")
    registry: str = option(
        Host(path=True),
        "host with port (and a path, for Buildah and Podman); without it the registry of the image",
        "",
    )
    type: str = option(
        Choice(
            words=lambda: ("usernamePassword", "string", "file", "ecr", "gar", "acr"), what="type"
        ),
        "string: a token; file: a docker config or a Google key; ecr, gar, acr: the pod's own "
        "identity",
        "usernamePassword",
    )
    username: str = option(Text(), "the user that a token (type: 'string') belongs to", "")
    secret: str = option(
        Text(pattern=KUBERNETES_NAME, expected="the name of a secret"),
        "instead of a credential: a docker-registry secret of Kubernetes; needs `pod`",
        "",
    )
    use: str = option(
        Choice(words=lambda: ("both", "pull", "push"), what="use"),
        "where this login applies: pull, push or both",
        "both",
    )
    variable: str = option(
        _VARIABLE,
        "prefix of the variables <it>_USR and <it>_PSW (or <it> for a token or file); set by the "
        "step",
        "",
        internal=True,
    )


@record
class ProxyAddress(Text):
    """Where a proxy is."""

    def parse(self, value: Any) -> str:
        """Return the address; it is no place for a password, which everybody would see there."""
        text = super().parse(value)
        if "@" in text:
            raise Invalid("has a login in it, which everybody would see; use a proxy without one")
        if not re.fullmatch(r"https?://[^\s/]+/?", text):
            raise Invalid(f"{shown(text)} is not a proxy; write e.g. 'http://proxy.example:3128'")
        return text


@record
class Proxy:
    """The way out, for pulling, pushing and RUN steps."""

    http: str = option(ProxyAddress(), "for plain HTTP, e.g. 'http://proxy.example:3128'", "")
    https: str = option(ProxyAddress(), "for HTTPS; without it as `http`", "")
    no: tuple[str, ...] = option(
        ListOf(Text(pattern=r"[^\s,]+", expected="a host, a domain or a network")),
        "what is reached without it: hosts, domains ('.example'), networks",
        (),
    )

    def variables(self) -> dict[str, str]:
        """Give the variables that programs read; those of curl are in lower case."""
        near = ",".join(("localhost", "127.0.0.1", *self.no))
        given = {"HTTP_PROXY": self.http, "HTTPS_PROXY": self.https or self.http, "NO_PROXY": near}
        named = {name: value for name, value in given.items() if value}
        return {**named, **{name.lower(): value for name, value in named.items()}}


REGISTRIES = "settings of registries (plain HTTP, CA, mirrors), by host"


@record
class Registry:
    """Settings of one registry."""

    http: bool = option(Flag(), "plain HTTP", default=False)
    skipTlsVerify: bool = option(Flag(), "HTTPS whose certificate is not checked", default=False)
    ca: str = option(
        _PATH, "certificates of its authority: a file of the workspace, or the PEM text", ""
    )
    client: str = option(
        Text(pattern=KUBERNETES_NAME, expected="the name of a secret"),
        "TLS secret of Kubernetes with the certificate that this side shows; needs `pod`",
        "",
    )
    mirrors: tuple[str, ...] = option(
        ListOf(Host(path=True)),
        "registries to try first when pulling: hosts, with a path or not",
        (),
    )


_KUBERNETES = Text(
    pattern=KUBERNETES_NAME, expected="a name in Kubernetes (lower case, digits, '-' and '.')"
)
# What each field of a toleration may be; None for any text (k8s.io/api core/v1, Toleration).
_TOLERATION: dict[str, tuple[str, ...] | None] = {
    "key": None,
    "value": None,
    "tolerationSeconds": None,
    "operator": ("Equal", "Exists", "Lt", "Gt"),
    "effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
}


@record
class _Toleration(Anything):
    """A toleration; Kubernetes would refuse the pod when it is too late to tell where."""

    def parse(self, value: Any) -> Any:
        found: list[Problem] = []
        for name, given in super().parse(value).items():
            words = _TOLERATION.get(name)
            if name not in _TOLERATION:
                found.append(unknown("parameter", name, _TOLERATION))
            elif words and given not in words:
                found.append(
                    Problem(f"unknown {name} {shown(given)}{guess(str(given), words)}", name)
                )
        if found:
            raise Invalid(*found)
        return value


@record
class Pod:
    """What the pod should have beside what the strategy needs."""

    yaml: Any = option(
        Anything(types=(str, dict)),
        "your own pod, complete or in part; merged by name, nothing is dropped",
        None,
    )
    resources: dict[str, Any] = option(
        MapOf(Anything(), key=r"[a-z0-9-]+", key_is="a container"),
        "requests and limits by container, e.g. [builder: [limits: [memory: '8Gi']]]",
        {},
    )
    nodeSelector: dict[str, str] = option(MapOf(Text()), "labels that the node must have", {})
    tolerations: tuple[Any, ...] = option(ListOf(_Toleration()), "taints that are tolerated", ())
    serviceAccount: str = option(_KUBERNETES, "the pod's service account", "")
    labels: dict[str, str] = option(MapOf(Text()), "labels of the pod", {}, flag="--label")
    annotations: dict[str, str] = option(MapOf(Text()), "annotations of the pod", {})
    cacheClaim: str = option(
        Text(
            pattern=r"(?:[a-z0-9]|\{image\})(?:(?:[a-z0-9.-]|\{image\})*(?:[a-z0-9]|\{image\}))?",
            expected="a name in Kubernetes (lower case, digits, '-' and '.'; '{image}' in it)",
        ),
        "name of a persistent volume claim for the builder's storage; one build at a time uses it. "
        "'cache-{image}' is a claim for each image",
        "",
    )
    imagePullSecrets: tuple[str, ...] = option(
        ListOf(_KUBERNETES), "secrets for pulling the pod's images", ()
    )
    runtimeClass: str = option(_KUBERNETES, "runtime class, e.g. of a sandboxed runtime", "")
    confinement: str = option(
        Choice(words=lambda: ("node", "unconfined"), what="confinement"),
        "seccomp and AppArmor of rootless builders: the node's default, or unconfined (for nodes "
        "with AppArmor; the namespace must admit `privileged`)",
        "node",
    )
    userNamespace: bool = option(
        Flag(),
        "run the pod in a user namespace (hostUsers: false; Kubernetes >= 1.33 and nodes that "
        "support it). Required to run containers through Podman's socket",
        default=False,
    )
    assignedUser: bool = option(
        Flag(),
        "containers that need no certain user id get the namespace's, as OpenShift's restricted-v2 "
        "wants; those that build keep theirs, and need anyuid there",
        default=False,
    )
    socketGroup: int = option(
        Number(0, 2**31 - 1), "group id of the node's docker.sock; 0 reaches it as user 0", 0
    )
    deadline: int = option(
        Duration(), "Kubernetes ends the pod after this time; 0 for never", 43200
    )
    cloud: str = option(Text(), "name of the Jenkins cloud; passed to podTemplate", "")


@record
class _Provenance(Choice):
    """How much provenance says: true or 'min', 'max' with the names of more parameters."""

    booleans: ClassVar[tuple[bool, ...]] = (True, False)

    def parse(self, value: Any) -> str:
        if isinstance(value, bool):
            return "min" if value else ""
        if value not in self.words():
            raise Invalid(f"expected true, false, 'min' or 'max', got {told(value)}")
        return str(value)


PROVENANCE = _Provenance(words=lambda: ("min", "max"))

# What is done around a build by other commands, when an image asks for it: see sequence.py.
AROUND = ("lint", "verify", "scan", "pushApart", "sbom", "provenance", "sign")


@record
class Image:
    """One image to build."""

    image: str = option(
        Text(), "name with registry, e.g. 'registry.example/team/app'", required=True
    )
    tags: tuple[str, ...] = option(
        ListOf(Text(numbers=True)),
        "tags to push, or rules such as 'type=semver'; default: short hash of the commit",
        (),
        flag="--tag",
    )
    context: str = option(_PATH, "folder that COPY reads from", ".")
    dockerfile: str = option(_PATH, "path of the Dockerfile; without it the context's", "")
    target: str = option(Text(), "stage to build", "")
    buildArgs: dict[str, str] = option(
        MapOf(_VALUE, key=IDENTIFIER, key_is="an identifier (letters, digits, '_')"),
        "values of ARG; they stay visible in the image's history, so no secrets",
        {},
        flag="--build-arg",
    )
    labels: dict[str, str | None] = option(
        MapOf(_VALUE, key=r"[^=\s]+", key_is="a label's name (no space, no '=')", nulls=True),
        "labels of the image; the standard OCI ones are filled in, null leaves one out",
        {},
        flag="--label",
    )
    platforms: tuple[str, ...] = option(
        ListOf(Text(pattern=PLATFORM, expected="a platform such as 'linux/arm64'"), unique=True),
        "platforms to build for; without any the node's own",
        (),
        flag="--platform",
    )
    reproducible: bool = option(
        Flag(),
        "files and image get the time of SOURCE_DATE_EPOCH, else of the commit",
        default=False,
    )
    pull: bool = option(Flag(), "look for newer base images, also where one is there", default=True)
    push: bool = option(Flag(), "push to the registry", default=True)
    output: str = option(_PATH, "also write an OCI archive to this file of the workspace", "")
    cache: Cache | None = option(
        CacheOf(of=Cache, shorthand="ref", flag="enabled"),
        "layer cache across pods: true (beside the image), 'inline', a repository, a map, or false",
        None,
    )
    annotations: dict[str, str] = option(
        MapOf(_VALUE, key=r"[^=\s]+", key_is="an annotation's name (no space, no '=')"),
        "annotations of the image's manifest",
        {},
        flag="--annotation",
    )
    compression: str = option(
        Choice(words=lambda: ("", "gzip", "zstd"), what="compression"),
        "of layers; without it what the builder does",
        "",
    )
    network: str = option(
        Choice(words=lambda: ("", "default", "none", "host"), what="network"),
        "network of RUN steps",
        "",
    )
    addHosts: dict[str, str] = option(
        MapOf(
            Text(
                pattern=r"[0-9.]+|[0-9a-fA-F]*:[0-9a-fA-F:.]+|host-gateway", expected="an address"
            ),
            key=r"[A-Za-z0-9_.-]+",
            key_is="a host's name",
        ),
        "names that RUN steps know, with their addresses",
        {},
        flag="--add-host",
    )
    ulimits: dict[str, str] = option(
        MapOf(
            Text(
                pattern=r"-?[0-9]+(:-?[0-9]+)?",
                expected="a limit such as '1024:2048'",
                numbers=True,
            ),
            key=r"[a-z]+",
            key_is="a limit's name",
        ),
        "limits of RUN steps, e.g. [nofile: '1024:2048']",
        {},
        flag="--ulimit",
    )
    shmSize: str = option(
        Text(pattern=r"[0-9]+[bkmgBKMG]?", expected="a size such as '256m'", numbers=True),
        "size of /dev/shm in RUN steps",
        "",
        flag="--shm-size",
    )
    buildContexts: dict[str, str] = option(
        MapOf(_PATH, key=r"[a-z0-9][a-z0-9_./:@-]*", key_is="a name in lower case"),
        "further contexts for COPY --from and FROM: folders, or docker-image://NAME",
        {},
        flag="--build-context",
    )
    builderOptions: dict[str, tuple[str, ...]] = option(
        MapOf(ListOf(Text()), key=r"[a-z-]+", key_is="a builder"),
        "flags of one builder, by its name: [kaniko: ['--single-snapshot']]; those that are known "
        "not to reach further",
        {},
    )
    secrets: tuple[Secret, ...] = option(
        ListOf(RecordOf(of=Secret)), "secrets for RUN --mount=type=secret", (), flag="--secret"
    )
    ssh: tuple[Ssh, ...] = option(
        ListOf(RecordOf(of=Ssh, shorthand="id")), "keys for RUN --mount=type=ssh", ()
    )
    lint: Any = option(
        LateRecordOf(where="podwright.supply.linting:Linting", shorthand="failOn"),
        "first look for mistakes in the Dockerfile: true, the lowest level that fails, or a map "
        "as of lintDockerfile",
        None,
    )
    verify: Any = option(
        LateRecordOf(where="podwright.supply.parameters:Trust", shorthand="key"),
        "first verify the signatures of base images: a public key, or a map as of verifyImage",
        None,
    )
    scan: Any = option(
        LateRecordOf(where="podwright.supply.parameters:Scanning", shorthand="failOn"),
        "scan before it is pushed: true, the lowest severity that fails, or a map as of scanImage",
        None,
    )
    pushApart: bool = option(
        Flag(),
        "push from a container of its own: no RUN step can reach a login with use: 'push'",
        default=False,
    )
    sbom: bool = option(Flag(), "attach SBOMs to the image, as attestImage does", default=False)
    provenance: str = option(
        PROVENANCE, "attach provenance to the image, as attestImage does: true, or 'max'", ""
    )
    sign: Any = option(
        LateRecordOf(where="podwright.supply.parameters:Sign", shorthand="key"),
        "sign the image and its attestations: the key's credential, or a map as of attestImage",
        None,
    )


@record
class PodParameters:
    """All parameters of ``withBuilderPod``: what a pod is made of."""

    builder: str = option(BUILDER, "the strategy; see `podwright builders`", "")
    registries: dict[str, Registry] = option(
        MapOf(RecordOf(of=Registry), keys=Host()), REGISTRIES, {}, flag="--registry"
    )
    pool: str = option(
        Text(),
        "a pool of the organisation's config, whose daemons build; the pod then has none",
        "",
    )
    proxy: Proxy | None = option(
        RecordOf(of=Proxy, shorthand="http"),
        "the way out, for daemons, clients and RUN steps",
        None,
    )
    pod: Pod | None = option(
        RecordOf(of=Pod), "changes to the pod; the pod is then planned on the agent", None
    )


@record
class Common(PodParameters):
    """What all images of a request share."""

    credentials: tuple[Credential, ...] = option(
        ListOf(RecordOf(of=Credential, shorthand="credentialsId")),
        "logins: Jenkins credential ids, or maps",
        (),
        flag="--credential",
        help="login from variables: variable=X for X_USR and X_PSW, registry=HOST, use=pull",
    )
    retries: int = option(
        Number(0, 20), "how often a transient failure is tried again (within two minutes)", 5
    )
    record: bool = option(
        Flag(),
        "in Jenkins: name the images in the build's description and keep the result as an artifact",
        default=False,
    )
    report: bool = option(
        Flag(),
        "in Jenkins: make a page of the build, also when it fails; the plugin HTML Publisher shows "
        "it, and without that it is an artifact",
        default=False,
    )
    steps: str = option(
        Text(),
        "set by the step itself: where the steps are noted for the report",
        "",
        internal=True,
    )
    podPerPlatform: bool = option(
        Flag(),
        "in Jenkins: build each of `platforms` in a pod on nodes of its own kind, all at once, and "
        "join them to one index",
        default=False,
    )
    part: bool = option(
        Flag(),
        "set by the step itself: this pod builds one platform of several",
        default=False,
        internal=True,
    )
    timeout: int = option(
        Duration(),
        "building and pushing end after this time; 0 for never. Waiting for the pod and running "
        "the closure do not count",
        7200,
    )
    alone: bool = option(
        Flag(),
        "set by the step itself: nothing is done around this build",
        default=False,
        internal=True,
    )


@record
class Request:
    """A request whose parameters were checked.

    Attributes:
        common: what holds for all images.
        images: at least one for a build, none for a bare pod.
        single: whether the caller asked for one image (and gets a map) or for a list.
    """

    common: Common = field(default_factory=Common)
    images: tuple[Image, ...] = ()
    single: bool = True


@record
class BuildParameters(Common, Image):
    """All parameters of ``buildImage``; only its fields are used, for parsing and documentation."""

    images: tuple[Any, ...] = option(
        ListOf(Anything()),
        "several images in one pod: maps with the parameters of one image each",
        (),
    )


def parse_build(
    value: dict[str, Any], defaults: dict[str, Any] | None = None, found: Findings | None = None
) -> Request:
    """Check the map that ``buildImage`` was given.

    Args:
        value: the request.
        defaults: values from config files for what the request leaves out.
        found: receives what cannot be read, for a caller that has more to check and then ends with
            all of it; what could be read is checked with the rest at its defaults.

    Raises:
        UsageError: it is no map; without ``found`` all that cannot be read.
    """
    if not isinstance(value, dict):
        raise UsageError("the request is not a map; give named parameters, e.g. image: 'team/app'")
    merged = {**(defaults or {}), **{k: v for k, v in value.items() if v is not None}}
    reading = found or Findings()
    request = (_several if "images" in merged else _single)(merged, reading)
    if found is None:
        reading.raise_if_any()
    return request


def _single(merged: dict[str, Any], found: Findings) -> Request:
    parsed = _readable(BuildParameters, merged, found)
    return Request(_own_part(Common, parsed), (_own_part(Image, parsed),))


def _several(merged: dict[str, Any], found: Findings) -> Request:
    """Parse a request for several images: what stands beside `images` holds for each of them.

    An element that is no map becomes an empty image, so that those behind it keep their numbers.
    """
    shared = {item.name for item in fields(Image)}
    outer = {name: merged[name] for name in merged if name in shared and name != "image"}
    common = {name: merged[name] for name in merged if name not in shared and name != "images"}
    if "image" in merged:
        sentence = "cannot stand beside 'images'; name the image in each element"
        found.add_unreadable([Problem(sentence, "image")])
    read = _own_part(Common, _readable(_Outer, common, found))
    images: list[Image] = []
    elements = merged["images"] if isinstance(merged["images"], list) else []
    if not elements:
        found.add_unreadable([Problem("expected a list with at least one map", "images")])
    for number, element in enumerate(elements):
        place = ("images", number)
        if isinstance(element, dict):
            images.append(Image(**_readable(Image, {**outer, **element}, found, *place)))
        else:
            found.add_unreadable([Problem("expected a map", *place)])
            images.append(Image(image=""))
    return Request(read, tuple(images), single=False)


def _readable(
    cls: type, value: dict[str, Any], found: Findings, *place: str | int
) -> dict[str, Any]:
    try:
        return parse_fields(cls, value)
    except Invalid as error:
        found.add_unreadable(problem.below(*place) for problem in error.problems)
        rest: dict[str, Any] = error.rest
        return rest


@record
class _Outer(Common):
    """The parameters beside `images` that are no image's."""


def parse_pod(
    value: dict[str, Any], defaults: dict[str, Any] | None = None, found: Findings | None = None
) -> Request:
    """Check the map that ``withBuilderPod`` was given; as :func:`parse_build` does."""
    known = {item.name for item in fields(PodParameters)}
    others = {item.name for item in fields(BuildParameters)} - known
    merged = {k: v for k, v in (defaults or {}).items() if k in known}
    merged.update({k: v for k, v in value.items() if v is not None and k not in others})
    reading = found or Findings()
    sentence = "does nothing here; it is a parameter of buildImage"
    reading.add_unreadable(Problem(sentence, name) for name in value if name in others)
    request = Request(Common(**_readable(PodParameters, merged, reading)))
    if found is None:
        reading.raise_if_any()
    return request


def _own_part(cls: type, parsed: dict[str, Any]) -> Any:
    return cls(**{i.name: parsed[i.name] for i in fields(cls) if i.name in parsed})


def is_build(value: dict[str, Any]) -> bool:
    """Tell a request for an image from one for a bare pod, which has none of an image's names."""
    return "images" in value or any(item.name in value for item in fields(Image))

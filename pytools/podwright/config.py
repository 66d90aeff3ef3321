"""Organisation and repository config, merged: request > repository > organisation > default.

The organisation's comes from the administrator (`PODWRIGHT_CONFIG`: the text or a path), the
repository's from `.podwright.yaml` in the workspace. JSON is YAML, so JSON works everywhere and
needs no library.
"""

from __future__ import annotations

from pathlib import Path

from podwright import images, request, strategies
from podwright.errors import Problem, UsageError, shown
from podwright.limits import Limit, Rules, of_job
from podwright.records import field, record, replace
from podwright.resources import LazyModule
from podwright.schema import (
    Anything,
    Choice,
    Flag,
    Invalid,
    LateRecordOf,
    ListOf,
    MapOf,
    RecordOf,
    Text,
    option,
    parse_fields,
)
from podwright.sources import Document, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright import pools
    from podwright.authz import limits
    from podwright.pools import Pool
else:
    limits = LazyModule("podwright.authz.limits")
    pools = LazyModule("podwright.pools")

REPOSITORY_FILE = ".podwright.yaml"
DEFAULTS = "parameters of buildImage for what a call leaves out"
# Those of Docker Engines on Linux (docs.docker.com/engine/storage/drivers).
DRIVERS = ("", "overlay2", "overlayfs", "fuse-overlayfs", "btrfs", "zfs", "vfs")


class Defaults(Anything):
    """Parameters of `buildImage`, checked where they stand, and kept as they were written."""

    def parse(self, value: Any) -> Any:
        given = super().parse(value)
        if "builder" in given:
            # In a pod that is there it would clash with that pod's strategy; the setting does not.
            sentence = "is a setting of its own; write it beside 'defaults'"
            raise Invalid(Problem(sentence, "builder"))
        parse_fields(request.BuildParameters, {"image": "x", **given})
        return given


class _AllTeamsDefaults(Defaults):
    """The same for all teams, whose images have names of their own."""

    def parse(self, value: Any) -> Any:
        given = super().parse(value)
        sentence = "is what each call names; leave it out here"
        problems = [Problem(sentence, name) for name in ("image", "images") if name in given]
        if problems:
            raise Invalid(*problems)
        return given


class Roles(MapOf):
    """References of images by the roles that there are."""

    def parse(self, value: Any) -> dict[str, Any]:
        given = super().parse(value)
        problems = images.unknown(given)
        if problems:
            raise Invalid(*problems)
        return given


@record
class RepositoryConfig:
    """What a repository may set in `.podwright.yaml`."""

    builder: str = option(request.BUILDER, "the strategy of a call that names none", "")
    registries: dict[str, request.Registry] = option(
        MapOf(RecordOf(of=request.Registry), keys=request.Host()), request.REGISTRIES, {}
    )
    defaults: dict[str, Any] = option(Defaults(), DEFAULTS, {})


@record
class EngineSettings:
    """What an administrator decides about Docker Engines inside pods."""

    storageDriver: str = option(
        Choice(words=lambda: DRIVERS, what="storage driver"),
        "storage driver; without one that works is chosen",
        "",
    )
    acceptOld: bool = option(
        Flag(),
        "start a policed engine older than 29.5.1, which containers can leave by way of docker cp",
        default=False,
    )
    newPrivileges: bool = option(
        Flag(),
        "let setuid programs (su, sudo) of a policed engine's containers work",
        default=False,
    )


@record
class Narrowing(Choice):
    """A word of a profile's own list: the list of a config may only leave things out."""

    def parse(self, value: Any) -> str:
        if isinstance(value, str) and value not in self.words():
            raise Invalid(
                f"{self.what} {shown(value)} is not in the profile; add it knowingly, with 'widen'"
            )
        return super().parse(value)


@record
class Widening(Text):
    """A capability that is added to a profile knowingly."""

    def parse(self, value: Any) -> str:
        text = super().parse(value)
        plain = text.upper().removeprefix("CAP_")
        if plain in limits.NEVER_CAPABILITIES:
            raise Invalid(
                f"{shown(text)} leads out of every container and is never allowed; use the "
                "strategy 'dind' on a cluster of its own instead"
            )
        if plain != text:
            raise Invalid(f"{shown(text)} is not the plain name; write '{plain}'")
        return text


@record
class Subnet(Text):
    """Addresses that the engine's networks may have."""

    def parse(self, value: Any) -> str:
        text = super().parse(value)
        if not limits.is_subnet(text):
            raise Invalid(f"{shown(text)} is not a subnet such as 198.18.0.0/15")
        return text


_PLAIN_PATH = Text(r"(?:/(?!\.\.?(?:/|$))[^/]+)+", "an absolute path without '.' and '..'")


@record
class Widened:
    """What is added to a profile knowingly."""

    capabilities: tuple[str, ...] = option(ListOf(Widening()), "what `--cap-add` may name", ())
    sysctls: tuple[str, ...] = option(ListOf(Text()), "what `--sysctl` may name", ())


@record
class Policy:
    """What the policed Docker Engine allows."""

    profile: str = option(
        Choice(lambda: limits.PROFILES, "profile"), "which groups of requests are open", "run"
    )
    buildkit: bool = option(Flag(), "whether `/grpc` and `/session` are open", default=True)
    imports: bool = option(
        Flag(), "whether images may come from archives (load, import, commit)", default=True
    )
    capabilities: tuple[str, ...] = option(
        ListOf(Narrowing(lambda: limits.CAPABILITIES, "capability")),
        "what `--cap-add` may name; the engine's own when left out",
        (),
    )
    sysctls: tuple[str, ...] = option(
        ListOf(Narrowing(lambda: limits.SYSCTLS, "sysctl")),
        "what `--sysctl` may name; Kubernetes' safe ones when left out",
        (),
    )
    subnets: tuple[str, ...] = option(
        ListOf(Subnet()),
        "where networks have their addresses, chosen or asked for; nothing that the pod reaches "
        "may be in them",
        ("198.18.0.0/15",),
    )
    workspace: str = option(
        _PLAIN_PATH, "where builder and engine share the workspace volume", "/home/jenkins/agent"
    )
    volume: str = option(
        Text(r"[A-Za-z0-9][A-Za-z0-9_.-]+", "a volume's name (letters, digits, '_', '.', '-')"),
        "the engine's name for that volume",
        "workspace",
    )
    audit: str = option(
        _PLAIN_PATH,
        "a file for the log of decisions, such as `/run/podwright-client/authz.jsonl`",
        "",
    )
    widen: Widened = option(RecordOf(Widened), "what is added knowingly", Widened())


@record
class PolicyOf(RecordOf):
    """A policy, given on as it was written: the plugin's defaults are its own."""

    def parse(self, value: Any) -> Any:
        checked = super().parse(value)
        made = {key: getattr(checked, key) for key in value}
        if "widen" in made:
            made["widen"] = {key: getattr(checked.widen, key) for key in value["widen"]}
        return _as_json(made)


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items() if item is not None}
    return list(value) if isinstance(value, tuple) else value


POLICY = PolicyOf(Policy)


@record
class OrganisationConfig(RepositoryConfig):
    """What an administrator sets for all teams."""

    defaults: dict[str, Any] = option(_AllTeamsDefaults(), DEFAULTS, {})
    builders: tuple[str, ...] = option(
        ListOf(Choice(words=strategies.names, what="builder")),
        "the strategies that may be used; all when left out",
        (),
    )
    images: dict[str, str] = option(
        Roles(Text(r"(?!\w+://)\S+", "a reference (no scheme)")),
        "images to use instead of podwright's own, by role",
        {},
    )
    engine: EngineSettings = option(
        RecordOf(of=EngineSettings), "settings of Docker Engines inside pods", EngineSettings()
    )
    policy: dict[str, Any] = option(POLICY, "what the policed Docker Engine allows", {})
    owner: str = option(Text(), "whom to ask about limits; every refusal names it", "")
    limits: tuple[Limit, ...] = option(
        ListOf(RecordOf(of=Limit)), "what jobs may ask for; each limit narrows", ()
    )
    pools: dict[str, Any] = option(
        MapOf(
            LateRecordOf(where="podwright.pools:Pool"),
            key=r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
            key_is="a pool's name (lower case, digits and '-')",
        ),
        "daemons that run all the time, by the name that `pool` names; one pool per trust zone",
        {},
    )
    order: tuple[str, ...] = option(
        ListOf(Choice(words=strategies.names, what="builder")),
        "what `auto` tries first; all others follow, the safest first",
        (),
    )
    unable: dict[str, str] = option(
        MapOf(Text(), keys=Choice(words=strategies.names, what="builder")),
        "strategies that cannot run here, with the reason; `podwright doctor --write` records it",
        {},
    )


@record
class Config:
    """Both configs, merged.

    Attributes:
        defaults: what a request leaves out.
        owner: whom to ask about limits.
        bound: those of the organisation that name Jenkins credentials.
        builder: the strategy when the request names none.
        allowed: strategies that may be used; empty for all.
        images: references by role that replace those of the table.
        registries: settings by host.
        policy: what a policed engine allows.
        engine: settings of engines inside pods.
        rules: the limits of the job.
        limits: those of all jobs.
        pools: by name.
        order: the strategies that `auto` tries first.
        unable: why strategies cannot run here.
    """

    defaults: dict[str, Any] = field(default_factory=dict)
    owner: str = ""
    bound: dict[str, Any] = field(default_factory=dict)
    builder: str = ""
    allowed: tuple[str, ...] = ()
    images: dict[str, str] = field(default_factory=dict)
    registries: dict[str, request.Registry] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    engine: EngineSettings = EngineSettings()
    rules: Rules = Rules()
    limits: tuple[Limit, ...] = ()
    pools: dict[str, Pool] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    unable: dict[str, str] = field(default_factory=dict)


def _documents(organisation: str, workspace: Path | None) -> tuple[Document | None, ...]:
    """Read the organisation's config and the repository's; None for one that is not there."""
    path = workspace / REPOSITORY_FILE if workspace else None
    return (
        Document(*organisation_text(organisation)) if organisation.strip() else None,
        Document(read_text(path, path.name), REPOSITORY_FILE) if path and path.exists() else None,
    )


def locate_default(organisation: str, workspace: Path | None, problem: Problem) -> Problem:
    """Give a problem of what `defaults` say with its place in the config that says it."""
    for document in _documents(organisation, workspace)[::-1]:
        told = (document.value or {}).get("defaults") if document else None
        if document and problem.place and not problem.mark and problem.place[0] in (told or {}):
            return document.locate(problem.below("defaults"))
    return problem


def load(
    organisation: str, workspace: Path | None, root: Path | None = None, job: str = ""
) -> Config:
    """Read and merge the configs.

    Args:
        organisation: a path, or the YAML text itself, or ''.
        workspace: where to look for the repository's file; None for nowhere.
        root: where the paths of certificates start from; None leaves them as they are.
        job: the name of the job, for its limits.

    Raises:
        UsageError: a config cannot be read or is wrong; with file, line and column where known.
    """
    first, second = _documents(organisation, workspace)
    org = OrganisationConfig(**_parsed_config(first, OrganisationConfig, root) if first else {})
    repo = RepositoryConfig(**_parsed_config(second, RepositoryConfig, root) if second else {})
    return Config(
        defaults={**org.defaults, **repo.defaults},
        bound={k: v for k, v in org.defaults.items() if k not in repo.defaults and _is_bound(k, v)},
        builder=repo.builder or org.builder,
        allowed=org.builders,
        images=org.images,
        policy=org.policy,
        engine=org.engine,
        rules=of_job(org.limits, org.owner, job),
        limits=org.limits,
        owner=org.owner,
        pools=pools.named(org.pools) if org.pools else {},
        order=org.order,
        unable=org.unable,
        registries={**org.registries, **repo.registries},
    )


def _is_bound(parameter: str, value: Any) -> bool:
    """Say whether a default names a credential, which Jenkins alone can give."""
    if parameter == "sign":
        held = value if isinstance(value, dict) else {"key": value}
        given = [held[name] for name in ("key", "password", "token") if name in held]
        return any(_is_bound("credentials", item) for item in given)
    if parameter not in ("credentials", "secrets", "ssh"):
        return False
    items = value if isinstance(value, list) else [value]
    return any(
        not item.get("variable") and "credentialsId" in item
        if isinstance(item, dict)
        else parameter == "credentials"
        for item in items
    )


def organisation_text(value: str) -> tuple[str, str]:
    """Give the organisation's config as text, with the name that errors use for it."""
    if "\n" in value.strip() or value.lstrip().startswith("{") or ": " in value:
        return value, "PODWRIGHT_CONFIG"
    path = Path(value.strip())
    if not path.is_file():
        raise UsageError(f"PODWRIGHT_CONFIG: there is no file '{path}'; correct the path")
    return read_text(path, path.name), str(path)


def _parsed_config(document: Document, cls: type, root: Path | None) -> dict[str, Any]:
    """Check one config; the certificates of its registries stand in the place of their paths."""
    if document.value is None:
        return {}
    if not isinstance(document.value, dict):
        raise UsageError(f"{document.origin}:1:1: expected a map of settings")
    try:
        parsed = parse_fields(cls, document.value)
        if root and "registries" in parsed:
            parsed["registries"] = with_certificates(parsed["registries"], root)
    except Invalid as error:
        raise UsageError(map(document.locate_setting, error.problems)) from None
    if document.value.get("builders") == []:
        problem = Problem("is empty, which would allow none; leave it out to allow all", "builders")
        raise UsageError([document.locate_setting(problem)])
    allowed = (*parsed.get("builders", ()), "auto")
    if len(allowed) > 1 and parsed.get("builder", "auto") not in allowed:
        problem = Problem("is not one of 'builders'; correct one of both", "builder")
        raise UsageError([document.locate_setting(problem)])
    return parsed


def with_certificates(
    registries: dict[str, request.Registry], root: Path
) -> dict[str, request.Registry]:
    """Put the certificates themselves in the place of the paths that name them.

    Raises:
        Invalid: a problem for each file that cannot be read or is no PEM file; its rest is what
            could be read.
    """
    filled, problems = dict(registries), []
    for host, item in registries.items():
        if item.ca and "-----BEGIN" not in item.ca:
            try:
                text = (root / item.ca).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                text = ""
            if "-----BEGIN CERTIFICATE-----" not in text:
                sentence = f"there is no PEM file '{item.ca}'; name one, or give its text"
                problems.append(Problem(sentence, "registries", host, "ca"))
            filled[host] = replace(item, ca=text)
    if problems:
        raise Invalid(*problems, rest=filled)
    return filled

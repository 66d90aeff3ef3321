"""Request in, plan out: the pure function that everything stands around."""

from __future__ import annotations

import posixpath
import re

from podwright import pod, registries, script, strategies
from podwright.builders._base import FEATURES, Build, PodContext, Strategy
from podwright.errors import Findings, UsageError
from podwright.images import resolve
from podwright.records import record, replace
from podwright.references import TAG, Name, parse_name, tag_like
from podwright.request import LONGEST_ARGUMENT, LONGEST_COMMAND, Common, Image, Pod, Request
from podwright.schema import shown
from podwright.shell import Expand
from podwright.workspace import instructions, path_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.config import Config
    from podwright.workspace import Facts

CONTAINER = "builder"
# What Groovy makes of "${env.NAME}" when there is no such variable.
_UNSET_TAG = re.compile(r"(?:^|[-_.])null(?:$|[-_.])")
_UNSET_NAME = re.compile(r"(?:^|[/:])null(?:$|[/:])")
_UNSET_WHY = "has 'null' in it, which Groovy writes for a variable that is not set; set it"


@record
class Plan:
    """What is to be done.

    Attributes:
        builder: the strategy.
        pod: the complete pod.
        container: the container in which the script runs.
        script: POSIX shell; see ``prelude.sh`` for its variables.
    """

    builder: str
    pod: dict[str, Any]
    container: str
    script: str

    def as_json(self) -> dict[str, Any]:
        """Give the plan as `podwright plan` prints it."""
        return {
            "builder": self.builder,
            "container": self.container,
            "pod": self.pod,
            "script": self.script,
        }


def choose(request: Request, config: Config) -> str:
    """Choose the strategy: request, then config, then the safest that can do what is asked.

    Raises:
        UsageError: it is not allowed, or nothing that is allowed can do what is asked.
    """
    wanted = request.common.builder or config.builder or "auto"
    if wanted == "auto":
        return _safest_strategy(request, config)
    if config.allowed and wanted not in config.allowed:
        raise UsageError(
            f"builder: '{wanted}' is not allowed by the organisation; "
            f"allowed are {', '.join(sorted(config.allowed))}"
        )
    return wanted


def _allowed_strategies(config: Config) -> dict[str, Strategy]:
    """Give the strategies that may be used, the safest first."""
    return {
        name: strategy
        for name, strategy in strategies.everything().items()
        if not config.allowed or name in config.allowed
    }


def _safest_strategy(request: Request, config: Config) -> str:
    """Give the safest allowed strategy that can do what the request asks."""
    asked = needs(request)
    for name, strategy in _allowed_strategies(config).items():
        if not set(asked) - strategy.features:
            return name
    wanted = ", ".join(FEATURES[name] for name in asked)
    raise UsageError(
        f"builder: no strategy that is allowed can {wanted}; ask for less ("
        f"{', '.join(asked.values())}), or have one allowed that can"
    )


def needs(request: Request) -> dict[str, str]:
    """Give the features that a request asks for, with the parameter that asks."""
    asked: dict[str, str] = {}
    for image in request.images:
        for name in ("platforms", "secrets", "ssh", "output"):
            if getattr(image, name):
                asked.setdefault(name, name)
        if image.cache and image.cache.enabled:
            asked.setdefault("cache", "cache")
    if len(request.images) > 1:
        asked["images"] = "images"
    if request.common.pod and request.common.pod.cacheClaim:
        asked["cacheClaim"] = "pod.cacheClaim"
    return asked


def _check_features(request: Request, name: str, config: Config) -> None:
    """Refuse what the strategy lacks, and name those that can.

    Raises:
        UsageError: one sentence for each missing feature.
    """
    strategy = strategies.get(name)
    problems = []
    for feature, parameter in needs(request).items():
        if feature not in strategy.features:
            able = sorted(
                n for n, other in _allowed_strategies(config).items() if feature in other.features
            )
            problems.append(
                f"{parameter}: builder '{name}' cannot {FEATURES[feature]}; "
                f"builders that can: {', '.join(able) or 'none that is allowed'}"
            )
    if problems:
        raise UsageError(problems)


def plan_pod(request: Request, config: Config, config_text: str = "") -> tuple[str, dict[str, Any]]:
    """Plan the pod alone.

    Args:
        request: what was asked.
        config: the merged configs.
        config_text: the organisation's config; it travels in the pod to the planner.

    Raises:
        UsageError: the request cannot be fulfilled; all that can be told before the pod exists.
    """
    found = Findings(request.problems, request.spoilt)
    name, strategy, made = _strategy_and_pod(request, config, config_text, found)
    found.add(_credential_conflicts(request.common, strategy))
    for image, where in _places(request):
        _, _, problems = _name_and_tags(image, where)
        found.add(problems + _image_problems(image, where, None))
    found.raise_if_any()
    return name, made


def _strategy_and_pod(
    request: Request, config: Config, config_text: str, found: Findings
) -> tuple[str, Strategy, dict[str, Any]]:
    """Choose the strategy and make its pod.

    Returns:
        Name, strategy and pod; without a name, a strategy that refuses nothing and no pod.
    """
    name = ""
    made: dict[str, Any] = {}
    with found:
        # A strategy that nobody asked for would only lack what was asked of another.
        name = "" if "builder" in request.spoilt else choose(request, config)
    if not name:
        return name, Strategy(), made
    with found:
        _check_features(request, name, config)
    with found:
        made = _made_pod(request, name, config, config_text)
    return name, strategies.get(name), made


def _made_pod(request: Request, name: str, config: Config, config_text: str) -> dict[str, Any]:
    """Make the pod of a strategy.

    Raises:
        UsageError: the request's wishes clash with it.
    """
    context = PodContext(
        images=resolve(config.images),
        registries={**config.registries, **request.common.registries},
        options=request.common.pod or Pod(),
        policy=config.policy,
        engine=config.engine,
    )
    return pod.assemble(name, strategies.get(name).pod(context), context, config_text)


def plan(
    request: Request, config: Config, facts: Facts, job: str = "", config_text: str = ""
) -> Plan:
    """Plan a build: the pod and the script.

    Args:
        request: what was asked.
        config: the merged configs.
        facts: what is known of the workspace.
        job: directory that the script removes at its end.
        config_text: the organisation's config.

    Raises:
        UsageError: the request cannot be fulfilled; all problems that were found.
    """
    found = Findings(request.problems, request.spoilt)
    with found:
        request = _in_pod(request, facts)
    name, strategy, made = _strategy_and_pod(request, config, config_text, found)
    builds: list[Build] = []
    with found:
        builds = _checked_builds(request, config, facts, strategy)
    found.raise_if_any()
    pairs = [(build, strategy.recipe(build)) for build in builds]
    return Plan(name, made, CONTAINER, script.render(request, pairs, job))


def _in_pod(request: Request, facts: Facts) -> Request:
    """Take the strategy of the pod that is there already.

    Raises:
        UsageError: the request names another one.
    """
    there, wanted = facts.pod_builder, request.common.builder
    if not there:
        return request
    if wanted not in ("", "auto", there):
        raise UsageError(
            f"builder: this pod is one for '{there}', not for '{wanted}'; leave the builder out, "
            "or build outside of this withBuilderPod"
        )
    return replace(request, common=replace(request.common, builder=there))


def _places(request: Request) -> list[tuple[Image, str]]:
    """Give each image with what stands before its parameters in sentences."""
    if request.single:
        return [(image, "") for image in request.images]
    return [(image, f"images[{number}].") for number, image in enumerate(request.images)]


def _checked_builds(
    request: Request, config: Config, facts: Facts, strategy: Strategy
) -> list[Build]:
    """Work out each image of the request.

    Raises:
        UsageError: all problems of all images.
    """
    settings = {**config.registries, **request.common.registries}
    builds, problems = [], _shared_problems(request.common, settings, facts, strategy)
    for image, where in _places(request):
        try:
            build = replace(_checked_build(image, where, request, facts), registries=settings)
        except UsageError as error:
            problems += error.problems
        else:
            problems += [f"{where}{problem}" for problem in strategy.refusals(build)]
            builds.append(build)
    targets = [reference for build in builds for reference in build.references]
    problems += [
        f"images: '{target}' is built twice; give each its own image or tag"
        for target in sorted({t for t in targets if targets.count(t) > 1})
    ]
    outputs = [build.image.output for build in builds if build.image.output]
    problems += [
        f"images: {shown(output)} is written twice; give each image its own output"
        for output in sorted({o for o in outputs if outputs.count(o) > 1})
    ]
    if problems:
        raise UsageError(problems)
    return builds


def _shared_problems(
    common: Common, settings: dict[str, Any], facts: Facts, strategy: Strategy
) -> list[str]:
    """Check what all images share."""
    problems = []
    for number, item in enumerate(common.credentials):
        where = f"credentials[{number}]"
        if not item.credentialsId and not item.variable:
            problems.append(f"{where}: is missing 'credentialsId'; name a Jenkins credential")
        elif not item.variable:
            problems.append(
                f"{where}: a Jenkins credential exists in Jenkins only; outside it give 'variable' "
                "(the prefix of <it>_USR and <it>_PSW), or log in beforehand"
            )
    problems += _credential_conflicts(common, strategy)
    return problems + _daemon_problems(settings, facts, strategy)


def _daemon_problems(settings: dict[str, Any], facts: Facts, strategy: Strategy) -> list[str]:
    """Refuse registry settings that a daemon would have to know and does not."""
    if facts.engine_registries is None:
        return []
    late = registries.unknown(
        {host: item for host, item in settings.items() if strategy.daemon_setting(item)},
        facts.engine_registries,
    )
    return [
        f"registries.{host}: is a setting of this builder's daemon, which started with the pod; "
        "put it into the organisation's config, or add pod: [:] so that the pod is planned for "
        "this build"
        for host in late
    ]


def _credential_conflicts(common: Common, strategy: Strategy) -> list[str]:
    """Refuse a docker config file beside other logins of the same use: one would hide the other."""
    problems = []
    for use in ("pull", "push"):
        kinds = [item.type for item in common.credentials if item.use in (use, "both")]
        if "file" in kinds and len(kinds) > 1:
            problems.append(
                f"credentials: a docker config file must be the only credential for {use}; "
                "put the other logins into it"
            )
    kinds = [item.type for item in common.credentials]
    if not problems and strategy.one_call and "file" in kinds and len(kinds) > 1:
        problems.append(
            "credentials: this builder pulls and pushes with one set of logins, so a docker config "
            "file must be the only credential; put the other logins into it"
        )
    return problems


def _checked_build(image: Image, where: str, request: Request, facts: Facts) -> Build:
    """Check one image and fill in its tags, labels and paths.

    Raises:
        UsageError: all problems of the image.
    """
    name, tags, problems = _name_and_tags(image, where)
    if not tags and not facts.commit:
        problems.append(
            f"{where}tags: none is given and the workspace has no git commit to name the image "
            "after; give tags, or check out before the build"
        )
    dockerfile = image.dockerfile or posixpath.normpath(posixpath.join(image.context, "Dockerfile"))
    problems += _path_problems(image, dockerfile, where, facts)
    problems += _image_problems(image, where, facts)
    if problems:
        raise UsageError(problems)
    logins = request.common.credentials
    uses = {use for item in logins for use in script.uses_of(item, logins)}
    return Build(
        image=replace(image, context=_as_argument(image.context)),
        common=request.common,
        name=name,
        tags=tags or (facts.short_commit,),
        labels=_all_labels(image, facts),
        dockerfile=_as_argument(dockerfile),
        auth=frozenset(uses),
        registries={},
        facts=facts,
        several=len(request.images) > 1,
        instructions=instructions(facts.root, dockerfile),
        ignorefile=_own_ignorefile(_as_argument(dockerfile), facts),
    )


def _own_ignorefile(dockerfile: str, facts: Facts) -> str:
    """Give `<Dockerfile>.dockerignore` when there is one; it wins over the context's."""
    path = f"{dockerfile}.dockerignore"
    return path if path_state(facts.root, path) == "file" else ""


def _as_argument(path: str) -> str:
    """Write a path so that no program takes it for an option."""
    plain = posixpath.normpath(path)
    return f"./{plain}" if plain.startswith("-") else plain


def _image_problems(image: Image, where: str, facts: Facts | None) -> list[str]:
    """Check what needs no workspace, and with its facts what needs it.

    Before the pod there are none (None): neither files nor bound credentials are there.
    """
    problems = [
        f"{where}{name}: {shown(path)} has a comma, which separates what builders are told; "
        "rename the file"
        for name, path in _comma_paths(image)
        if "," in path
    ]
    problems += _secret_problems(image, where, facts)
    problems += _ssh_problems(image, where, facts)
    problems += _cache_problems(image, where)
    return problems + _size_problems(image, where)


def _name_and_tags(image: Image, where: str) -> tuple[Name, tuple[str, ...], list[str]]:
    """Give repository, tags and what is wrong with them."""
    problems = []
    name, own = Name("", ""), ""
    try:
        name, own = parse_name(image.image)
    except ValueError as error:
        problems.append(f"{where}image: {shown(image.image)} is no image name: {error}")
    tags = tuple(([own] if own else []) + list(image.tags))
    if _UNSET_NAME.search(image.image or ""):
        problems.append(f"{where}image: {shown(image.image)} {_UNSET_WHY}")
    for number, tag in enumerate(image.tags):
        if not tag:
            problems.append(f"{where}tags[{number}]: is empty; give a tag, or leave it out")
        elif _UNSET_TAG.search(tag):
            problems.append(f"{where}tags[{number}]: {shown(tag)} {_UNSET_WHY}")
        elif not re.fullmatch(TAG, tag):
            problems.append(
                f"{where}tags[{number}]: {shown(tag)} is no tag (1 to 128 letters, digits, '_', "
                f"'.' and '-', not beginning with '.' or '-'); '{tag_like(tag)}' would be one"
            )
    problems += [
        f"{where}tags: '{tag}' is given twice"
        for tag in sorted({t for t in tags if tags.count(t) > 1})
    ]
    return name, tags, problems


def _path_problems(image: Image, dockerfile: str, where: str, facts: Facts) -> list[str]:
    """Check the paths of an image against the workspace."""
    problems = []
    context = path_state(facts.root, image.context)
    if context == "outside":
        problems.append(
            f"{where}context: {shown(image.context)} lies outside the workspace; "
            "name a folder below it"
        )
    elif context == "closed":
        problems.append(_unreadable_path(f"{where}context", image.context))
    elif context != "folder":
        problems.append(
            f"{where}context: there is no folder {shown(image.context)} in the workspace; "
            "check out first, or correct the path"
        )
    else:
        found = path_state(facts.root, dockerfile)
        if found == "outside":
            problems.append(
                f"{where}dockerfile: {shown(dockerfile)} lies outside the workspace; "
                "name a file below it"
            )
        elif found == "closed":
            problems.append(_unreadable_path(f"{where}dockerfile", dockerfile))
        elif found != "file":
            problems.append(
                f"{where}dockerfile: there is no file {shown(dockerfile)} in the workspace; check "
                "out first, or name it with 'dockerfile'"
            )
    if image.output and path_state(facts.root, image.output) in ("outside", "folder"):
        problems.append(
            f"{where}output: {shown(image.output)} is no file below the workspace; name one, e.g. "
            "'app.tar'"
        )
    return problems


def _unreadable_path(place: str, path: str) -> str:
    """Say that a path is there, perhaps, but that the planner's user may not look."""
    return (
        f"{place}: {shown(path)} may not be read by the user that plans; let all read it "
        "(chmod -R a+rX, or umask 022 where it is checked out)"
    )


def _comma_paths(image: Image) -> list[tuple[str, str]]:
    """Give the paths that reach the builder as one field of a comma-separated list."""
    secrets = [(f"secrets[{n}].src", item.src) for n, item in enumerate(image.secrets)]
    keys = [(f"ssh[{n}].src", item.src) for n, item in enumerate(image.ssh)]
    return [("output", image.output), *secrets, *keys]


def _ssh_problems(image: Image, where: str, facts: Facts | None) -> list[str]:
    """Check where ssh keys come from."""
    problems = []
    for number, key in enumerate(image.ssh):
        place = f"{where}ssh[{number}]"
        if (key.credentialsId or key.variable) and key.src:
            problems.append(f"{place}: give 'credentialsId' or 'src', not both")
        elif facts and key.credentialsId and not key.variable:
            problems.append(
                f"{place}: a Jenkins credential exists in Jenkins only; outside it use 'src', or "
                "neither for the ssh agent"
            )
        elif _is_missing(key.src, facts):
            problems.append(f"{place}: there is no file {shown(key.src)} in the workspace")
    return problems + _repeated_ids(f"{where}ssh", [key.id for key in image.ssh])


def _cache_problems(image: Image, where: str) -> list[str]:
    """Check the names of caches: what follows a comma would be an option to the builder."""
    cache = image.cache
    if not cache:
        return []
    given = [("cache.ref", cache.ref)] if cache.ref else []
    given += [(f"cache.read[{number}]", ref) for number, ref in enumerate(cache.read)]
    problems = []
    for place, ref in given:
        try:
            parse_name(ref)
        except ValueError as error:
            problems.append(f"{where}{place}: {shown(ref)} is no image name: {error}")
    return problems


def _repeated_ids(place: str, ids: list[str]) -> list[str]:
    """Refuse ids that stand more than once: only one of them would count."""
    doubles = sorted({name for name in ids if ids.count(name) > 1})
    return [f"{place}: the id '{name}' is given twice" for name in doubles]


def _secret_problems(image: Image, where: str, facts: Facts | None) -> list[str]:
    """Check where secrets come from."""
    problems = []
    for number, secret in enumerate(image.secrets):
        place = f"{where}secrets[{number}]"
        given = [secret.credentialsId or secret.variable, secret.env, secret.src]
        if sum(1 for item in given if item) != 1:
            problems.append(f"{place}: give exactly one of 'credentialsId', 'env' and 'src'")
        elif facts and secret.credentialsId and not secret.variable:
            problems.append(
                f"{place}: a Jenkins credential exists in Jenkins only; outside it use 'env' "
                "or 'src'"
            )
        elif _is_missing(secret.src, facts):
            problems.append(f"{place}: there is no file {shown(secret.src)} in the workspace")
    return problems + _repeated_ids(f"{where}secrets", [secret.id for secret in image.secrets])


def _is_missing(path: str, facts: Facts | None) -> bool:
    """Say whether a path of the workspace leads to no file; absolute ones are the container's."""
    if facts is None or not path or posixpath.isabs(path):
        return False
    return path_state(facts.root, path) != "file"


def _size_problems(image: Image, where: str) -> list[str]:
    """Refuse values that no command line can carry; the kernel's own message names nothing."""
    pairs = [(f"{where}buildArgs.{k}", f"{k}={v}") for k, v in image.buildArgs.items()]
    pairs += [(f"{where}labels.{k}", f"{k}={v}") for k, v in image.labels.items()]
    sizes = [(place, len(pair.encode())) for place, pair in pairs]
    problems = [
        f"{place}: is {size} bytes long, a command line takes at most {LONGEST_ARGUMENT}; "
        "put it into a file of the context"
        for place, size in sizes
        if size > LONGEST_ARGUMENT - len("build-arg:")
    ]
    total = sum(size for _, size in sizes)
    if not problems and total > LONGEST_COMMAND:
        problems.append(
            f"{where}buildArgs: are {total} bytes long together, a command line takes at most "
            f"{LONGEST_COMMAND}; put them into a file of the context"
        )
    return problems


def _all_labels(image: Image, facts: Facts) -> dict[str, str]:
    """Give the image's labels: the standard ones (OCI image-spec annotations.md), the user's.

    `created` comes last: builders that make a layer of each label keep the others in their cache.
    """
    prefix = "org.opencontainers.image"
    standard = {
        f"{prefix}.source": facts.source,
        f"{prefix}.revision": facts.commit,
        f"{prefix}.ref.name": facts.ref_name,
        f"{prefix}.url": facts.build_url,
    }
    created = {f"{prefix}.created": Expand("$(date -u +%Y-%m-%dT%H:%M:%SZ)")}
    labels = {**{key: value for key, value in standard.items() if value}, **image.labels}
    return labels if f"{prefix}.created" in labels else {**labels, **created}

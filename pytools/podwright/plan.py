"""Request in, plan out: the pure function that everything stands around."""

from __future__ import annotations

import posixpath
import re
import time

from podwright import limits, logins, registries, script, strategies
from podwright.builders._base import FEATURES, Build, PodContext, matches_option, pod
from podwright.errors import Findings, Problem, UsageError, repeated, shown
from podwright.images import AGENT, resolve
from podwright.records import record, replace
from podwright.references import TAG, Name, parse_name, tag_like
from podwright.request import AROUND, LONGEST_ARGUMENT, LONGEST_COMMAND, Pod
from podwright.resources import LazyModule
from podwright.shell import Expand
from podwright.workspace import followed, path_state, read_dockerfile, source_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from podwright import caches, compared, parts, pools, rules, tagrules
    from podwright.builders._base import Strategy
    from podwright.config import Config
    from podwright.request import Cache, Common, Image, PodParameters, Request
    from podwright.workspace import Facts, Source
else:
    caches = LazyModule("podwright.caches")
    compared = LazyModule("podwright.compared")
    parts = LazyModule("podwright.parts")
    pools = LazyModule("podwright.pools")
    rules = LazyModule("podwright.rules")
    tagrules = LazyModule("podwright.tagrules")

# What Groovy makes of "${env.NAME}" when there is no such variable.
_UNSET_WHY = "has 'null' in it, which Groovy writes for a variable that is not set; set it"


@record
class Plan:
    """What is to be done.

    Attributes:
        builder: the strategy.
        pod: the complete pod.
        container: the container in which the script runs.
        script: POSIX shell; see ``prelude.sh`` for its variables.
        builds: the images, with everything that was worked out for them.
    """

    builder: str
    pod: dict[str, Any]
    container: str
    script: str
    builds: tuple[Build, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give the plan as `podwright plan` prints it."""
        return {name: getattr(self, name) for name in ("builder", "container", "pod", "script")}


def plan_pod(
    request: Request, config: Config, found: Findings | None = None, config_text: str = ""
) -> tuple[str, dict[str, Any]]:
    """Plan the pod alone; gives the strategy with it.

    Args:
        request: what was asked.
        config: the merged configs.
        found: what was found before, to be told with the rest.
        config_text: the organisation's config; it travels in the pod to the planner.

    Raises:
        UsageError: the request cannot be fulfilled; all that can be told before the pod exists.
    """
    found = found or Findings()
    name = _chosen(request, config, found)
    made = _made_pod(request, name, config, config_text, found)
    found.add(_login_conflicts(request, strategies.get(name) if name else None))
    found.add(_pool_problems(request, config))
    for image, place in _images(request):
        problems = [*_name_problems(image), *_image_problems(image, None)]
        found.add(problem.below(*place) for problem in problems)
    found.raise_if_any()
    return name, made


def plan_script(
    request: Request, config: Config, facts: Facts, found: Findings | None = None, job: str = ""
) -> str:
    """Plan the script alone, for a pod that is there; as :func:`plan` does."""
    found = found or Findings()
    asked = request
    with found:
        request = _in_pod(request, facts)
    name = _chosen(request, config, found)
    how = chosen_by(asked, config, name) if name else ""
    builds = _builds(request, config, facts, name, found)
    refuse_without_registry(builds)
    return _rendered(request, builds, name, config, (job, how))


def plan(
    request: Request,
    config: Config,
    facts: Facts,
    found: Findings | None = None,
    config_text: str = "",
) -> Plan:
    """Plan a build, the pod and the script; as :func:`plan_pod` does, all that can be told."""
    found = found or Findings()
    with found:
        request = _in_pod(request, facts)
    name = _chosen(request, config, found)
    made = _made_pod(request, name, config, config_text, found)
    builds = _builds(request, config, facts, name, found)
    script_of = _rendered(request, builds, name, config)
    return Plan(name, made, pod.worker(made), script_of, tuple(builds))


def refuse_without_registry(builds: Iterable[Build]) -> None:
    """Refuse to push where nobody may: a name without registry is Docker Hub's own.

    Raises:
        UsageError: an image is to be pushed and names no registry.
    """
    names = [build.image.image for build in builds if build.image.push]
    problems = [
        Problem(
            f"{shown(name)} names no registry, so it would be pushed to docker.io/library; write "
            f"e.g. 'registry.example/team/{name}', or do not push it (push: false)",
            "image",
        )
        for name in names
        if "/" not in name
    ]
    if problems:
        raise UsageError(problems)


def pushed_apart(request: Request, config: Config, facts: Facts) -> Request:
    """Keep a login for pushing alone from RUN steps that would see it: another container pushes.

    A cache is written by the build itself, with the same login.
    """
    name, given = facts.pod_builder, request.common.credentials
    if request.common.alone or not name or not strategies.get(name).shows_logins:
        return request
    builds = _builds(request, config, facts, name, Findings())
    own = [build.name.registry for build in builds]
    if any(map(_writes_cache, request.images)) or not logins.are_for_pushing_alone(
        given, builds, own
    ):
        return request
    images = [replace(image, pushApart=image.push) for image in request.images]
    return replace(request, images=tuple(images))


def _writes_cache(image: Image) -> bool:
    return bool(image.cache and image.cache.enabled and image.cache.write)


def is_alone(request: Request, config: Config) -> bool:
    """Say whether a build is all that is to be done; see :mod:`podwright.sequence`."""
    asked = any(getattr(image, name) for image in request.images for name in AROUND)
    asked = asked or request.common.part or any(config.rules.of("verify"))
    return request.common.alone or not asked


def _in_pod(request: Request, facts: Facts) -> Request:
    """Take the strategy of the pod that is there already."""
    there, wanted = facts.pod_builder, request.common.builder
    if not there:
        return request
    if wanted not in ("", "auto", there):
        sentence = (
            f"this pod was started for builder '{there}', not for '{wanted}'; leave the builder "
            f"out, "
            "or build outside of this withBuilderPod"
        )
        raise UsageError([Problem(sentence, "builder")])
    if request.common.pool not in ("", facts.pod_pool):
        started = f"for pool '{facts.pod_pool}'" if facts.pod_pool else "without a pool"
        sentence = f"this pod was started {started}; name the pool where the pod is made"
        raise UsageError([Problem(sentence, "pool")])
    common = replace(request.common, builder=there, pool=facts.pod_pool)
    return replace(request, common=common)


# -- the choice of a strategy --------------------------------------------------------------------


def _chosen(request: Request, config: Config, found: Findings) -> str:
    """Choose the strategy and check that it can do what is asked; '' when there is none."""
    name = ""
    # A strategy that nobody asked for would only lack what was asked of another.
    if not found.is_unreadable("builder"):
        with found:
            name = choose(request, config)
    if name:
        found.add(_missing_features(request, name, config))
    return name


def choose(request: Request, config: Config) -> str:
    """Choose the strategy: request, then config, then the safest that can do what is asked.

    Raises:
        UsageError: it is not allowed, or nothing that is allowed can do what is asked.
    """
    wanted = request.common.builder or config.builder or "auto"
    if wanted == "auto":
        return _first_able(request, config)
    refused = limits.builder(wanted, config.allowed, config.rules)
    if refused:
        raise UsageError([refused])
    return wanted


def allowed_strategies(config: Config) -> dict[str, Strategy]:
    """Give the allowed strategies in the order in which `auto` tries them."""
    found = strategies.everything()
    return {
        n: found[n] for n in _order(config) if not limits.builder(n, config.allowed, config.rules)
    }


def _order(config: Config) -> list[str]:
    """Give all strategies: the organisation's order, then the safest first."""
    return list(dict.fromkeys([*config.order, *strategies.everything()]))


def _passed_over(request: Request, config: Config) -> dict[str, str]:
    """Give why `auto` does not take a strategy, for each that it does not."""
    asked, allowed = needs(request), allowed_strategies(config)
    found: dict[str, str] = {}
    for name, strategy in strategies.everything().items():
        lacking = [FEATURES[feature] for feature in asked if feature not in strategy.features]
        if name not in allowed:
            found[name] = "not allowed by the organisation"
        elif lacking:
            found[name] = f"cannot {lacking[0]}"
        elif name in config.unable:
            found[name] = f"cannot run here: {config.unable[name]}"
    return found


def _first_able(request: Request, config: Config) -> str:
    """Give the first allowed strategy that can run and do what the request asks."""
    passed = _passed_over(request, config)
    for name in allowed_strategies(config):
        if name not in passed:
            return name
    asked = needs(request)
    able = [n for n, other in strategies.everything().items() if not set(asked) - other.features]
    unable = [f"{n} {passed[n]}" for n in allowed_strategies(config) if n in config.unable]
    if unable and set(able) & set(allowed_strategies(config)):
        sentence = f"no allowed strategy can run here: {'; '.join(unable)}; ask your administrator"
        raise UsageError([Problem(sentence, "builder")])
    wanted = ", ".join(FEATURES[name] for name in asked)
    sentence = (
        f"none of the allowed strategies can {wanted}; "
        f"remove {', '.join(map('.'.join, asked.values()))}"
    )
    if able:
        sentence += f", or ask your administrator to allow one of: {', '.join(sorted(able))}"
    raise UsageError([Problem(sentence, "builder")])


def chosen_by(request: Request, config: Config, name: str) -> str:
    """Say for the log how a strategy was chosen: '' when somebody asked for it by name."""
    if "auto" not in (request.common.builder or config.builder or "auto"):
        return ""
    passed, order = _passed_over(request, config), _order(config)
    before = [f"{other} {passed[other]}" for other in order[: order.index(name)] if other in passed]
    return " (auto" + (f"; not {'; not '.join(before)}" if before else "") + ")"


# Parameters of an image that are features by their names.
_ASKING = (
    *("platforms", "secrets", "ssh", "output", "annotations", "compression", "network"),
    *("addHosts", "ulimits", "shmSize", "buildContexts", "reproducible"),
)


def needs(request: Request) -> dict[str, tuple[str, ...]]:
    """Give the features that a request asks for, with the parameter that asks."""
    asked: dict[str, tuple[str, ...]] = {}
    for image in request.images:
        for name in _ASKING:
            # Pods on nodes of a platform need no builder that knows others.
            native = name == "platforms" and request.common.podPerPlatform
            if getattr(image, name) and not native:
                asked.setdefault(name, (name,))
        if image.cache and image.cache.enabled:
            asked.setdefault("cache", ("cache",))
    if len(request.images) > 1:
        asked["images"] = ("images",)
    if request.common.pod and request.common.pod.cacheClaim:
        asked["cacheClaim"] = ("pod", "cacheClaim")
    if request.common.pool:
        asked["pool"] = ("pool",)
    return asked


def _missing_features(request: Request, name: str, config: Config) -> Iterator[Problem]:
    features = strategies.get(name).features
    for feature, place in needs(request).items():
        if feature not in features:
            others = allowed_strategies(config).items()
            able = sorted(n for n, other in others if feature in other.features)
            yield Problem(
                f"builder '{name}' cannot {FEATURES[feature]}; "
                f"builders that can: {', '.join(able) or 'none that is allowed'}",
                *place,
            )


def _made_pod(
    request: Request, name: str, config: Config, config_text: str, found: Findings
) -> dict[str, Any]:
    """Make the pod of a strategy; none without one, or when the request's wishes clash with it."""
    made: dict[str, Any] = {}
    options = request.common.pod or Pod()
    if "{" in options.cacheClaim:
        with found:
            names = [_name_and_tags(image)[0] for image in request.images]
            options = caches.own_claim(request, options, names[0] if names else None)
    if name:
        pool = config.pools.get(request.common.pool)
        context = PodContext(
            pool=pool,
            secrets=tuple(dict.fromkeys(item.secret for item in request.common.credentials)),
            proxy=_proxy_of(request.common),
            images=resolve(config.images),
            # Daemons of a pool run already, and know those of the organisation alone.
            registries={**config.registries, **({} if pool else request.common.registries)},
            options=options,
            policy=config.policy,
            engine=config.engine,
            roomy=not is_alone(request, config) or any(map(config.defaults.get, AROUND)),
        )
        with found:
            parts = strategies.get(name).pod(context)
            made = pod.assemble(name, parts, context, config_text)
            if config.rules.items:
                found.add(rules.level(name, rules.level_of(made), config.rules))
                bounded = pod.judged(made, config.images.get(AGENT, ""))
                found.add(rules.resources(bounded, config.rules))
    return made


# -- the script ----------------------------------------------------------------------------------


def _rendered(
    request: Request,
    builds: list[Build],
    name: str,
    config: Config,
    run: tuple[str, str] = ("", ""),
) -> str:
    """Give the script that builds the images.

    `run` is the directory that it removes, and how the strategy was chosen, for the log.
    """
    pairs = [(build, strategies.get(name).recipe(build)) for build in builds]
    # By their names: a build that runs needs the others' modules for nothing.
    allowed = [n for n in strategies.names() if not limits.builder(n, config.allowed, config.rules)]
    return script.render(request, pairs, name, allowed, run)


def _builds(
    request: Request, config: Config, facts: Facts, name: str, found: Findings
) -> list[Build]:
    """Check the images and give them with all that was worked out; ends with all problems."""
    strategy = strategies.get(name) if name else None
    known = {**config.registries, **request.common.registries}
    found.add(_login_problems(request.common))
    found.add(parts.problems(request) if request.common.podPerPlatform else ())
    found.add(_login_conflicts(request, strategy))
    found.add(_pool_problems(request, config))
    found.add(_daemon_problems(known, facts, strategy))
    # Its pod was a preset, which nobody has judged for this job.
    if strategy and facts.pod_builder and config.rules.items:
        level = "restricted" if facts.pod_pool else strategy.level
        found.add(rules.level(name, level, config.rules))
    found.add(_proxy_problems(request.common, facts, strategy))
    builds = []
    for asked, place in _images(request):
        image = _with_made_tags(asked, facts)
        problems = list(_workspace_problems(image, facts))
        if asked.tags and not _name_and_tags(image)[1]:
            sentence = "no rule gives a tag for what is built here; add 'type=sha'"
            problems.append(Problem(sentence, "tags"))
        if not problems:
            made = _made_build(image, known, request, facts, strategy)
            asks = (
                compared.question(image.cache, made, name, strategy)
                if image.cache and strategy
                else None
            )
            pool = config.pools.get(request.common.pool)
            builds.append(replace(made, pool=pool, compared=asks))
            problems += strategy.refusals(builds[-1]) if strategy else []
            problems += rules.image(builds[-1], config.rules) if config.rules.items else []
        problems += _option_problems(image, name, strategy) if strategy else []
        problems += caches.problems(image.cache, name, strategy) if image.cache and strategy else []
        found.add(problem.below(*place) for problem in problems)
    found.add(_clashes(builds))
    found.raise_if_any()
    return builds


def _option_problems(image: Image, name: str, strategy: Strategy) -> Iterator[Problem]:
    """Refuse flags of other builders, and those that might reach secrets or a policy."""
    for builder, options in image.builderOptions.items():
        place = ("builderOptions", builder)
        if builder != name:
            yield Problem(f"'{name}' builds; write '{name}', or leave it out", *place)
            continue
        for number, option in enumerate(options):
            if not any(matches_option(option, known) for known in strategy.options):
                known = ", ".join(strategy.options)
                yield Problem(
                    f"{shown(option)} is not passed on; known are {known}", *place, number
                )


def _images(request: Request) -> list[tuple[Image, tuple[str | int, ...]]]:
    if request.single:
        return [(image, ()) for image in request.images]
    return [(image, ("images", number)) for number, image in enumerate(request.images)]


def _clashes(builds: list[Build]) -> Iterator[Problem]:
    for target in repeated(reference for build in builds for reference in build.references):
        sentence = f"'{target}' is built twice; give each its own image or tag"
        yield Problem(sentence, "images")
    for output in repeated(build.image.output for build in builds if build.image.output):
        sentence = f"{shown(output)} is written twice; give each image its own output"
        yield Problem(sentence, "images")


def _login_problems(common: Common) -> Iterator[Problem]:
    """Refuse logins that only Jenkins has; its bridge has put variables in their place."""
    for number, item in enumerate(common.credentials):
        place = ("credentials", number)
        if item.secret or item.type in logins.IDENTITIES:
            continue
        if not item.credentialsId and not item.variable:
            yield Problem("is missing 'credentialsId'; name a Jenkins credential", *place)
        elif not item.variable:
            yield Problem(
                "a Jenkins credential exists in Jenkins only; outside it give 'variable' "
                "(the prefix of <it>_USR and <it>_PSW), or log in beforehand",
                *place,
            )


def _login_conflicts(request: Request, strategy: Strategy | None) -> Iterator[Problem]:
    own = [_name_and_tags(image)[0].registry for image in request.images]
    return logins.problems(request.common.credentials, [host for host in own if host], strategy)


def _pool_problems(request: Request, config: Config) -> Iterator[Problem]:
    """Refuse a pool that is not there, and what its daemons are not for."""
    if not request.common.pool:
        return
    if request.common.pod and request.common.pod.cacheClaim:
        sentence = "is for an engine of the pod's own; a pool's daemons have disks: leave it out"
        yield Problem(sentence, "pod", "cacheClaim")
    platforms = dict.fromkeys(p for image in request.images for p in image.platforms)
    yield from pools.problem(request.common.pool, config.pools, tuple(platforms))


def _proxy_of(common: PodParameters) -> dict[str, str]:
    return common.proxy.variables() if common.proxy else {}


def _proxy_problems(common: Common, facts: Facts, strategy: Strategy | None) -> Iterator[Problem]:
    """Refuse a proxy that a daemon would have to know and does not."""
    wanted = _proxy_of(common).get("HTTPS_PROXY", "")
    if facts.engine_registries is None or strategy is None:
        return
    if strategy.daemon_proxy and wanted not in ("", facts.proxy):
        yield Problem(
            "is a setting of this builder's daemon, which started with the pod; put it into "
            "'defaults' of the organisation's config, or add pod: [:] so that the pod is planned "
            "for this build",
            "proxy",
        )


def _daemon_problems(
    known: dict[str, Any], facts: Facts, strategy: Strategy | None
) -> Iterator[Problem]:
    """Refuse registry settings that a daemon would have to know and does not."""
    if facts.engine_registries is None or strategy is None:
        return
    of_daemon = {host: item for host, item in known.items() if strategy.daemon_setting(item)}
    sentence = (
        "is a setting of the pool's daemons, which run already; put it into their configuration "
        "and into the organisation's"
        if facts.pod_pool
        else "is a setting of this builder's daemon, which started with the pod; put it into the "
        "organisation's config, or add pod: [:] so that the pod is planned for this build"
    )
    for host in registries.unknown(of_daemon, facts.engine_registries):
        yield Problem(sentence, "registries", host)


# -- one image -----------------------------------------------------------------------------------


def _made_build(
    image: Image, known: dict[str, Any], request: Request, facts: Facts, strategy: Strategy | None
) -> Build:
    """Fill in an image's tags, labels and paths; what is wrong with them is told elsewhere."""
    name, tags = _name_and_tags(image)
    source = source_of(facts, image.context)
    tags = tags or (source.short_commit,)
    if request.common.part:
        tags = parts.tags(image, tags)
    dockerfile = _as_argument(followed(facts, _dockerfile(image)))
    given = request.common.credentials
    uses = {use for item in given for use in logins.uses_of(item, given)}
    return Build(
        image=replace(
            image,
            context=_as_argument(followed(facts, image.context)),
            # Every builder knows them without an ARG, and keeps them out of history and cache.
            buildArgs={**_proxy_of(request.common), **image.buildArgs},
            cache=_located_cache(image, name, request, facts, strategy),
        ),
        common=request.common,
        name=name,
        tags=tags,
        labels=_all_labels(image, facts, source),
        dockerfile=dockerfile,
        auth=frozenset(uses),
        registries=known,
        facts=facts,
        content=read_dockerfile(facts.root, _dockerfile(image), image.buildArgs, image.target),
        ignorefile=_own_ignorefile(_as_argument(_dockerfile(image)), facts),
        epoch=_epoch(facts, source) if image.reproducible else None,
    )


def _located_cache(
    image: Image, name: Name, request: Request, facts: Facts, strategy: Strategy | None
) -> Cache | None:
    if not strategy or not image.cache:
        return None
    cache = caches.located(image, name, facts, strategy)
    if cache and request.common.part and strategy.cache_in_tag:
        return caches.of_platform(cache, image.platforms[0])
    return cache


def _with_made_tags(image: Image, facts: Facts) -> Image:
    """Put tags in the place of the rules; with a mistake in one all stay, to be told."""
    rules_given = [tag for tag in image.tags if "=" in tag]
    if not rules_given or any(map(tagrules.mistake, rules_given)):
        return image
    source = source_of(facts, image.context)
    return replace(image, tags=tagrules.applied(image.tags, facts, source))


def _name_and_tags(image: Image) -> tuple[Name, tuple[str, ...]]:
    """Give repository and tags, the name's own first."""
    try:
        name, own = parse_name(image.image)
    except ValueError:
        return Name("", ""), image.tags
    return name, tuple(([own] if own else []) + list(image.tags))


def _dockerfile(image: Image) -> str:
    return image.dockerfile or posixpath.normpath(posixpath.join(image.context, "Dockerfile"))


def _own_ignorefile(dockerfile: str, facts: Facts) -> str:
    """Give `<Dockerfile>.dockerignore` when there is one; it wins over the context's."""
    path = f"{dockerfile}.dockerignore"
    return path if path_state(facts, path) == "file" else ""


def _as_argument(path: str) -> str:
    """Write a path so that no program takes it for an option."""
    plain = posixpath.normpath(path)
    return f"./{plain}" if plain.startswith("-") else plain


def _workspace_problems(image: Image, facts: Facts) -> Iterator[Problem]:
    yield from _name_problems(image)
    named = _name_and_tags(image)[1] or source_of(facts, image.context).commit
    if not named and path_state(facts, image.context) == "folder":
        yield Problem(
            "none is given and the context has no git commit to name the image "
            "after; give tags, or check out before the build",
            "tags",
        )
    if image.reproducible and _epoch(facts, source_of(facts, image.context)) is None:
        yield Problem(
            "wants a time for the files of the image, and there is no commit; set "
            "SOURCE_DATE_EPOCH, or check out before the build",
            "reproducible",
        )
    yield from _path_problems(image, facts)
    for name, place in image.buildContexts.items():
        if "://" not in place and path_state(facts, place) != "folder":
            sentence = f"there is no folder {shown(place)} in the workspace; correct the path"
            yield Problem(sentence, "buildContexts", name)
    yield from _image_problems(image, facts)


def _image_problems(image: Image, facts: Facts | None) -> Iterator[Problem]:
    """Check what needs no workspace, and with its facts what needs it.

    Before the pod there are none (None): neither files nor bound credentials are there.
    """
    for place, path in _comma_paths(image):
        if "," in path:
            yield Problem(
                f"{shown(path)} has a comma, which separates what builders are told; "
                "rename the file",
                *place,
            )
    yield from _secret_problems(image, facts)
    yield from _ssh_problems(image, facts)
    yield from _cache_problems(image)
    yield from _size_problems(image)


def _name_problems(image: Image) -> Iterator[Problem]:
    try:
        parse_name(image.image)
    except ValueError as error:
        yield Problem(f"{shown(image.image)} is not a valid image name: {error}", "image")
    if _is_unset(image.image or "", "/:"):
        yield Problem(f"{shown(image.image)} {_UNSET_WHY}", "image")
    for number, tag in enumerate(image.tags):
        if not tag:
            yield Problem("is empty; give a tag, or leave it out", "tags", number)
        elif "=" in tag:  # which no tag can have
            sentence = tagrules.mistake(tag)
            yield from [Problem(sentence, "tags", number)] if sentence else []
        elif _is_unset(tag, "-_."):
            yield Problem(f"{shown(tag)} {_UNSET_WHY}", "tags", number)
        elif not re.fullmatch(TAG, tag):
            yield Problem(
                f"{shown(tag)} is not a valid tag (1 to 128 letters, digits, '_', "
                f"'.' and '-', not beginning with '.' or '-'); '{tag_like(tag)}' would be one",
                *("tags", number),
            )
    for tag in repeated(_name_and_tags(image)[1]):
        yield Problem(f"'{tag}' is given twice", "tags")


def _is_unset(text: str, between: str) -> bool:
    """Say whether one of the parts of a text is 'null'."""
    return "null" in re.split(f"[{between}]", text) if "null" in text else False


def _path_problems(image: Image, facts: Facts) -> Iterator[Problem]:
    context = path_state(facts, image.context)
    if context == "folder":
        yield from _dockerfile_problems(_dockerfile(image), facts)
    else:
        sentence = {
            "outside": "lies outside the workspace; name a folder below it",
            "closed": _CLOSED,
        }.get(context)
        missing = (
            f"there is no folder {shown(image.context)} in the workspace; "
            "check out first, or correct the path"
        )
        yield Problem(f"{shown(image.context)} {sentence}" if sentence else missing, "context")
    if image.output and path_state(facts, image.output) in ("outside", "folder"):
        yield Problem(
            f"{shown(image.output)} is not a file below the workspace; name one, e.g. 'app.tar'",
            "output",
        )


# It is there, perhaps, but the planner's user may not look.
_CLOSED = (
    "may not be read by the user that plans; let all read it "
    "(chmod -R a+rX, or umask 022 where it is checked out)"
)


def _dockerfile_problems(path: str, facts: Facts) -> Iterator[Problem]:
    state = path_state(facts, path)
    if state != "file":
        sentence = {
            "outside": f"{shown(path)} lies outside the workspace; name a file below it",
            "closed": f"{shown(path)} {_CLOSED}",
        }.get(
            state,
            f"there is no file {shown(path)} in the workspace; check "
            "out first, or name it with 'dockerfile'",
        )
        yield Problem(sentence, "dockerfile")


def _comma_paths(image: Image) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Give the paths that reach the builder as one field of a comma-separated list."""
    yield ("output",), image.output
    for number, secret in enumerate(image.secrets):
        yield ("secrets", number, "src"), secret.src
    for number, key in enumerate(image.ssh):
        yield ("ssh", number, "src"), key.src


def _ssh_problems(image: Image, facts: Facts | None) -> Iterator[Problem]:
    for number, key in enumerate(image.ssh):
        place = ("ssh", number)
        if (key.credentialsId or key.variable) and key.src:
            yield Problem("give 'credentialsId' or 'src', not both", *place)
        elif facts and key.credentialsId and not key.variable:
            yield Problem(
                "a Jenkins credential exists in Jenkins only; outside it use 'src', or "
                "neither for the ssh agent",
                *place,
            )
        elif _is_missing(key.src, facts):
            yield Problem(f"there is no file {shown(key.src)} in the workspace", *place)
    for name in repeated(key.id for key in image.ssh):
        yield Problem(f"the id '{name}' is given twice", "ssh")


def _cache_problems(image: Image) -> Iterator[Problem]:
    """Check the names of caches: what follows a comma would be an option to the builder."""
    if not image.cache:
        return
    given: list[tuple[tuple[str | int, ...], str]] = [(("cache", "ref"), image.cache.ref)]
    given += [(("cache", "read", number), ref) for number, ref in enumerate(image.cache.read)]
    for place, ref in given if image.cache.ref else given[1:]:
        try:
            name, _ = parse_name(ref)
        except ValueError as error:
            yield Problem(f"{shown(ref)} is not a valid image name: {error}", *place)
            continue
        if "/" not in ref:
            yield Problem(
                f"{shown(ref)} names no registry, so it would be {name}; write e.g. "
                "'registry.example/team/app/cache', or false for no cache",
                *place,
            )


def _secret_problems(image: Image, facts: Facts | None) -> Iterator[Problem]:
    for number, secret in enumerate(image.secrets):
        place = ("secrets", number)
        given = [secret.credentialsId or secret.variable, secret.env, secret.src]
        if sum(1 for item in given if item) != 1:
            yield Problem("give exactly one of 'credentialsId', 'env' and 'src'", *place)
        elif facts and secret.credentialsId and not secret.variable:
            yield Problem(
                "a Jenkins credential exists in Jenkins only; outside it use 'env' or 'src'", *place
            )
        elif _is_missing(secret.src, facts):
            yield Problem(f"there is no file {shown(secret.src)} in the workspace", *place)
    for name in repeated(secret.id for secret in image.secrets):
        yield Problem(f"the id '{name}' is given twice", "secrets")


def _is_missing(path: str, facts: Facts | None) -> bool:
    """Say whether a path of the workspace leads to no file; absolute ones are the container's."""
    if facts is None or not path or posixpath.isabs(path):
        return False
    return path_state(facts, path) != "file"


def _size_problems(image: Image) -> Iterator[Problem]:
    """Refuse values that no command line can carry; the kernel's own message names nothing."""
    given: dict[str, dict[str, Any]] = {"buildArgs": image.buildArgs, "labels": image.labels}
    sizes = {
        (parameter, key): len(f"{key}={value}".encode())
        for parameter, pairs in given.items()
        for key, value in pairs.items()
    }
    large = {place: n for place, n in sizes.items() if n > LONGEST_ARGUMENT - len("build-arg:")}
    for place, size in large.items():
        yield Problem(
            f"is {size} bytes long, a command line takes at most {LONGEST_ARGUMENT}; "
            "put it into a file of the context",
            *place,
        )
    total = sum(sizes.values())
    if not large and total > LONGEST_COMMAND:
        yield Problem(
            f"are {total} bytes long together, a command line takes at most "
            f"{LONGEST_COMMAND}; put them into a file of the context",
            "buildArgs",
        )


def _epoch(facts: Facts, source: Source) -> int | None:
    """Give the time of the source, seconds since 1970; None where nobody knows it."""
    return source.date if facts.epoch is None else facts.epoch


def _all_labels(image: Image, facts: Facts, source: Source) -> dict[str, str]:
    """Give the image's labels: the standard ones (OCI image-spec annotations.md), the user's.

    A null leaves a standard one out. None tells one build of a commit from another, such as the
    address of the build would. `created` is the time of the source where that is known, so
    that an unchanged build has an unchanged digest (reproducible-builds.org, SOURCE_DATE_EPOCH).
    It comes last: builders that make a layer of each label keep the others in their cache.
    """
    prefix = "org.opencontainers.image"
    date = _epoch(facts, source)
    standard = {
        f"{prefix}.source": source.url,
        f"{prefix}.revision": source.commit,
        f"{prefix}.ref.name": source.ref_name,
    }
    created = f"{prefix}.created"
    last = {created: Expand("$(date -u +%Y-%m-%dT%H:%M:%SZ)") if date is None else _utc(date)}
    named = {**{key: value for key, value in standard.items() if value}, **image.labels}
    labels = named if created in named else {**named, **last}
    return {key: value for key, value in labels.items() if value is not None}


def _utc(seconds: int) -> str:
    """Write a time as RFC 3339 wants it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

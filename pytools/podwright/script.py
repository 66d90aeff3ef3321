"""The build script: constant shell text around the recipes' commands. Pure.

Data never becomes shell text: plain words are quoted, and only words that podwright itself makes
(:class:`~podwright.shell.Expand`) may name shell variables.
"""

from __future__ import annotations

import json
import shlex

from podwright import logins, strategies
from podwright.doctor import context
from podwright.records import replace
from podwright.resources import text
from podwright.shell import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from podwright.builders._base import Build, Recipe, Step
    from podwright.request import Common, Credential, Request

_MARK = "PODWRIGHT_END_OF_FILE"


def render(
    request: Request,
    builds: Iterable[tuple[Build, Recipe]],
    strategy: str,
    allowed: Iterable[str],
    run: tuple[str, str],
) -> str:
    """Give the whole script.

    Args:
        request: for retries, timeout and logins.
        builds: each image with its recipe.
        strategy: its name, for the log.
        allowed: the strategies that may be proposed when this one fails.
        run: directory that the script removes at its end, '' for none; and how the strategy was
            chosen, for the log.
    """
    pairs = list(builds)
    common = request.common
    parts = ["\n".join(_header(common, strategy, *run)), text("prelude.sh").rstrip()]
    parts += dict.fromkeys(recipe.functions.strip() for _, recipe in pairs if recipe.functions)
    parts.append("\n".join(_need_lines(common.credentials, pairs)))
    known_builds = [build for build, _ in pairs]
    known_registries = known_builds[0].registries if known_builds else {}
    planned = (common.credentials, known_builds, known_registries)
    parts.append("\n".join(logins.lines(*planned, "pull", "all")))
    others = sorted(set(allowed) - {strategy})
    for_push = logins.lines(*planned, "push")
    for build, recipe in pairs:
        known = context.written(build.name.registry, _told(common.credentials), others)
        lines = [f"PW_CONTEXT={shlex.quote(known)}", *_image_lines(build, recipe, for_push)]
        parts.append("\n".join(lines))
    value = "$pw_results" if request.single else "[$pw_results]"
    parts.append(f'printf \'{{"value":%s}}\\n\' "{value}" >&3')
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(common: Common, strategy: str, job: str, how: str) -> list[str]:
    """Give the lines that prelude.sh wants before it."""
    variables = common.proxy.variables() if common.proxy else {}
    return [
        "#!/bin/sh",
        f"PW_JOB={shlex.quote(job)}",
        f"PW_STRATEGY={shlex.quote(strategy + how)}",
        f"PW_HIDE={'yes' if strategies.get(strategy).shows_dev else ''}",
        f"PW_RETRIES={common.retries}",
        f"PW_TIMEOUT={common.timeout}",
        *([f"PW_STEPS={shlex.quote(common.steps)}"] if common.steps else []),
        *(f"export {name}={shlex.quote(value)}" for name, value in variables.items()),
    ]


def _need_lines(
    credentials: Iterable[Credential], pairs: Iterable[tuple[Build, Recipe]]
) -> list[str]:
    """Check, before anything is built, that the variables with logins and secrets are there."""
    lines = []
    for number, item in enumerate(credentials):
        ends = ("_USR", "_PSW") if item.type == "usernamePassword" else ("",)
        if item.variable:
            lines += [f"pw_need {item.variable}{end} 'credentials[{number}]'" for end in ends]
    for build, _ in pairs:
        for secret in build.image.secrets:
            variable = secret.variable or secret.env
            if variable:
                lines.append(f"pw_need {variable} {shlex.quote(f'secret {secret.id!r}')}")
        for key in build.image.ssh:
            if key.variable or not key.src:
                variable = key.variable or "SSH_AUTH_SOCK"
                lines.append(f"pw_need {variable} {shlex.quote(f'ssh {key.id!r}')}")
    return list(dict.fromkeys(lines))


def _told(credentials: Iterable[Credential]) -> Iterable[Credential]:
    """Give the logins as an explanation of a failure names them: by host."""
    return [
        replace(
            item,
            registry=item.registry.partition("/")[0],
            type="file" if item.secret else item.type,
            variable=item.variable or item.type,
        )
        for item in credentials
    ]


def _names_push(step: Step) -> bool:
    """Say whether a step uses the logins for pushing."""
    return any("$PW_TMP/push" in word for word in (*step.argv, *step.env.values()))


def _step_lines(recipe: Recipe, for_push: list[str]) -> list[str]:
    """Give the lines of the steps; the logins for pushing are there for those that use them alone.

    RUN steps come before, and those of a next image after they are gone.
    """
    using = [number for number, step in enumerate(recipe.steps) if _names_push(step)]
    lines: list[str] = []
    for number, step in enumerate(recipe.steps):
        lines += for_push if using[:1] == [number] else []
        lines.append(_step_line(step))
    return lines


def _image_lines(build: Build, recipe: Recipe, for_push: list[str]) -> list[str]:
    platforms = json.dumps({"platforms": list(build.image.platforms)})[1:-1]
    lines = [shlex.join(["pw_begin", str(build.name), platforms])]
    for path, content in recipe.files.items():
        lines += _file_lines(path, content)
    folder = build.image.output.rpartition("/")[0]
    lines += [f"mkdir -p -- {shlex.quote(folder)}"] if folder else []
    built = _step_lines(recipe, for_push)
    if recipe.digest_file:
        built.append(f"pw_read_digest {quote(recipe.digest_file)} {shlex.quote(recipe.digest_key)}")
    lines += [_compare_line(build), *built, "}"] if build.compared else built
    lines += [_describe_line(build, recipe)] if build.image.push else []
    lines += ["pw_keep"] if build.compared else []
    lines += ["pw_logout push"] if for_push else []
    pushed = str(build.image.push).lower()
    words = [_known_result(build), str(build.name), recipe.cached, pushed, ", ".join(build.tags)]
    lines.append(shlex.join(["pw_done", *words]))
    return lines


def _compare_line(build: Build) -> str:
    """Ask whether there is anything to build, by logins that pull what it is made of and push."""
    words = [build.login("all", "pull"), json.dumps(build.compared), str(build.content.steps)]
    return f"{shlex.join(['pw_unchanged', *words])} || {{"


def _describe_line(build: Build, recipe: Recipe) -> str:
    """Have the registry say what is there now, by the logins that have pushed it."""
    apart = any(map(_names_push, recipe.steps)) and not build.compared
    use = "push" if apart else build.login("all", "pull")
    return shlex.join(["pw_describe", use, json.dumps(build.place())])


def _file_lines(path: str, content: str) -> list[str]:
    """Write a configuration file; a quoted here-document takes any text but its own mark."""
    body = content.replace(_MARK, "")
    return [
        f'mkdir -p "{path.rpartition("/")[0]}"',
        f"cat >\"{path}\" <<'{_MARK}'",
        body.rstrip("\n"),
        _MARK,
    ]


def _step_line(step: Step) -> str:
    """Give the line of one step; functions run their steps themselves."""
    words = [quote(word) for word in step.argv]
    if step.env:
        env = [f"{name}={quote(value)}" for name, value in step.env.items()]
        words = [*env, *words] if step.is_function else ["env", *env, *words]
    if step.is_function:
        return " ".join(words)
    return " ".join(["pw_step", step.retry, shlex.quote(step.title), *words])


def _known_result(build: Build) -> str:
    """Give the part of the result that is known beforehand, as the inside of a JSON object."""
    image = build.image
    known: Mapping[str, Any] = {
        "image": str(build.name),
        "tags": list(build.tags),
        "pushed": image.push,
        "output": image.output or None,
    }
    return json.dumps(known, ensure_ascii=True)[1:-1]

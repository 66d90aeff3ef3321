"""The generated pages: the steps' help in Jenkins, the reference, the tables.

The `.txt` pages pass Jenkins' markup formatter, which escapes HTML by default, so they are plain
text that reads well either way.
"""

from __future__ import annotations

import io
import json
import textwrap
from collections.abc import Mapping
from typing import Any

from podwright import resources, strategies
from podwright.builders._base import FEATURES, Strategy
from podwright.config import Config, OrganisationConfig, RepositoryConfig
from podwright.console import Console
from podwright.distribution.parameters import Copy, Promotion, Pruning, Pushing
from podwright.doctor import examination, symptoms
from podwright.images import IMAGES
from podwright.json_schemas import definitions, of_record
from podwright.pages import cell, entries, page, sections, table
from podwright.plan import plan_pod
from podwright.records import fields
from podwright.request import AROUND, BuildParameters, Image, PodParameters, Registry, parse_pod
from podwright.supply.linting import Lint
from podwright.supply.parameters import Attestation, Scan, Verification

# Steps that run a command, and no builder.
COMMANDS = {
    "promoteImage": Promotion,
    "pushImage": Pushing,
    "pruneImages": Pruning,
    "attestImage": Attestation,
    "scanImage": Scan,
    "verifyImage": Verification,
    "lintDockerfile": Lint,
}


def everything() -> dict[str, str]:
    """Give all pages by path."""
    seen: list[type] = []
    return {
        **_helps(),
        "src/podwright/Parameters.groovy": page("Parameters.groovy", names=_groovy_names()),
        "docs/reference/parameters.md": page(
            "parameters.md",
            build=table(BuildParameters),
            pod=table(PodParameters),
            sections=sections(BuildParameters, "##", seen),
            commands=[
                line
                for step, cls in COMMANDS.items()
                for line in ("", f"## {step}", "", *table(cls), *sections(cls, "###", seen))
            ],
        ),
        "docs/reference/config.md": page(
            "config.md",
            organisation=[
                *table(OrganisationConfig, "setting"),
                *sections(OrganisationConfig, "###", [], "setting"),
            ],
            images=[f"| `{role}` | `{reference}` |" for role, reference in IMAGES.items()],
            repository=table(RepositoryConfig, "setting"),
        ),
        "docs/reference/strategies.md": _strategies_page(),
        "docs/reference/cli.md": cli_page(),
        **_pictures(),
        "deploy/jcasc.yaml": _controller("jcasc"),
        "deploy/helm-values.yaml": _controller("helm-values"),
        "docs/how-to/migrate.md": page("migrate.md", **_flags()),
        "docs/reference/failures.md": page(
            "failures.md", layers=_failures(), measured=_measured_failures()
        ),
    }


def _helps() -> dict[str, str]:
    """Give the steps' help in Jenkins."""
    names = [", ".join(strategies.everything())]
    strategic = {"buildImage": BuildParameters, "withBuilderPod": PodParameters}
    others = {"doctor": examination.DoctorParameters, **COMMANDS}
    texts = {
        step: page(f"{step}.txt", parameters=entries(cls), strategies=names)
        for step, cls in strategic.items()
    }
    texts.update({s: page(f"{s}.txt", parameters=entries(cls)) for s, cls in others.items()})
    return {f"vars/{step}.txt": text for step, text in texts.items()}


def _groovy_names() -> list[str]:
    """Give the names of all parameters as Groovy, for calls without an agent that has Python."""
    classes = {
        "buildImage": BuildParameters,
        "withBuilderPod": PodParameters,
        "buildImage.images": Image,
        **COMMANDS,
        "promoteImage.images": Copy,
        "doctor": examination.DoctorParameters,
    }
    known = {
        name: [i.name for i in fields(cls) if cls is Pushing or not i.metadata["internal"]]
        for name, cls in classes.items()
    }
    known["features"] = [name for name in known["buildImage"] if name in FEATURES]
    known["around"] = list(AROUND)
    known["choosing"] = ["auto", "default"]  # the presets whose strategy nobody named
    rows = []
    for name, parameters in known.items():
        words = ", ".join(f"'{parameter}'" for parameter in parameters) + ","
        lines = textwrap.wrap(words, 94, break_on_hyphens=False)
        rows += [f"    '{name}': [", *(f"      {line}" for line in lines), "    ],"]
    return rows


def _measured_failures() -> list[str]:
    """Give what real failures on a cluster have said, and after how many seconds."""
    return [
        f"| {name} | {told['layer']} | {cell(told['said'])} | {told['seconds']} |"
        for name, told in sorted(json.loads(resources.text("data/failures.json")).items())
    ]


def _controller(command: str) -> str:
    """Give what a command prints for a controller without an organisation's config."""
    from podwright import cli  # noqa: PLC0415 - only this page runs a command

    console = Console(io.StringIO(), io.StringIO(), io.StringIO(), {})
    cli.run([command, "--planner", "registry.example/planner:1"], console)
    return str(console.stdout.getvalue())  # type: ignore[attr-defined]


def _pictures() -> dict[str, str]:
    """Give the pods of all strategies, and which of them a cluster can run, as pictures."""
    from podwright.desk import graph  # noqa: PLC0415 - the bundle has presets, and no pages

    found = strategies.everything()
    made = {"docs/pictures/decision.svg": graph.decision(found)}
    for name, strategy in found.items():
        _, planned = plan_pod(parse_pod({"builder": name}), Config())
        daemon = strategy.daemon_setting(Registry(mirrors=("m",)))
        made[f"docs/pictures/{name}.svg"] = graph.picture(name, planned, by_daemon=daemon)
    return made


def _flags() -> dict[str, list[str]]:
    """Give the flags of other programs with the parameters that stand for them."""
    known = json.loads(resources.text("data/migrate/flags.json"))
    return {
        program: [
            f"| `{flag}` | {(more or [f'`{to}:`'])[0].replace('FLAG', flag)} |"
            for flag, (to, _, *more) in flags.items()
        ]
        for program, flags in known.items()
    }


def _failures() -> list[str]:
    """Give a table for each layer of what is recognised in logs."""
    found, lines = symptoms.load(), []
    for layer in symptoms.LAYERS:
        head = ["| id | what is wrong | what to do |", "|---|---|---|"]
        lines += ["", f"## {layer.capitalize()}", "", *head]
        rows = [item for item in found if item.layer == layer]
        lines += [f"| `{item.id}` | {cell(item.cause)} | {cell(item.remedy)} |" for item in rows]
    return lines


def cli_page() -> str:
    """Give the help of the command and of each subcommand."""
    from podwright import manual, parsers  # noqa: PLC0415 - only this page needs all commands

    lines = ["# The `podwright` command", "", "Generated from `--help`; `-h` is one screen.", ""]
    for parser in manual.tree(parsers.parser()):
        words = parser.prog.split()[1:]
        lines += ["", f"## {parser.prog}", ""] if words else []
        lines += ["```", parser.format_help().rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _strategies_page() -> str:
    """Give what each strategy needs and can do, and what admission has said of its pod."""
    found = strategies.everything()
    measured = json.loads(resources.text("data/levels.json"))
    features = ["| feature | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for feature, words in FEATURES.items():
        marks = ["✓" if feature in strategy.features else "-" for strategy in found.values()]
        features.append(f"| {words} | " + " | ".join(marks) + " |")
    refused = [
        f"* `{name}` in a namespace that enforces `{level}`: {words}"
        for name in found
        for level, words in sorted(measured["presets"].get(name, {}).get("refused", {}).items())
    ]
    variants = [
        f"| {name} | {tried['level']} | {_yes(tried['builds'])} | {_yes(tried['builds_owners'])} |"
        for name, tried in measured["variants"].items()
    ]
    return page(
        "strategies.md",
        table=builders_table(),
        features=features,
        settings=_settings_table(found),
        options=[
            f"* `{name}`: {', '.join(f'`{option}`' for option in strategy.options)}"
            for name, strategy in found.items()
        ],
        kubernetes=[measured["kubernetes"]],
        refused=refused,
        variants=variants,
    )


def _settings_table(found: Mapping[str, Strategy]) -> list[str]:
    """Give where each strategy takes each setting from, as builds in real pods have shown it."""
    rows = [
        f"| {title} | {' | '.join(told.get(name, '?') for name in found)} |"
        for title, told in json.loads(resources.text("data/settings.json")).items()
    ]
    return [f"| setting | {' | '.join(found)} |", "|---" * (len(found) + 1) + "|", *rows]


def _yes(value: object) -> str:
    return "yes" if value else "no"


def builders_table() -> list[str]:
    """Give the short table, which the README shows as well."""
    lines = ["| `builder:` | what it is | level | needs |", "|---|---|---|---|"]
    for name, strategy in strategies.everything().items():
        about = strategies.summary(strategy)
        lines.append(f"| `{name}` | {about} | {strategy.level} | {strategy.needs} |")
    return lines


def request_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a request, for editors and other tools."""
    schema = of_record(BuildParameters)
    schema["properties"]["images"] = {
        "type": "array",
        "items": {"$ref": "#/$defs/Image"},
        "description": schema["properties"]["images"]["description"],
    }
    schema.pop("required", None)
    schema["anyOf"] = [{"required": ["image"]}, {"required": ["images"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "buildImage",
        **schema,
        "$defs": {"Image": of_record(Image), **definitions(BuildParameters)},
    }

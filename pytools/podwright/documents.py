"""The generated pages: the steps' help in Jenkins, the reference, the tables.

The `.txt` pages pass Jenkins' markup formatter, which escapes HTML by default, so they are plain
text that reads well either way.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from podwright import strategies
from podwright.builders._base import FEATURES
from podwright.config import OrganisationConfig, RepositoryConfig
from podwright.images import IMAGES
from podwright.pages import sections, step_text, table
from podwright.records import fields
from podwright.request import BuildParameters, Image, PodParameters

BUILD_TEXT = """\
buildImage: build a container image with any strategy, and push it.

Example:

    @Library('podwright') _
    def result = buildImage(image: 'registry.example/team/app', credentials: 'registry-login') {
      checkout scm
    }
    echo "pushed ${result.reference}"

The step makes its own pod, runs the closure in it (check out there), builds, and returns a map:
image, tags, digest, reference (name with digest), platforms, pushed, output, cachedSteps, seconds.
With 'images' it returns a list of such maps. Inside withBuilderPod it uses that pod.
"""

POD_TEXT = """\
withBuilderPod: run a block in a pod that has a builder.

Example:

    @Library('podwright') _
    withBuilderPod(builder: 'dind-sidecar') {
      checkout scm
      container('builder') { sh 'docker run --rm alpine:3.22 true' }
      buildImage(image: 'registry.example/team/app', credentials: 'registry-login')
    }

The block runs in the agent's container; the builder's program is in the container 'builder'.
"""

CONFIG_TEXT = """\
# Configs

Generated from `pytools/podwright/config.py`; `make generate` renews it. How they are used:
[install](../how-to/install.md).

Both are YAML (or JSON). Order of precedence: call, repository config, organisation config, built-in
defaults. Errors name file, line and column.

## The organisation's

In `PODWRIGHT_CONFIG`, as the text itself or as a path; or given to `podwright generate --presets`,
which puts it into the pods: that one wins over the variable, which a pipeline could set for itself.
It is read where a build is planned; a path must lead to the file there.
"""

REPOSITORY_TEXT = """\
## The repository's: .podwright.yaml

In the directory where the step is called. It is read where a build is planned, so after the
checkout; a pod that exists by then is not changed by it. `builder` counts only where the plan makes
the pod, or on a laptop: in a pod that is there its own strategy builds.
"""

VARIABLES_TEXT = """\
## Variables

Of the agents (in Jenkins: global properties, or those of a folder).

| variable | meaning |
|---|---|
| `PODWRIGHT_CONFIG` | the organisation's config, or its path where builds are planned |
| `PODWRIGHT_RESOURCES` | the folder with `pods/` of a library with presets of your own |
| `PODWRIGHT_SHOW_POD` | `1` prints the pod into the log |
| `PODWRIGHT_PLANNER` | the label of agents with python3, for calls with `pod:` outside of `node` |
"""

LEVELS_TEXT = """\
## What the API server says

The levels are Pod Security levels as the admission of Kubernetes {kubernetes} has judged the preset
pods with `jnlp`.
"""

VARIANTS_TEXT = """\
## How far the levels can be pushed

Changes to the presets, each submitted to the API server and then really building: an image whose
files all belong to root, and one with files of another owner. `Localhost seccomp` is the profile
`tests/e2e/seccomp.json`, which allows namespaces and mounts; the node had no AppArmor.

| pod | admitted at | root's files | other owners |
|---|---|---|---|
"""


def everything() -> dict[str, str]:
    """Give all pages by path."""
    return {
        "vars/buildImage.txt": step_text(BUILD_TEXT, BuildParameters) + _strategy_names(),
        "vars/withBuilderPod.txt": step_text(POD_TEXT, PodParameters) + _strategy_names(),
        "src/podwright/Parameters.groovy": parameter_names(),
        "docs/reference/parameters.md": parameters_page(),
        "docs/reference/config.md": config_page(),
        "docs/reference/strategies.md": strategies_page(),
        "docs/reference/cli.md": cli_page(),
    }


PARAMETERS_GROOVY = """\
package podwright

/** The names of parameters; generated from request.py, `make generate` renews it. */
class Parameters implements Serializable {{
  private static final long serialVersionUID = 1L

  static final Map NAMES = [
{}
  ]
}}
"""


def parameter_names() -> str:
    """Give the names of all parameters as Groovy, for calls without an agent that has Python."""
    known = {"buildImage": BuildParameters, "withBuilderPod": PodParameters, "images": Image}
    rows = []
    for name, cls in known.items():
        words = ", ".join(f"'{item.name}'" for item in fields(cls)) + ","
        lines = textwrap.wrap(words, 94, break_on_hyphens=False)
        rows.append("\n".join([f"    {name}: [", *(f"      {line}" for line in lines), "    ],"]))
    return PARAMETERS_GROOVY.format("\n".join(rows))


def _strategy_names() -> str:
    return f"\nStrategies, the safest first: {', '.join(strategies.everything())}.\n"


def parameters_page() -> str:
    """Give the reference of all parameters."""
    lines = [
        "# Parameters",
        "",
        "Generated from `pytools/podwright/request.py`; `make generate` renews it. As JSON",
        "Schema: [request.schema.json](request.schema.json).",
        "",
        *("## buildImage", "", *table(BuildParameters)),
        *("## withBuilderPod", "", *table(PodParameters)),
        *sections(BuildParameters, "##", []),
    ]
    return "\n".join(lines).rstrip() + "\n"


def config_page() -> str:
    """Give the reference of both configs, with the table of images."""
    lines = [CONFIG_TEXT, *table(OrganisationConfig, "setting")]
    lines += sections(OrganisationConfig, "###", [], "setting")
    lines += ["What a policy does: [policy of the engine](authz.md).", "", "### `images`", ""]
    lines += ["| role | image |", "|---|---|"]
    lines += [f"| `{role}` | `{reference}` |" for role, reference in IMAGES.items()]
    lines += ["", REPOSITORY_TEXT, *table(RepositoryConfig, "setting"), VARIABLES_TEXT.rstrip()]
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Give the help of the command and of each subcommand."""
    from podwright import cli, commands  # noqa: PLC0415 - only this page needs all commands

    lines = ["# The `podwright` command", "", "Generated from `--help`.", ""]
    lines += ["```", cli.parser().format_help().rstrip(), "```"]
    for name in commands.names():
        lines += ["", f"## podwright {name}", "", "```"]
        lines += [cli.subparser(name).format_help().rstrip(), "```"]
    return "\n".join(lines) + "\n"


def strategies_page() -> str:
    """Give what each strategy needs and can do, and what admission has said of its pod."""
    found = strategies.everything()
    measured = json.loads((Path(__file__).parent / "data" / "levels.json").read_text("utf-8"))
    lines = [
        "# Strategies",
        "",
        "Generated from `pytools/podwright/builders/`; the safest first. `podwright builders`",
        "prints the same. [How their images differ](conformance.md).",
        "",
        *builders_table(),
        "",
        "## Features",
        "",
        "| feature | " + " | ".join(found) + " |",
        "|---" * (len(found) + 1) + "|",
    ]
    for feature, words in FEATURES.items():
        marks = ["yes" if feature in strategy.features else "-" for strategy in found.values()]
        lines.append(f"| {words} | " + " | ".join(marks) + " |")
    lines += ["", LEVELS_TEXT.format(**measured)]
    lines += [
        f"* `{name}` in a namespace that enforces `{level}`: {words}"
        for name in found
        for level, words in sorted(
            measured["presets"].get(name, {"refused": {}})["refused"].items()
        )
    ]
    lines += ["", VARIANTS_TEXT.rstrip()]
    for name, tried in measured.get("variants", {}).items():
        marks = ["yes" if tried[key] else "no" for key in ("builds", "builds_owners")]
        lines.append(f"| {name} | {tried['level']} | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


def builders_table() -> list[str]:
    """Give the short table, which the README shows as well."""
    lines = ["| `builder:` | what it is | level | needs |", "|---|---|---|---|"]
    for name, strategy in strategies.everything().items():
        about = strategies.summary(strategy)
        lines.append(f"| `{name}` | {about} | {strategy.level} | {strategy.needs} |")
    return lines

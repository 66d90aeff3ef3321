"""What a controller needs for podwright: Configuration as Code, and values of the Helm chart."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from podwright import __version__, resources
from podwright import config as configs
from podwright.console import Console
from podwright.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of both commands."""
    remote, version = "https://git.example/podwright.git", f"v{__version__}"
    add = parser.add_argument
    add("--config", default="", metavar="FILE", help="the organisation's config")
    add("--namespace", default="builds", help="where pods run (default: builds)")
    add("--library", default=remote, metavar="URL", help="where podwright's repository is")
    add("--version", default=version, metavar="TAG", help=f"its tag (default: {version})")
    add("--credentials", default="", metavar="ID", help="login to that repository, if any")
    add("--planner", default="", metavar="IMAGE", help="agent with python3, for calls with `pod:`")
    add("--untrusted", action="store_true", help="run the library in the sandbox")


def _library(options: argparse.Namespace, console: Console) -> str:
    """Give the part of the library and the organisation's config."""
    text = ""
    if options.config:
        if not Path(options.config).is_file():
            raise UsageError(f"--config: there is no file '{options.config}'; correct the path")
        configs.load(options.config, None, Path(options.config).parent)
        text = Path(options.config).read_text(encoding="utf-8")
    else:
        console.say("no --config is given: builds have podwright's defaults, and no limits")
    # A JSON text is one of YAML; `${` would be a secret of Configuration as Code.
    value = json.dumps(text.replace("${", "^${"), ensure_ascii=False)
    env = f"- {{key: PODWRIGHT_CONFIG, value: {value}}}\n" if text else ""
    env += "- {key: PODWRIGHT_PLANNER, value: podwright-planner}\n" if options.planner else ""
    kind = "globalUntrustedLibraries" if options.untrusted else "globalLibraries"
    parts = {"libraries": kind, "version": options.version, "remote": options.library}
    env = _indented(env or "[]", 10)
    return _filled("library", **parts, credentials=options.credentials, env=env)


def print_alone(options: argparse.Namespace, console: Console) -> int:
    """Print Configuration as Code for a controller without the chart."""
    library, clouds = _library(options, console), ""
    if options.planner:
        planner = _indented(_filled("planner", image=options.planner), 10)
        clouds = _filled("clouds", namespace=options.namespace, planner=planner)
    console.result(_filled("jcasc", podwright=__version__, library=library + clouds))
    return 0


def print_values(options: argparse.Namespace, console: Console) -> int:
    """Print values of the chart; it runs its texts through `tpl`, where braces have a meaning."""
    text = _indented(_library(options, console).replace("{{", '{{ "{{" }}'), 8)
    planner = _indented(_filled("planner", image=options.planner), 6)
    names = {"podwright": __version__, "namespace": options.namespace}
    made = _filled("values", **names, jcasc=text, planner=planner)
    console.result(made if options.planner else made.partition("  podTemplates:")[0])
    return 0


def _indented(text: str, width: int) -> str:
    return "\n".join(" " * width + line if line else "" for line in text.rstrip("\n").split("\n"))


def _filled(name: str, **parts: str) -> str:
    return resources.filled(f"data/jenkins/{name}.yaml", **parts)

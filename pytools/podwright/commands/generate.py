"""Renew the generated files of podwright's own repository.

With --presets it renders an organisation's presets instead: its config decides
about images, registries and strategies, and the folder of the library that
holds the result is named by PODWRIGHT_RESOURCES.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from podwright import config as configs
from podwright import generate
from podwright.config import Config
from podwright.console import Console
from podwright.errors import EXIT_FAILED, UsageError

SUMMARY = "render presets for an organisation"
OPTIONS = """
--check        only say what is stale, exit with 1
--root DIR=.   the repository
--presets DIR  write presets into DIR
--config FILE  the organisation's config, for --presets
"""


def run(options: argparse.Namespace, console: Console) -> int:
    if options.presets:
        return _write_presets(options, console)
    if options.config:
        raise UsageError("--config: goes with --presets; say where the presets are written")
    root = Path(options.root)
    if not (root / "README.md").is_file():
        raise UsageError(
            f"--root: '{options.root}' is not a checkout of podwright's repository; go there, or "
            "name --presets to render an organisation's presets"
        )
    if options.check:
        stale = list(generate.stale(root))
        for name in stale:
            console.say(f"{name}: is stale; run `make generate`")
        console.result("", {"stale": stale})
        return EXIT_FAILED if stale else 0
    written = list(generate.write(root))
    for name in written:
        console.say(f"wrote {name}")
    console.result("", {"written": written})
    return 0


def _write_presets(options: argparse.Namespace, console: Console) -> int:
    """Render an organisation's presets."""
    if options.config and not Path(options.config).is_file():
        raise UsageError(f"--config: there is no file '{options.config}'; correct the path")
    folder = Path(options.presets)
    config = configs.load(options.config, None, Path(options.config or ".").parent)
    text = Path(options.config).read_text(encoding="utf-8") if options.config else ""
    _refuse_paths(config, text)
    # Beside the pods, for requests whose pod is planned on an agent.
    try:
        made = {**generate.presets(config, text), "config.yaml": text.encode()}
    except UsageError as error:
        raise UsageError(
            configs.locate_default(options.config, None, problem) for problem in error.found
        ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in made.items():
            (folder / name).write_bytes(data)
            console.say(f"wrote {folder / name}")
    except OSError as error:
        raise UsageError(
            f"--presets: {error.filename or folder} cannot be written: {error.strerror}"
        ) from None
    console.result("", {"written": [str(folder / name) for name in made]})
    return 0


def _refuse_paths(config: Config, text: str) -> None:
    """Refuse paths of certificates: the config's text travels in the pods, the files do not."""
    problems = [
        f"registries.{host}.ca: is a path, but the config travels in the pods without its files; "
        "write the certificates themselves into it"
        for host, item in config.registries.items()
        if item.ca and item.ca.strip().splitlines()[1] not in text
    ]
    if problems:
        raise UsageError(problems)

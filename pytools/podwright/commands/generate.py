"""Renew the generated files of podwright's own repository.

With --presets it renders an organisation's presets instead: its config decides
about images, registries and strategies, and the folder of the library that
holds the result is named by PODWRIGHT_RESOURCES.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from podwright import config as configs
from podwright import generate
from podwright.errors import EXIT_FAILED, UsageError

if TYPE_CHECKING:
    import argparse

    from podwright.config import Config
    from podwright.console import Console

SUMMARY = "render presets for an organisation"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only say what is stale, exit with 1")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository")
    parser.add_argument("--presets", type=Path, metavar="DIR", help="write presets into DIR")
    parser.add_argument(
        "--config", default="", metavar="FILE", help="the organisation's config, for --presets"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    if options.presets:
        return _write_presets(options, console)
    if options.config:
        raise UsageError("--config: goes with --presets; say where the presets are written")
    if not (options.root / "README.md").is_file():
        raise UsageError(
            f"--root: '{options.root}' is not a checkout of podwright's repository; go there, or "
            "name --presets to render an organisation's presets"
        )
    if options.check:
        stale = generate.stale(options.root)
        for name in stale:
            console.say(f"{name}: is stale; run `make generate`")
        return EXIT_FAILED if stale else 0
    for name in generate.write(options.root):
        console.say(f"wrote {name}")
    return 0


def _write_presets(options: argparse.Namespace, console: Console) -> int:
    """Render an organisation's presets."""
    if options.config and not Path(options.config).is_file():
        raise UsageError(f"--config: there is no file '{options.config}'; correct the path")
    config = configs.load(options.config, None, Path(options.config or ".").parent)
    text = Path(options.config).read_text(encoding="utf-8") if options.config else ""
    _refuse_paths(config, text)
    # Beside the pods, for requests whose pod is planned on an agent.
    made = {**generate.presets(config, text), "config.yaml": text.encode()}
    try:
        options.presets.mkdir(parents=True, exist_ok=True)
        for name, data in made.items():
            (options.presets / name).write_bytes(data)
            console.say(f"wrote {options.presets / name}")
    except OSError as error:
        raise UsageError(
            f"--presets: {error.filename or options.presets} cannot be written: {error.strerror}"
        ) from None
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

"""Write a Jenkinsfile, .podwright.yaml and .dockerignore for this repository.

One image for each Dockerfile that is found. Files that exist stay as they are.
"""

from __future__ import annotations

from pathlib import Path

from podwright import workspace
from podwright.desk import starting

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from podwright.console import Console

SUMMARY = "write a Jenkinsfile and what goes with it"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-t", "--image", metavar="NAME", help="name with registry (default: the repository's name)"
    )
    parser.add_argument(
        "--credentials",
        default="registry-login",
        metavar="ID",
        help="id of the login in Jenkins (default: registry-login)",
    )
    parser.add_argument("--show", action="store_true", help="print the files, write none")


def run(options: argparse.Namespace, console: Console) -> int:
    root = Path.cwd()
    facts = workspace.inspect(root, console.env)
    url = workspace.source_of(facts, ".").url
    image = options.image or starting.image_of(url, root.name)
    for name, text in starting.files_for(root, image, options.credentials).items():
        if options.show:
            console.result(f"# {name}\n{text}")
        elif (root / name).exists():
            console.say(f"kept     {name}, which is there")
        else:
            (root / name).write_text(text, encoding="utf-8")
            console.say(f"wrote    {name}")
    if not options.show:
        named = (
            "" if options.image else f"; the image is called {image} there: correct its registry"
        )
        console.say(f"next:    read them{named}; try `podwright plan`, then commit")
    return 0

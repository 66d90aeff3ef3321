"""The table of images, and the page that tells of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from podwright.images import IMAGES

sys.path.append(str(Path(__file__).parents[1] / "e2e"))
import binaries


def test_the_page_has_the_licence_of_each_image() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "trust.md").read_text()
    rows = page.split("| image | licence of the program |")[1].splitlines()[2:]
    named = re.findall(r"`([a-z-]+)`", " ".join(row.split("|")[1] for row in rows if row))
    assert sorted(named) == sorted(IMAGES)


def test_the_stand_ins_of_the_tests_are_of_the_versions_that_pods_have() -> None:
    built = {name: module.label for module in binaries.MODULES for name, _ in module.programs} | {
        "dockerd": "29.7.2"
    }  # the module's number is not the engine's
    programs = {
        "docker-cli": "docker",
        "docker-engine": "dockerd",
        "buildah": "buildah",
        "podman": "podman",
        "syft": "syft",
        "cosign": "cosign",
    }
    named = {role: re.findall(r":v?([0-9.]+)", IMAGES[role])[0] for role in programs}
    assert named == {role: built[program] for role, program in programs.items()}

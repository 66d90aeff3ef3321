"""The table of images, and the page that tells of it."""

from __future__ import annotations

import re
from pathlib import Path

from podwright.images import IMAGES


def test_the_page_has_the_licence_of_each_image() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "trust.md").read_text()
    rows = page.split("| image | licence of the program |")[1].splitlines()[2:]
    named = re.findall(r"`([a-z-]+)`", " ".join(row.split("|")[1] for row in rows if row))
    assert sorted(named) == sorted(IMAGES)

"""Hooks of `mkdocs build`: files of the repository that pages link to become part of the site.

Pages are read in the repository as well, where such links must work as they are. So the links stay
as they are written, and on the site they lead to copies below ``repository/``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
FOLDERS = ("examples", "deploy")
_LINK = re.compile(r"\]\(((?:\.\./)+)((?:examples|deploy)(?:/[^)#]*)?)(#[^)]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the files that pages may link to."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file():
                name = f"repository/{path.relative_to(ROOT)}"
                files.append(File.generated(config, name, abs_src_path=str(path)))
    worker = str(ROOT / "docs/site/worker.js")
    files.append(File.generated(config, "assets/iframe-worker.js", abs_src_path=worker))
    return files


ORDER = ("Documentation", "Tutorial", "How to", "Explanation", "Reference", "Decisions")


def on_nav(nav: Any, **_: Any) -> Any:
    """Put what newcomers look for first; the files would come by the alphabet."""
    nav.items.sort(key=lambda item: ORDER.index(item.title) if item.title in ORDER else 0)
    return nav


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links out of the documentation lead to the copies; a folder's is its page."""
    depth = page.file.src_uri.count("/")

    def moved(link: re.Match[str]) -> str:
        if link[1].count("../") != depth + 1:
            return link[0]
        target = ROOT / link[2]
        inner = "/README.md" if target.is_dir() else ""
        return f"]({'../' * depth}repository/{link[2].rstrip('/')}{inner}{link[3] or ''})"

    return _LINK.sub(moved, markdown)


_MARKS = {"✓": "yes", "-": "no", "=": "yes", "≠": "differs", "x": "refused"}


def on_page_content(html: str, **_: Any) -> str:
    """Colour the cells of grids: those that hold a mark alone. Pictures lead to themselves."""
    html = re.sub(
        r'<p>(<img [^>]*src="([^"]+\.svg)"[^>]*>)</p>', r'<p><a href="\2">\1</a></p>', html
    )
    marks = "|".join(map(re.escape, _MARKS))
    return re.sub(
        rf"<td>({marks})</td>", lambda cell: f'<td class="{_MARKS[cell[1]]}">{cell[1]}</td>', html
    )

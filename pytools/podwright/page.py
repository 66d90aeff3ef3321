"""Pages for browsers that need nothing else: for phones, in the dark, for screen readers."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from podwright import resources


def page(title: str, body: str) -> str:
    """Give a page."""
    text = resources.text("data/page.html").replace("@title@", escape(title))
    return text.replace("@body@", body)


def table(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Give a table; its cells are HTML."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table><caption>{escape(caption)}</caption>\n<tr>{top}</tr>\n{lines}</table>\n"


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Give names with what is known of each; what is not known is left out."""
    known = [(name, value) for name, value in pairs if value not in (None, "", [], ())]
    items = [f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in known]
    return f"<dl>{''.join(items)}</dl>\n"


def bar(part: float, whole: float, style: str = "") -> str:
    """Give a bar that is drawn beside the number, for eyes alone."""
    width = f"{max(100 * part / whole if whole else 0, 1):.0f}%"
    # No style in an attribute: Jenkins shows pages of builds without.
    return f'<svg class="bar {style}" aria-hidden="true" width="{width}"><rect width="100%"/></svg>'

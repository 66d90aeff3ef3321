"""Records a program as an animated SVG: recording.py FILE COMMAND...

Real output at the times at which it came; pauses are shortened. Where motion is not wanted, and at
the end, the last screen stands still. `make recording` renews the demo's.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from html import escape, unescape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS, WIDTH, LINE, TOP, PAUSE, HOLD = 26, 100, 18, 44, 1.2, 6.0
Moment = tuple[float, str]
STYLE = """
  svg { --back: #f7f8fb; --bar: #e3e7ef; --text: #1b2330; --own: #0a6c3d; --soft: #4d5970 }
  @media (prefers-color-scheme: dark) {
    svg { --back: #14181f; --bar: #262e3b; --text: #e6eaf2; --own: #63d69d; --soft: #a7b2c8 }
  }
  .back { fill: var(--back); stroke: var(--bar) } .bar { fill: var(--bar) }
  text { fill: var(--text); font: 13px ui-monospace, Menlo, Consolas, monospace; white-space: pre }
  .own { fill: var(--own) } .soft { fill: var(--soft) }
  @media (prefers-reduced-motion: no-preference) {
@frames@
  }
"""


def record(command: list[str]) -> list[Moment]:
    """Run a command; gives its lines with the seconds at which they came, without long pauses."""
    found: list[Moment] = []
    shown, before = 1.0, time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            now = time.monotonic()
            shown, before = shown + min(now - before, PAUSE), now
            text = line.rstrip("\n").expandtabs().replace(str(ROOT), "~/podwright")
            found.append((shown, text))
    if process.returncode:
        sys.exit(f"recording: {' '.join(command)} failed:\n" + "\n".join(t for _, t in found[-20:]))
    return found


def wrapped(found: list[Moment]) -> list[Moment]:
    """Break lines that are longer than the screen."""
    return [
        (when, text[start : start + WIDTH])
        for when, text in found
        for start in range(0, max(len(text), 1), WIDTH)
    ]


def drawn(title: str, moments: list[Moment]) -> str:
    """Give the picture."""
    lines = wrapped([(0.0, f"$ {title}"), *moments])
    total = lines[-1][0] + HOLD
    frames, texts = [], []
    for number, (when, text) in enumerate(lines):
        style = "own" if text.lstrip().startswith(("[podwright]", "podwright ---", "$")) else "line"
        style = "soft" if "[Pipeline]" in text else style
        place = f'class="{style} l{number}" x="16" y="{TOP + number * LINE}"'
        texts.append(f"<text {place}>{escape(text)}</text>")
        at = 100 * when / total
        if when:
            frames.append(
                f"    .l{number} {{ animation: l{number} {total:.1f}s infinite step-end }}\n"
                f"    @keyframes l{number} {{ 0% {{ opacity: 0 }} {at:.2f}% {{ opacity: 1 }} }}"
            )
    over = max(len(lines) - ROWS, 0)
    steps = "".join(
        f" {100 * lines[ROWS + n][0] / total:.2f}% {{ transform: translateY(-{(n + 1) * LINE}px) }}"
        for n in range(over)
    )
    frames.append(
        f"    .all {{ animation: all {total:.1f}s infinite step-end }}\n"
        f"    @keyframes all {{ 0% {{ transform: none }}{steps} }}"
    )
    width, height = 16 * 2 + int(WIDTH * 7.85), TOP + ROWS * LINE
    body = "\n".join(texts)
    last = f' style="transform: translateY(-{over * LINE}px)"'
    head = f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}, recorded"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {head}>
<style>{STYLE.replace("@frames@", chr(10).join(frames))}</style>
<rect class="back" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>
<clipPath id="screen"><rect x="0" y="32" width="{width}" height="{height - 40}"/></clipPath>
<rect class="bar" width="{width}" height="24" rx="8"/>
<g clip-path="url(#screen)"><g class="all"{last}>
{body}
</g></g>
</svg>
"""


def told(svg: str) -> list[str]:
    """Give the lines of a picture."""
    return [unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)]


def phases(lines: list[str]) -> list[str]:
    """Give what a recording must have in common with the program of today: its own words."""
    own = [line for line in lines if re.match(r"\[podwright\]|  (podwright|[a-z]+ {3,})", line)]
    return [re.sub(r"\S*\d\S*|(?<=tags: )\S+", "N", line) for line in own]


if __name__ == "__main__":
    target, *words = sys.argv[1:]
    Path(target).write_text(drawn("make demo", record(words)), encoding="utf-8")

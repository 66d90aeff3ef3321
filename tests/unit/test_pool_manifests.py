"""`deploy/pool`: what its files say, and that the chart is made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from podwright.desk import chart
from podwright.images import IMAGES

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "pool"


def test_a_line_of_the_chart_stands_in_its_comment() -> None:
    text = (
        "# chart: {{- if .Values.x }}\n"
        "a: 1 # chart: {{ .Values.a }}\n"
        "- b # chart: {{ .Values.b }}\n"
        "  c: # chart: {{- toYaml .Values.c | nindent 4 }}\n"
        "    gone: 1\n"
        "    # chart-only: d: 2\n"
        "# plain\n"
        "e: {f: g} # chart: {f: {{ .Values.g }}}\n"
    )

    assert chart.template(text) == (
        "{{- if .Values.x }}\n"
        "a: {{ .Values.a }}\n"
        "- {{ .Values.b }}\n"
        "  c: {{- toYaml .Values.c | nindent 4 }}\n"
        "# plain\n"
        "e: {f: {{ .Values.g }}}\n"
    )


@pytest.mark.parametrize(("container", "role"), [("daemon", "buildkit"), ("queue", "queue")])
def test_images_are_those_of_the_table(container: str, role: str) -> None:
    _, daemons = yaml.safe_load_all((FOLDER / "base" / "daemons.yaml").read_text())
    containers = daemons["spec"]["template"]["spec"]["containers"]
    values = yaml.safe_load((FOLDER / "chart" / "values.yaml").read_text())

    assert [item["image"] for item in containers if item["name"] == container] == [IMAGES[role]]
    assert values["images"][container] == IMAGES[role]

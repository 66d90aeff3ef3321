"""Each kind of job as YAML and as XML, minimal and full; a kind without both fails.

``pytest tests/golden/jobs --renew-golden`` writes the XML anew.
"""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from podwright.jobs import description, importing, kinds, normal, rendering, schemas, xmltree
from podwright.records import fields
from podwright.schema import parse_fields

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/jobs.yaml"))


def rendered(case: str) -> rendering.Rendered:
    found = description.read(HERE / case)
    return rendering.render_all(found.jobs)[-1]


def test_every_kind_has_a_minimal_and_a_full_case() -> None:
    assert (
        sorted(f"{kind}-{size}" for kind in kinds.names() for size in ("full", "minimal")) == CASES
    )


@pytest.mark.parametrize("kind", sorted(kinds.names()))
def test_a_full_case_uses_every_field(kind: str) -> None:
    text = (HERE / f"{kind}-full" / "jobs.yaml").read_text()
    unused = [item.name for item in fields(kinds.load(kind)) if f"{item.name}:" not in text]  # type: ignore[arg-type]
    assert unused == (["script", "sandbox"] if kind == "pipeline" else [])


@pytest.mark.parametrize("case", CASES)
def test_a_description_renders_to_its_xml(case: str, request: pytest.FixtureRequest) -> None:
    text = xmltree.pretty(rendered(case).bare())
    path = HERE / case / "config.xml"
    if request.config.getoption("--renew-golden", default=False):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("xml")])
def test_the_xml_is_read_back_in_words_that_render_to_the_same_xml(case: str) -> None:
    item = rendered(case)
    root = xmltree.parse(item.bare())
    kind = importing.kind_for(str(root.tag))
    assert kind is kinds.load(item.job.kind)
    words, _ = importing.in_words(kind, item.job.name, root)
    assert words is not None
    text = importing.dump([{"name": item.job.name, "kind": item.job.kind, **words}])
    (entry,) = yaml.safe_load(text)["jobs"]
    del entry["name"], entry["kind"]
    again = kind(**parse_fields(kind, entry))
    made = xmltree.serialise(again.element(item.job.name, {}))
    assert xmltree.pretty(made) == xmltree.pretty(item.bare())


@pytest.mark.parametrize("case", CASES)
def test_the_schema_for_editors_accepts_the_case(case: str) -> None:
    data = yaml.safe_load((HERE / case / "jobs.yaml").read_text())
    jsonschema.Draft202012Validator(schemas.json_schema()).validate(data)


@pytest.mark.parametrize(
    "job",
    [
        {"name": "a", "script": {"file": "x"}},
        {"name": "a", "template": "t", "kind": "pipeline", "parameters+": []},
        {"name": "a", "kind": "freestyle", "steps": [{"shell": {"file": "x"}}, "<a/>"]},
        {"name": "a", "kind": "view", "columns": ["name", {"xml": "<a/>"}]},
        {"name": "a", "kind": "multibranch",
         "sources": [{"git": {"url": "u", "buildStrategies": ["tags"]}}]},
    ],
)  # fmt: skip
def test_the_schema_for_editors_accepts_all_ways_of_writing(job: object) -> None:
    validator = jsonschema.Draft202012Validator(schemas.json_schema())
    validator.validate({"owner": "a", "jobs": [job]})


@pytest.mark.parametrize(
    "job",
    [
        {"kind": "folder"},
        {"name": "a", "kind": "unknown"},
        {"name": "a", "scrpt": "x"},
        {"name": "a", "kind": "pipeline", "scrpt": "x"},
        {"name": "a", "kind": "pipeline", "triggers": [{"cron": "@daily", "poll": ""}]},
        {"name": "a", "kind": "multibranch", "sources": [{"svn": {}}]},
        {"name": "a", "kind": "freestyle", "steps": [{"shell": ["x"]}]},
    ],
)
def test_the_schema_for_editors_refuses_mistakes(job: object) -> None:
    validator = jsonschema.Draft202012Validator(schemas.json_schema())
    assert not validator.is_valid({"owner": "a", "jobs": [job]})


@pytest.mark.parametrize("case", CASES)
def test_the_normal_form_of_a_job_is_that_of_its_laid_out_self(case: str) -> None:
    item = rendered(case)
    assert normal.same_trees(*map(xmltree.parse, (xmltree.pretty(item.bare()), item.xml("owner"))))
    trees = xmltree.parse(xmltree.pretty(item.bare())), xmltree.parse(item.xml("owner"))
    assert normal.diff(*trees) == []

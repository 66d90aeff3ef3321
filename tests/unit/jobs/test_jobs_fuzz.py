"""Whatever a description holds, it ends in jobs or in sentences, never in a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podwright.errors import UsageError
from podwright.jobs import description, kinds, rendering, xmltree
from podwright.jobs.oneof import OneOf
from podwright.records import fields
from podwright.schema import ListOf, RecordOf

if TYPE_CHECKING:
    from pathlib import Path

    from podwright.schema import Kind

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 10**20)
    | st.sampled_from(["", "a", "{{v}}", "\\{{v}}", "H 2 * * *", "a/b", "../x", "<a/>", "*", "0"])
    | st.text(max_size=8)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip


def likely(kind: Kind, depth: int = 3) -> st.SearchStrategy[Any]:
    """Make values that look right, but not always."""
    if depth == 0:
        return SCALARS
    if isinstance(kind, ListOf):
        inner = likely(kind.item, depth - 1)
        return st.lists(inner, max_size=3) | inner
    if isinstance(kind, RecordOf):
        return some_fields(kind.of, depth - 1) | SCALARS
    if isinstance(kind, OneOf):
        return st.one_of(
            [
                likely(variant, depth - 1).map(lambda value, key=key: {key: value})
                for key, variant in kind.variants.items()
            ]
        )
    return SCALARS | ANYTHING


def some_fields(record: type, depth: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    known = {item.name: likely(item.metadata["kind"], depth) for item in fields(record)}
    return st.fixed_dictionaries({}, optional=known)


JOBS = st.one_of(
    [
        some_fields(kinds.load(name)).map(lambda job, name=name: {**job, "kind": name})
        for name in kinds.names()
    ]
)
HEADS = st.fixed_dictionaries(
    {"name": SCALARS},
    optional={
        "values": st.dictionaries(st.sampled_from("vw"), ANYTHING) | ANYTHING,
        "matrix": st.dictionaries(st.sampled_from("vw"), st.lists(ANYTHING, max_size=3)) | ANYTHING,
        "exclude": ANYTHING,
        "template": st.sampled_from(["t", "u"]) | SCALARS,
        "formerly": SCALARS,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "owner": st.just("a") | SCALARS,
        "jobs": st.lists(st.tuples(HEADS, JOBS).map(lambda two: {**two[1], **two[0]}), max_size=3),
    },
    optional={
        "templates": st.dictionaries(st.sampled_from(["t", "u"]), JOBS) | ANYTHING,
        "defaults": st.dictionaries(st.sampled_from(["all", *kinds.names()]), JOBS) | ANYTHING,
        "folders": ANYTHING,
    },
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "a.yaml"


def check(file: Path) -> None:
    try:
        found = rendering.render_all(description.read(file).jobs)
    except UsageError as error:
        bad = [text for text in error.problems or [""] if "\n" in text or not text.strip()]
        if bad:
            pytest.fail(f"no good sentences: {bad}")
        return
    for item in found:
        xmltree.parse(item.xml("a"))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS)
def test_no_description_crashes(file: Path, document: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    check(file)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@`,? \n\t\0\x07{}"), max_size=40))
def test_no_text_crashes(file: Path, text: str) -> None:
    file.write_text(f"owner: a\n{text}", encoding="utf-8")
    check(file)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.binary(max_size=60))
def test_no_bytes_crash(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    check(file)

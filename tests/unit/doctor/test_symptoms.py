"""Each symptom's samples are recognised by its own texts, and by nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from podwright import strategies
from podwright.doctor import diagnosis, matching, symptoms
from podwright.doctor.context import Context

FOLDER = Path(symptoms.__file__).parent / "symptoms"
ALL = symptoms.from_files(FOLDER)
KNOWN = {item.id: item for item in ALL}
SAMPLES = [(item, number) for item in ALL for number in range(len(item.samples))]
EVERY = tuple(strategies.names())


def context_for(symptom: symptoms.Symptom) -> Context:
    """Give a build of which is known what the symptom's conditions want."""
    if "login" in symptom.when:
        hosts = ["registry.example", "registry.example:5000", "docker.io"]
        return Context(known=True, host=hosts[1], logins=dict.fromkeys(hosts, "registry-login"))
    return Context(known="no-login" in symptom.when)


def causes(log: str, context: Context) -> list[str]:
    """Give the ids of the causes of a log."""
    findings = matching.scan(io.BytesIO(log.encode()))
    return [cause.id for cause in diagnosis.decide(findings, context)]


def ids(sample: tuple[symptoms.Symptom, int]) -> str:
    """Name a sample."""
    return f"{sample[0].id}-{sample[1]}"


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_a_sample_shows_its_symptom_and_no_other(sample: tuple[symptoms.Symptom, int]) -> None:
    symptom, number = sample
    assert causes(symptom.samples[number], context_for(symptom)) == [symptom.id]


@pytest.mark.parametrize("sample", SAMPLES, ids=ids)
def test_without_the_lines_that_show_it_a_sample_has_no_cause(
    sample: tuple[symptoms.Symptom, int],
) -> None:
    symptom, number = sample
    patterns = [symptoms.expression(text) for item in ALL for text in item.texts]
    lines = symptom.samples[number].splitlines()
    rest = [
        line for line in lines if not any(p.search(matching.clean(line.encode())) for p in patterns)
    ]
    assert len(rest) < len(lines)
    assert causes("\n".join(rest), context_for(symptom)) == []


def test_what_a_symptom_names_exists() -> None:
    for item in ALL:
        assert set(item.unless) <= KNOWN.keys(), item.id
        assert set(item.instead) <= set(EVERY), item.id
        assert not item.cause.endswith((".", ";")), item.id
        assert not item.remedy.endswith((".", ";")), item.id

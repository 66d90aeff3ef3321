"""Tags by rule: what each gives for a branch, a tag and a pull request; and its mistakes."""

from __future__ import annotations

import pytest

from podwright import tagrules
from podwright.workspace import Facts, Source

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BRANCH = (Facts(ref_name="feature/x", primary=False), Source(commit=COMMIT, ref_name="feature/x"))
MAIN = (Facts(ref_name="main", primary=True), Source(commit=COMMIT, ref_name="main"))
RELEASE = (Facts(ref_name="v1.2.3", tag_name="v1.2.3"), Source(commit=COMMIT, ref_name="v1.2.3"))
BETA = (Facts(ref_name="2.0.0-rc.1", tag_name="2.0.0-rc.1"), Source(commit=COMMIT))
NIGHTLY = (Facts(ref_name="nightly", tag_name="nightly"), Source(commit=COMMIT))
PULL = (Facts(ref_name="PR-12", change_id="12"), Source(commit=COMMIT, ref_name="PR-12"))
LAPTOP = (Facts(), Source(commit=COMMIT, ref_name="topic"))


@pytest.mark.parametrize(
    ("rule", "made"),
    [
        ("type=semver", {"release": "1.2.3", "beta": "2.0.0-rc.1"}),
        ("type=semver,pattern={{version}}", {"release": "1.2.3", "beta": "2.0.0-rc.1"}),
        ("type=semver,pattern={{major}}.{{minor}}", {"release": "1.2"}),
        ("type=semver,pattern=v{{major}}", {"release": "v1"}),
        (
            "type=ref,event=branch",
            {"branch": "feature-x", "main": "main", "laptop": "topic"},
        ),
        ("type=ref,event=tag", {"release": "v1.2.3", "beta": "2.0.0-rc.1", "nightly": "nightly"}),
        ("type=ref,event=pr", {"pull": "pr-12"}),
        ("type=ref,event=pr,prefix=change-", {"pull": "change-12"}),
        (
            "type=ref,event=branch,suffix=-{{sha}}",
            {"branch": "feature-x-0123456", "main": "main-0123456", "laptop": "topic-0123456"},
        ),
        ("type=raw,value=latest,enable={{is_default_branch}}", {"main": "latest"}),
    ],
)
def test_a_rule_gives_a_tag_or_none(rule: str, made: dict[str, str]) -> None:
    known = {
        "branch": BRANCH,
        "main": MAIN,
        "release": RELEASE,
        "beta": BETA,
        "nightly": NIGHTLY,
        "pull": PULL,
        "laptop": LAPTOP,
    }
    found = {name: tagrules.applied((rule,), *of) for name, of in known.items()}
    assert {name: tags[0] for name, tags in found.items() if tags} == made
    assert tagrules.mistake(rule) == ""


def test_tags_and_rules_stand_together_each_tag_once() -> None:
    tags = ("1.2.3", "type=semver", "type=sha", "type=ref,event=pr")
    assert tagrules.applied(tags, *RELEASE) == ("1.2.3", "sha-0123456")


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            "a=b",
            (
                "'a=b' has no type of rule that is known; begin with type=, one of semver, ref, "
                "sha, raw"
            ),
        ),
        (
            "type=semvr",
            "'type=semvr' has no type of rule that is known; did you mean 'semver'?",
        ),
        ("type=ref", "'type=ref' needs 'event'"),
        ("type=raw", "'type=raw' needs 'value'"),
        (
            "type=ref,event=push",
            "'type=ref,event=push': event is one of branch, tag, pr, got 'push'",
        ),
        (
            "type=sha,pattern=x",
            "'type=sha,pattern=x': unknown key 'pattern'; known are enable, prefix, suffix",
        ),
        (
            "type=semver,pattern={{mayor}}",
            "'type=semver,pattern={{mayor}}': unknown field 'mayor'; did you mean 'major'?",
        ),
    ],
)
def test_a_mistake_in_a_rule_is_one_sentence(rule: str, sentence: str) -> None:
    assert tagrules.mistake(rule) == sentence

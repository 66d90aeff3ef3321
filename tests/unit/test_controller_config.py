"""`podwright jcasc` and `helm-values`: keys that there are, with the organisation's config."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from test_cli import run

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CONFIG = 'owner: "${TEAM} {{ team }}"\nbuilders: [kaniko]\nlimits:\n- {memory: 8Gi}\n'


@pytest.fixture
def config(tmp_path: Path) -> str:
    """An organisation's config with what Configuration as Code and Helm would expand."""
    path = tmp_path / "acme.yaml"
    path.write_text(CONFIG)
    return str(path)


def known(name: str) -> set[str]:
    lines = (HERE / name).read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Give the dotted paths of what is no map; lists do not count."""
    items = value if isinstance(value, list) else [value]
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in items):
        for item in items:
            yield from leaves(item, path)
    else:
        yield path


def test_configuration_as_code_has_keys_that_there_are(config: str) -> None:
    code, out, err = run("jcasc", "--config", config, "--planner", "r.example/planner:1")
    made = yaml.safe_load(out)

    assert (code, err) == (0, "")
    assert set(leaves(made)) == known("jcasc-keys.txt")
    library = made["unclassified"]["globalLibraries"]["libraries"][0]
    assert library["allowVersionOverride"] is False
    env = made["jenkins"]["globalNodeProperties"][0]["envVars"]["env"]
    assert env == [
        {"key": "PODWRIGHT_CONFIG", "value": CONFIG.replace("${", "^${")},
        {"key": "PODWRIGHT_PLANNER", "value": "podwright-planner"},
    ]
    template = made["jenkins"]["clouds"][0]["kubernetes"]["templates"][0]
    assert yaml.safe_load(template["yaml"])["spec"]["containers"][0]["image"] == (
        "r.example/planner:1"
    )


def test_the_library_may_run_in_the_sandbox(config: str) -> None:
    made = yaml.safe_load(run("jcasc", "--config", config, "--untrusted")[1])

    assert list(made["unclassified"]) == ["globalUntrustedLibraries"]
    assert "clouds" not in made["jenkins"]


def test_the_charts_values_have_keys_that_there_are(config: str) -> None:
    code, out, _ = run("helm-values", "--config", config, "--namespace", "ci", "--planner", "p:1")
    made = yaml.safe_load(out)

    assert code == 0
    paths = {
        path.replace(".podwright-planner", "").replace(".podwright", "") for path in leaves(made)
    }
    assert paths == known("helm-chart-keys.txt")
    assert made["agent"]["namespace"] == "ci"
    # The chart runs both texts through `tpl`: braces have to come out of it as they were.
    script = made["controller"]["JCasC"]["configScripts"]["podwright"].replace('{{ "{{" }}', "{{")
    env = yaml.safe_load(script)["jenkins"]["globalNodeProperties"][0]["envVars"]["env"]
    assert env[0]["value"] == CONFIG.replace("${", "^${")
    planner = yaml.safe_load(made["agent"]["podTemplates"]["podwright-planner"])
    assert planner[0]["label"] == "podwright-planner"
    assert "podTemplates" not in yaml.safe_load(run("helm-values", "--config", config)[1])["agent"]


def test_a_wrong_config_is_told_and_nothing_is_printed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("bulders: [kaniko]\n")

    assert run("helm-values", "--config", str(tmp_path / "a.yaml")) == (
        2,
        "",
        (
            f"podwright helm-values: {tmp_path}/a.yaml:1:1: unknown setting 'bulders'; did you "
            "mean 'builders'?\n"
        ),
    )
    assert run("jcasc", "--config", "nowhere.yaml")[2] == (
        "podwright jcasc: --config: there is no file 'nowhere.yaml'; correct the path\n"
    )


def test_without_a_config_it_is_said_that_there_are_no_limits() -> None:
    code, out, err = run("jcasc")

    assert code == 0
    assert "[]" in out
    assert err == "no --config is given: builds have podwright's defaults, and no limits\n"

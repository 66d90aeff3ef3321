"""The end-to-end tests run the bridge's own script; a change of its source shows here first."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

# Whose builds go on in threads while pytest goes from test to test.
BESIDE = (
    "conformance/cases.py",
    "e2e/daemons.py",
    "e2e/harness.py",
    "e2e/test_pipelines.py",
)
ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "e2e"))

import binaries  # noqa: E402 - after the path is set
import harness  # noqa: E402
import layout  # noqa: E402


def test_the_script_of_the_bridge_is_found_and_whole() -> None:
    script = harness.bridge_script("the-job", "{}")
    known = (ROOT / "src" / "podwright" / "Bundle.groovy").read_text()
    total, call, _ = script.split("\n", 2)
    assert f" SUM = '{total.removeprefix('pw_sum=')}'" in known
    assert call == "pw_call=the-job"
    assert 'job="$home/podwright/$pw_call"' in script
    assert "<<'END OF THE REQUEST' || no_room\n{}\nEND OF THE REQUEST\nexec 3>&1" in script
    assert 'exec sh "$job/build.sh"' in script
    assert "\\\\" not in script
    assert "'''" not in script
    checked = subprocess.run(["sh", "-n"], input=script, text=True, check=False)
    assert checked.returncode == 0


def test_the_tests_own_cluster_is_asked_by_its_own_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, own = tmp_path / "kubectl", binaries.path("kubectl")
    machine.write_text("#!/bin/sh\n")
    machine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(layout, "ENVIRONMENT", {"PATH": str(tmp_path), "TMPDIR": str(tmp_path)})

    ours = harness.environment(str(layout.KUBECONFIG))
    assert ours["PATH"] == f"{own.parent}:{tmp_path}"
    assert ours["KUBECONFIG"] == str(layout.KUBECONFIG)
    assert "TMPDIR" not in ours
    theirs = harness.environment("/home/me/.kube/config")
    assert (theirs["PATH"], theirs["KUBECONFIG"]) == (str(tmp_path), "/home/me/.kube/config")
    assert harness.Cluster(_site("/home/me/.kube/config")).program == str(machine)

    machine.unlink()
    assert harness.environment("/home/me/.kube/config")["PATH"] == f"{own.parent}:{tmp_path}"
    assert harness.Cluster(_site("/home/me/.kube/config")).program == str(own)


def _site(kubeconfig: str) -> harness.Site:
    return harness.Site(kubeconfig, "registry.example:5000", "builder", "secret", "")


@pytest.mark.parametrize("name", BESIDE)
def test_programs_that_start_beside_pytest_have_variables_of_their_own(name: str) -> None:
    text = (ROOT / "tests" / name).read_text()
    calls = [item for item in ast.walk(ast.parse(text)) if isinstance(item, ast.Call)]
    starts = [item for item in calls if ast.unparse(item.func).startswith("subprocess.")]
    assert starts
    without = [item for item in starts if "env" not in {word.arg for word in item.keywords}]
    assert [f"{name}:{item.lineno}" for item in without] == []
    assert "**os.environ" not in text

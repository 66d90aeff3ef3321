"""The end-to-end tests run the bridge's own script; a change of its source shows here first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

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
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    ours = harness.environment(_site(str(layout.KUBECONFIG)))
    assert ours["PATH"] == f"{own.parent}:{tmp_path}"
    assert ours["KUBECONFIG"] == str(layout.KUBECONFIG)
    assert "TMPDIR" not in ours
    theirs = harness.environment(_site("/home/me/.kube/config"))
    assert (theirs["PATH"], theirs["KUBECONFIG"]) == (str(tmp_path), "/home/me/.kube/config")
    assert harness.Cluster(_site("/home/me/.kube/config")).program == str(machine)

    machine.unlink()
    assert harness.environment(_site("/home/me/.kube/config"))["PATH"] == f"{own.parent}:{tmp_path}"
    assert harness.Cluster(_site("/home/me/.kube/config")).program == str(own)


def _site(kubeconfig: str) -> harness.Site:
    return harness.Site(kubeconfig, "registry.example:5000", "builder", "secret", "")

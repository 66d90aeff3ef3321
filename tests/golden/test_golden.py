"""Each strategy's pod and script, as they are planned for a small request and for a full one.

A folder <strategy>-minimal or <strategy>-full holds `request.json` (what was asked), `pod.json` and
`build.sh` (what was planned). `make golden` renews the last two, and writes all three for a
strategy that has none. Texts that travel inside pods and scripts (prelude.sh, the planner's loop)
are shortened to their first line: their own tests look at them, and the presets hold them in full.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from podwright import inputs, strategies
from podwright.documents import request_schema
from podwright.plan import Plan, plan
from podwright.resources import text
from podwright.workspace import Facts

HERE = Path(__file__).parent
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def checked_out() -> TemporaryDirectory[str]:
    """Make a checkout of the workspace: a commit of 2026, on main, from a forge."""
    made = TemporaryDirectory(prefix="podwright-golden-")
    shutil.copytree(HERE / "workspace", made.name, dirs_exist_ok=True)
    git = Path(made.name) / ".git"
    (git / "objects" / COMMIT[:2]).mkdir(parents=True)
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    (git / "config").write_text('[remote "origin"]\n\turl = https://git.example/team/app.git\n')
    body = b"tree 0\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1764115200 +0100\n\nx\n"
    commit = zlib.compress(b"commit %d\0%s" % (len(body), body))
    (git / "objects" / COMMIT[:2] / COMMIT[2:]).write_bytes(commit)
    return made


_CHECKOUT = checked_out()
WORKSPACE = Path(_CHECKOUT.name)
CASES = [f"{name}-{size}" for name in strategies.names() for size in ("minimal", "full")]
# Strategies that can build on daemons of a pool, and what they are told of one.
CASES += [f"{n}-pool" for n, one in strategies.everything().items() if "pool" in one.features]
POOL = """\
pools:
  team-a:
    namespace: pool-a
    certificates: pool-a-client
    daemons:
      - {service: amd64, replicas: 3, platforms: [linux/amd64]}
      - {service: arm64, replicas: 10, platforms: [linux/arm64]}
"""
# What a pipeline's workspace is called in a pod.
MOUNTED = "/home/jenkins/agent/workspace/app"
FACTS = Facts(
    root=str(WORKSPACE),
    build_url="https://jenkins.example/job/app/7/",
    build_id="jenkins-app-7",
)
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nZXhhbXBsZQ==\n-----END CERTIFICATE-----\n"
# Native sidecars need 1.29.
OLDEST = "1.29.0"
NEWEST = kubernetes_validate.latest_version()


def minimal(name: str) -> dict[str, Any]:
    """Give the smallest request."""
    return {"builder": name, "image": "registry.example/team/app"}


def full(name: str) -> dict[str, Any]:
    """Give a request that asks for everything the strategy can do."""
    features = strategies.get(name).features
    request: dict[str, Any] = {
        **minimal(name),
        "tags": ["1.2", "latest"],
        "context": "app",
        "dockerfile": "app/release.Dockerfile",
        "target": "release",
        "buildArgs": {"VERSION": "1.2", "GREETING": 'it\'s $HOME, `here` and "there"\nä'},
        "labels": {"org.opencontainers.image.title": "the app"},
        "credentials": [
            {"credentialsId": "pull", "use": "pull", "registry": "docker.io", "variable": "PW_1"},
            {"credentialsId": "push", "use": "push", "variable": "PW_2"},
        ],
        "registries": {
            "registry.example": {"ca": CERTIFICATE},
            "plain.example:5000": {"http": True},
        },
        "retries": 3,
        "timeout": "90m",
        "pod": {
            "resources": {"builder": {"limits": {"memory": "8Gi"}}},
            "nodeSelector": {"kubernetes.io/arch": "amd64"},
            "tolerations": [{"key": "builds", "operator": "Exists", "effect": "NoSchedule"}],
            "serviceAccount": "builds",
            "labels": {"team": "a"},
            "annotations": {"example.com/why": "it builds"},
            "imagePullSecrets": ["mirror"],
            "runtimeClass": "gvisor",
            "deadline": "2h",
            "yaml": {"spec": {"priorityClassName": "low"}},
        },
    }
    extras: dict[str, dict[str, Any]] = {
        "platforms": {"platforms": ["linux/amd64", "linux/arm64"]},
        "secrets": {
            "secrets": [
                {"id": "token", "env": "TOKEN"},
                {"id": "settings", "src": "app/settings.txt"},
                {"id": "file", "credentialsId": "f", "type": "file", "variable": "PW_3"},
            ]
        },
        "ssh": {"ssh": [{}, {"id": "key", "credentialsId": "k", "variable": "PW_4"}]},
        "cache": {"cache": {"ref": "registry.example/team/app-cache"}},
        "output": {"output": "app.tar"},
    }
    for feature in sorted(features & extras.keys()):
        request.update(extras[feature])
    if "cacheClaim" in features:
        request["pod"]["cacheClaim"] = "layers"
    return request


def pooled(name: str) -> dict[str, Any]:
    """Give a request for daemons of a pool."""
    return {
        **minimal(name),
        "pool": "team-a",
        "platforms": ["linux/amd64", "linux/arm64"],
        "cache": True,
        "credentials": [{"credentialsId": "push", "variable": "PW_1"}],
    }


def planned(case: str) -> Plan:
    """Plan a case, with every fact fixed."""
    value = json.loads((HERE / case / "request.json").read_text(encoding="utf-8"))
    env = {"PODWRIGHT_CONFIG": POOL} if case.endswith("-pool") else {}
    request, config = inputs.load(value, WORKSPACE, env)
    return plan(request, config, FACTS)


def shortened(value: Any) -> Any:
    """Cut texts of more than 12 lines to their first one."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, str) and value.count("\n") > 12:
        return value.split("\n", 1)[0] + " [...]"
    return value


def shown(case: str) -> dict[str, str]:
    """Give the golden files of a case as they would be written now."""
    made = planned(case)
    prelude = text("prelude.sh").rstrip()
    assert made.script.count(prelude) == 1
    script = made.script.replace(prelude, "# [prelude.sh]")
    pod = json.dumps(shortened(made.pod), indent=2, ensure_ascii=False) + "\n"
    files = {"pod.json": pod, "build.sh": script}
    return {name: content.replace(str(WORKSPACE), MOUNTED) for name, content in files.items()}


@pytest.fixture
def case(request: pytest.FixtureRequest) -> str:
    """A case whose files are there; with --renew-golden they are written first."""
    name: str = request.param
    folder = HERE / name
    if request.config.getoption("--renew-golden"):
        folder.mkdir(exist_ok=True)
        asked = folder / "request.json"
        if not asked.exists():
            builder, _, size = name.rpartition("-")
            value = {"minimal": minimal, "full": full, "pool": pooled}[size](builder)
            asked.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
        for file, content in shown(name).items():
            (folder / file).write_text(content, encoding="utf-8")
    missing = [f for f in ("request.json", "pod.json", "build.sh") if not (folder / f).exists()]
    if missing:
        pytest.fail(f"{folder}: {', '.join(missing)} is missing; `make golden` writes it")
    return name


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_plan_is_what_the_golden_files_say(case: str) -> None:
    found = {name: (HERE / case / name).read_text(encoding="utf-8") for name in shown(case)}

    assert shown(case) == found


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_request_of_the_golden_files_fits_the_json_schema(case: str) -> None:
    value = json.loads((HERE / case / "request.json").read_text(encoding="utf-8"))

    jsonschema.validate(value, request_schema(), cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_pod_is_one_for_the_oldest_and_the_newest_kubernetes(case: str, version: str) -> None:
    pod = planned(case).pod
    if version == OLDEST:
        pod = without_app_armor(pod)

    kubernetes_validate.validate(pod, version, strict=True)


def without_app_armor(pod: Any) -> Any:
    """Leave out the one field that 1.29 does not know (it ignores it; 1.30 brought it)."""
    if isinstance(pod, dict):
        return {k: without_app_armor(v) for k, v in pod.items() if k != "appArmorProfile"}
    return [without_app_armor(item) for item in pod] if isinstance(pod, list) else pod


def test_a_pod_with_an_unknown_field_would_be_noticed() -> None:
    pod = planned(CASES[0]).pod
    pod["spec"]["hostNetworks"] = True

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, NEWEST, strict=True)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_script_passes_shellcheck(case: str) -> None:
    program = shutil.which("shellcheck")
    assert program, "shellcheck is missing; `make setup` installs it"
    done = subprocess.run(
        # SC2016: what stands in single quotes is data, dollar signs and all. SC2317: a strategy may
        # put its own clean-up in the place of the prelude's.
        [program, "-s", "sh", "-e", "SC2016,SC2317", "-"],
        input=planned(case).script,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == ""
    assert done.returncode == 0


def test_no_golden_file_is_left_over() -> None:
    folders = {path.name for path in HERE.iterdir() if (path / "request.json").exists()}

    assert folders == set(CASES)


# Forms of real credentials; golden files show what travels in pods and logs.
SECRETS = [
    r"AKIA[0-9A-Z]{16}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"glpat-[A-Za-z0-9_-]{20}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.",
    r"://[^/\s:@\"']+:[^/\s@\"']+@",
    r"(?i)\b(password|passwd|token|secret|api_?key)\b[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9+/]{12,}",
]


def look_alikes(text_: str) -> list[str]:
    """Give what looks like a credential."""
    return [found[0] for form in SECRETS for found in re.finditer(form, text_)]


def test_no_golden_file_holds_what_looks_like_a_secret() -> None:
    files = [path for case in CASES for path in (HERE / case).iterdir()]

    assert {str(f): look_alikes(f.read_text("utf-8")) for f in files} == {str(f): [] for f in files}


def test_what_looks_like_a_secret_would_be_noticed() -> None:
    assert look_alikes("https://user:hunter2@registry.example/") == ["://user:hunter2@"]
    assert look_alikes('"password": "c29tZXRoaW5nLWxvbmc="') == ['password": "c29tZXRoaW5nLWxvbmc']
    assert look_alikes("TOKEN=abcdefghijklmnop") == ["TOKEN=abcdefghijklmnop"]


def test_no_golden_file_holds_a_path_of_this_machine() -> None:
    machine = {str(WORKSPACE), str(Path.home()), str(HERE)} - {"/", "/root"}
    files = [path for case in CASES for path in (HERE / case).iterdir()]

    found = [str(f) for f in files if any(word in f.read_text("utf-8") for word in machine)]

    assert found == []

"""The command: exit codes, where errors go, and help that teaches."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from podwright import __version__, cli, strategies
from podwright.builders._base import FEATURES
from podwright.console import Console

if TYPE_CHECKING:
    from pathlib import Path

# The width that argparse wraps at.
WIDE = {**os.environ, "COLUMNS": "100", "PYTHONWARNINGS": "error"}


def podwright(
    *words: str, cwd: Path | None = None, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command as a process."""
    return subprocess.run(
        [sys.executable, "-m", "podwright", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env=more.pop("env", WIDE),
        **more,
    )


def run(*words: str, env: dict[str, str] | None = None, stdin: str = "") -> tuple[int, str, str]:
    """Run the command in this process; gives exit code, stdout and stderr."""
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(stdin), env or {})
    code = cli.run(words, console)
    return code, console.stdout.getvalue(), console.stderr.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def here(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace as the current directory."""
    monkeypatch.chdir(workspace)
    return workspace


def test_success_is_0_with_the_result_on_stdout_alone(here: Path) -> None:
    code, out, err = run("plan", "-t", "r.example/app:1", "--builder", "buildah", "--json")

    assert (code, err) == (0, "")
    assert json.loads(out)["builder"] == "buildah"


def test_the_users_mistake_is_2_with_all_sentences_on_stderr_alone(here: Path) -> None:
    assert run("plan", "--image", "App", "--tag", "a b", "--builder", "buildah") == (
        2,
        "",
        (
            "podwright plan: image: 'App' is not a valid image name: repositories are lower case; "
            "'app' would "
            "be one\n"
            "podwright plan: tags[0]: 'a b' is not a valid tag (1 to 128 letters, digits, '_', '.' "
            "and '-', not "
            "beginning with '.' or '-'); 'a-b' would be one\n"
        ),
    )


def test_mistakes_of_names_types_and_values_are_told_at_once(here: Path) -> None:
    path = here / "request.json"
    asked = {
        "builder": "kanico",
        "retries": "3",
        "registries": {"r.example": {"ca": "no.pem"}},
        "pod": {"deadline": "1d", "resources": {"bilder": {}}},
        "images": [
            {"image": "App", "tags": [True], "cntext": "x"},
            "b",
            {"tags": ["a b"], "cache": {"ref": "Up/per", "mode": "mx"}, "context": "nowhere"},
        ],
    }
    path.write_text(json.dumps(asked))

    code, out, err = run("plan", "--request", str(path))

    assert (code, out) == (2, "")
    said = re.sub(rf"podwright plan: (?:{path}:1:[0-9]+: )?", "", err).splitlines()
    assert f"podwright plan: {path}:1:2: builder: unknown builder" in err
    assert said == [
        "builder: unknown builder 'kanico'; did you mean 'kaniko'?",
        (
            "pod.deadline: expected minutes as a number, or a text such as '90s', '15m' or '2h', "
            "got '1d'"
        ),
        "retries: expected a whole number, got '3'; write it without quotes",
        "images[0]: unknown parameter 'cntext'; did you mean 'context'?",
        "images[0].tags[0]: expected a text, got a boolean",
        "images[1]: expected a map",
        "images[2].image: is missing; name with registry, e.g. 'registry.example/team/app'",
        "images[2].cache.mode: unknown cache mode 'mx'; did you mean 'max'?",
        "registries.r.example.ca: there is no PEM file 'no.pem'; name one, or give its text",
        (
            "images[0].image: 'App' is not a valid image name: repositories are lower case; 'app' "
            "would be one"
        ),
        (
            "images[2].tags[0]: 'a b' is not a valid tag (1 to 128 letters, digits, '_', '.' "
            "and '-', not "
            "beginning with '.' or '-'); 'a-b' would be one"
        ),
        (
            "images[2].context: there is no folder 'nowhere' in the workspace; check out first, "
            "or correct the path"
        ),
        (
            "images[2].cache.ref: 'Up/per' is not a valid image name: repositories are lower case; "
            "'up/per' would be one"
        ),
    ]


def test_the_script_alone_can_be_printed(here: Path) -> None:
    code, out, _ = run("plan", "--image", "a", "--tag", "1", "--script")

    assert code == 0
    assert out.startswith("#!/bin/sh\n")


def test_a_pod_is_printed_for_each_strategy(here: Path) -> None:
    for name in strategies.names():
        code, out, err = run("pod", "--builder", name)
        assert (code, err) == (0, "")
        assert json.loads(out)["kind"] == "Pod"


def test_a_machine_gets_errors_as_json_and_exit_code_0(here: Path) -> None:
    path = here / "request.json"
    path.write_text('{"builder": "kanico"}')

    code, out, err = run("pod", "--machine", str(path))

    assert (code, err) == (0, "")
    assert json.loads(out) == {"error": "builder: unknown builder 'kanico'; did you mean 'kaniko'?"}


def test_a_request_for_an_image_is_checked_before_its_pod_exists(here: Path) -> None:
    path = here / "request.json"
    path.write_text('{"image": "r.example/app", "tgas": ["1"], "retries": 99, "pod": {}}')

    _, out, _ = run("pod", "--machine", str(path))

    assert json.loads(out) == {
        "error": "unknown parameter 'tgas'; did you mean 'tags'?\n"
        "retries: 99 is not between 0 and 20"
    }


def test_a_check_tells_mistakes_and_looks_for_no_file(here: Path) -> None:
    path = here / "request.json"
    words = ("pod", "--machine", "--check", str(path))
    registries = {"r.example": {"ca": "of/the/checkout.pem"}}

    path.write_text(
        json.dumps({"image": "r.example/app", "registries": registries, "context": "x"})
    )
    assert run(*words) == (0, '{"pod": {}}\n', "")
    path.write_text(
        json.dumps({"image": "r.example/app", "registries": registries, "tags": ["a b"]})
    )
    assert json.loads(run(*words)[1])["error"].startswith("tags[0]: 'a b' is not a valid tag")
    assert run("pod", "--check", "--builder", "kaniko") == (0, "", "")


def test_a_slip_is_guessed_among_the_parameters_of_the_step(here: Path) -> None:
    path = here / "request.json"
    words = ("pod", "--machine", str(path), "--step")

    path.write_text('{"imgae": "r.example/app", "pod": {}}')
    assert json.loads(run(*words, "buildImage")[1]) == {
        "error": "unknown parameter 'imgae'; did you mean 'image'?"
    }
    path.write_text('{"image": "r.example/app", "pdo": {}}')
    assert json.loads(run(*words, "withBuilderPod")[1]) == {
        "error": (
            "image: does nothing here; it is a parameter of buildImage\n"
            "unknown parameter 'pdo'; did you mean 'pod'?"
        )
    }


def test_the_pod_of_an_image_is_one_that_can_build_it(here: Path) -> None:
    path = here / "request.json"
    path.write_text(
        '{"image": "r.example/app", "ssh": [{"credentialsId": "k", "variable": "V"}], "pod": {}}'
    )
    env = {"PODWRIGHT_CONFIG": '{"builders": ["kaniko", "podman"]}'}

    _, out, _ = run("pod", str(path), env=env)

    names = {
        item["name"]: item["value"]
        for container in json.loads(out)["spec"]["containers"]
        for item in container.get("env", [])
    }
    assert names["PODWRIGHT_BUILDER"] == "podman"
    assert names["PODWRIGHT_CONFIG"] == env["PODWRIGHT_CONFIG"]


def test_a_config_file_travels_in_the_pod_as_text(here: Path, tmp_path: Path) -> None:
    path = tmp_path / "org.yaml"
    path.write_text("builder: podman\n")

    _, out, _ = run("pod", env={"PODWRIGHT_CONFIG": str(path)})

    assert '{"name": "PODWRIGHT_CONFIG", "value": "builder: podman\\n"}' in json.dumps(
        json.loads(out)
    )


def test_a_plan_is_read_by_people(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    words = (
        "-t",
        "r.example/app:1",
        "-t",
        "r.example/app:2",
        "--credential",
        "variable=R,use=push",
    )

    assert run("plan", *words, "--cache", "r.example/c", "--target", "t", ".") == (
        0,
        """\
builder   kaniko (auto); on this machine `podwright build` takes buildah
image     r.example/app:1, 2
from      ., Dockerfile, target t
cache     r.example/c (read and written)
pod       tools, builder (level baseline; limits cpu 5, memory 4.2 GiB)
logins    R for the image (push)
steps     building r.example/app
--script prints the script, --json all of it
""",
        "",
    )


def test_a_build_takes_the_strategy_of_the_repository(here: Path, tmp_path: Path) -> None:
    for name in ("buildah", "podman"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\nexit 125\n")
        program.chmod(0o755)
    env = {**WIDE, "PATH": f"{program.parent}:/usr/bin:/bin"}
    config = here / ".podwright.yaml"

    said = {}
    for builder in ("podman", "kaniko"):
        config.write_text(f"builder: {builder}\n")
        done = podwright("build", "-t", "r.example/a:1", cwd=here, env=env)
        said[builder] = done.stderr.splitlines()[0]

    assert said == {
        "podman": "podwright build: building with podman",
        "kaniko": "podwright build: building with buildah",
    }


def test_an_image_without_a_registry_is_not_pushed_where_nobody_may(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")

    assert run("build", "-t", "app:1") == (
        2,
        "",
        (
            "podwright build: image: 'app:1' names no registry, so it would be pushed to "
            "docker.io/library; write e.g. 'registry.example/team/app:1', or do not push it "
            "(push: false)\n"
        ),
    )


def test_a_strategy_whose_program_is_missing_is_told_before_anything_starts(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"podman": "/bin/podman"}
    monkeypatch.setattr("shutil.which", there.get)

    assert run("build", "-t", "r.example/app:1", "--builder", "buildkit") == (
        2,
        "",
        (
            "podwright build: builder: 'buildkit' needs buildctl, which is not installed here; "
            "install it, or use --builder podman\n"
        ),
    )


def test_slips_in_a_pod_are_told_before_kubernetes_tells_them(here: Path) -> None:
    pod = {
        "tolerations": [{"operator": "Foo", "effekt": "x"}],
        "serviceAccount": "a b",
        "cacheClaim": "My_Claim",
        "yaml": {
            "metadata": {"lables": {}},
            "spce": {},
            "spec": {"container": [], "containers": [{"name": "Builder_1", "imagee": "x"}]},
        },
    }

    def told(value: dict[str, Any]) -> list[str]:
        (here / "r.json").write_text(json.dumps({"pod": value, "builder": "buildah"}))
        said = run("pod", "r.json")[2].splitlines()
        return [re.sub(r"podwright pod: r.json:1:\d+: ", "", line) for line in said]

    name = "is not a name in Kubernetes (lower case, digits, '-' and '.')"
    assert told({key: pod[key] for key in pod if key != "yaml"}) == [
        "pod.tolerations[0].operator: unknown operator 'Foo'; known are Equal, Exists, Gt, Lt",
        "pod.tolerations[0]: unknown parameter 'effekt'; did you mean 'effect'?",
        f"pod.serviceAccount: 'a b' {name}",
        f"pod.cacheClaim: 'My_Claim' {name[:-1]}; '{{image}}' in it)",
    ]
    assert told({"yaml": pod["yaml"]}) == [
        (
            "pod.yaml: 'Builder_1' is not a valid name of a container (lower case, digits and "
            "'-'; 63 at most)"
        ),
        "pod.yaml: unknown field 'containers.imagee'; did you mean 'image'?",
        "pod.yaml: unknown field 'spce'; did you mean 'spec'?",
        "pod.yaml: unknown field 'metadata.lables'; did you mean 'labels'?",
        "pod.yaml: unknown field 'spec.container'; did you mean 'containers'?",
    ]


def test_slips_in_an_organisations_config_are_told_with_their_place(here: Path) -> None:
    said = {}
    for text in ("engine: {storageDriver: zfs3}", "builders: []", "defaults: {image: x/y}"):
        (here / "c.yaml").write_text(text)
        said[text] = run("generate", "--presets", "out", "--config", "c.yaml")[2]

    assert said == {
        "engine: {storageDriver: zfs3}": (
            "podwright generate: c.yaml:1:10: engine.storageDriver: unknown storage driver 'zfs3'; "
            "did you mean 'zfs'?\n"
        ),
        "builders: []": (
            "podwright generate: c.yaml:1:1: builders: is empty, which would allow none; leave it "
            "out to allow all\n"
        ),
        "defaults: {image: x/y}": (
            "podwright generate: c.yaml:1:12: defaults.image: is what each call names; leave it "
            "out here\n"
        ),
    }


def test_the_matrix_of_strategies_fits_a_screen(here: Path) -> None:
    code, out, _ = run("builders")
    _, as_json, _ = run("builders", "--json")

    names = list(strategies.everything())
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == names
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 79
    assert [item["name"] for item in json.loads(as_json)] == names
    cells = {line.split()[0]: line.split()[1:] for line in lines}
    for item in json.loads(as_json):
        column = names.index(item["name"])
        able = [name for name in FEATURES if cells[name][column] == "yes"]
        assert sorted(able) == item["features"]


def test_one_strategy_is_shown_in_words(here: Path) -> None:
    code, out, _ = run("builders", "kaniko")

    assert code == 0
    assert out.startswith("kaniko  (baseline)\n    kaniko (the maintained fork) unpacks")
    assert "Costs: files below the container's mounts" in " ".join(out.split())
    assert run("builders", "docker") == (
        2,
        "",
        (
            "podwright builders: unknown builder 'docker'; it is called 'dind-sidecar' or 'dind' "
            "or 'dood' here\n"
        ),
    )


@pytest.mark.parametrize(
    ("env", "painted"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colours_unless_it_wants_none(
    env: dict[str, str], painted: object, here: Path
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out, err = Terminal(), Terminal()
    cli.run(["builders"], Console(out, err, io.StringIO(), env))
    cli.run(["builders", "x"], Console(out, err, io.StringIO(), env))

    assert ("\033[32myes" in out.getvalue()) is painted
    assert err.getvalue().startswith("\033[31mpodwright builders:\033[0m ") is painted


def test_a_failed_build_is_1_and_tells_the_builders_own_code(here: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "buildah"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no such base image\nexit 125\n")
    program.chmod(0o755)
    env = {**WIDE, "PATH": f"{program.parent}:/usr/bin:/bin"}

    done = podwright(
        "build", "--builder", "buildah", "--image", "r.example/a", "--tag", "1", cwd=here, env=env
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "podwright build: building with buildah\n" in done.stderr
    assert done.stderr.endswith(
        "failed with exit code 125, by a cause that is not known; its most telling line: "
        "no such base image\n"
    )


def test_without_any_builder_on_the_machine_it_says_what_to_install(
    here: Path, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()

    done = podwright("build", "--image", "a", cwd=here, env={**WIDE, "PATH": str(tmp_path / "bin")})

    programs = ", ".join(sorted({b.local() for b in strategies.everything().values()} - {""}))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "podwright build: no builder was found on this machine; install one of "
        f"{programs} (buildctl also needs BUILDKIT_HOST)\n"
    )


def test_a_strategy_that_needs_its_own_container_is_refused_here(here: Path) -> None:
    able = ", ".join(
        n for n, b in strategies.everything().items() if b.local() and shutil.which(b.local())
    ) or ", ".join(n for n, b in strategies.everything().items() if b.local())
    for name in [n for n, b in strategies.everything().items() if not b.local()]:
        assert run("build", "--builder", name, "--image", "a") == (
            2,
            "",
            f"podwright build: builder: '{name}' runs in its own container only; here use {able}\n",
        )


def test_a_wrong_command_line_is_one_sentence_and_2() -> None:
    sentences = []
    for words in (
        ["paln"],
        ["plan", "--imgae", "a"],
        ["jobs", "aply"],
        ["jobs", "plan", "jobs", "--adpot"],
        ["plan", "app", "."],
        ["plan", "--retries"],
    ):
        done = podwright(*words)
        assert (done.returncode, done.stdout) == (2, "")
        sentences.append(done.stderr)
    assert sentences == [
        "podwright: unknown command 'paln'; did you mean 'plan'?\n",
        "podwright plan: unknown option '--imgae'; did you mean '--image'?\n",
        "podwright jobs: unknown verb 'aply'; did you mean 'apply'?\n",
        "podwright jobs plan: unknown option '--adpot'; did you mean '--adopt'?\n",
        "podwright plan: unexpected argument '.'; see `podwright plan --help`\n",
        (
            "podwright plan: argument --retries: expected one argument; "
            "see `podwright plan --help`\n"
        ),
    ]


def test_options_are_not_guessed_from_their_beginning() -> None:
    done = podwright("plan", "--imag", "a")

    assert done.returncode == 2
    assert done.stderr == "podwright plan: unknown option '--imag'; did you mean '--image'?\n"


def test_the_version_is_told() -> None:
    assert podwright("--version").stdout == f"podwright {__version__}\n"


def test_a_reader_that_goes_away_is_no_trace(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m podwright builders --json | true"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.stderr == ""


def test_a_result_that_cannot_be_written_is_one_sentence(here: Path) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "podwright", "plan", "--image", "a", "--tag", "1"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=here,
        )

    assert (done.returncode, done.stderr) == (
        1,
        "podwright plan: the result cannot be written: No space left on device\n",
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_trace(here: Path, closed: str) -> None:
    command = f"{sys.executable} -m podwright plan --image a --tag 1 {closed}"

    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=here
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_directory_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    command = f'rmdir "$PWD" && exec {sys.executable} -m podwright builders'
    (tmp_path / "gone").mkdir()

    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path / "gone"
    )

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "podwright: the current directory is gone; change to one that exists\n",
    )


def test_an_interrupt_is_130_without_a_trace(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupted)

    assert cli.main(["plan"]) == 130
    assert capfd.readouterr().err == "podwright: interrupted\n"


def test_an_interruption_while_modules_are_loaded_is_one_word() -> None:
    program = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'podwright.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from podwright.__main__ import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "podwright: interrupted\n")


def test_jobs_without_their_libraries_name_what_to_install(here: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    missing.mkdir()
    lacking = "raise ModuleNotFoundError(\"No module named 'requests'\", name='requests')\n"
    (missing / "requests.py").write_text(lacking)
    (here / "jobs.yaml").write_text("owner: me\njobs: [{name: a, kind: folder}]\n")
    env = {**WIDE, "PYTHONPATH": str(missing), "JENKINS_URL": "http://127.0.0.1:1/"}

    done = podwright("jobs", "plan", "jobs.yaml", cwd=here, env=env)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "podwright jobs: the Python module 'requests' is missing; run pip install '.[jobs]' in a "
        "clone, or use podwright-jobs.pyz, which carries it\n"
    )


def test_yes_in_yaml_is_the_text_of_a_build_arg(here: Path) -> None:
    (here / "request.yaml").write_text(
        "image: r.example/app\ntags: [1]\nbuildArgs: {ON: yes, OFF: no}\n"
    )

    script = run("plan", "--request", "request.yaml", "--script")[1]

    assert "--build-arg ON=yes --build-arg OFF=no" in script


def test_storage_that_no_allowed_strategy_has_is_told_where_it_is_asked_for(here: Path) -> None:
    (here / "acme.yaml").write_text("builders: [dood]\ndefaults:\n  pod:\n    cacheClaim: layers\n")

    code, _, said = run("generate", "--presets", "pods", "--config", "acme.yaml")

    sentence = (
        "builder 'dood' cannot keep its storage on a volume claim; builders that can: none that"
    )
    place = "podwright generate: acme.yaml:4:5: defaults.pod.cacheClaim: "
    assert (code, said) == (2, f"{place}{sentence} is allowed\n")

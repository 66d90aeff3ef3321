"""How build scripts behave: under busybox' shell and dash, with fake builders, nothing else faked.

Temporary files of the scripts are forced into the sandbox's own directory, so that a test sees
every one that is left behind.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podwright import contexts
from podwright.config import Config
from podwright.records import replace
from podwright.script import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.workspace import Facts

DIGEST = "sha256:" + "ab" * 32
IMAGE = {"image": "r.example/team/app", "tags": ["1"], "builder": "buildah"}
REGISTRY_TROUBLE = [
    "Error: writing blob: received unexpected HTTP status: 500 Internal Server Error\n",
    "Error: writing blob: received unexpected HTTP status: 503 Service Unavailable\n",
    "Error: writing manifest: StatusCode: 429, toomanyrequests: slow down\n",
    'Error: Patch "http://r.example/v2/x": write tcp: connection reset by peer\n',
    "Error: writing blob: Put: EOF\n",
    "Error: pinging container registry r.example: dial tcp: i/o timeout\n",
    'Error: Get "https://r.example/v2/": dial tcp 10.0.0.1:443: connect: connection refused\n',
    "Error: net/http: TLS handshake timeout\n",
    "Error: lookup r.example: Temporary failure in name resolution\n",
]
FINAL = [
    "Error: unauthorized: authentication required\n",
    "Error: writing blob: received unexpected HTTP status: 403 Forbidden\n",
    "Error: denied: requested access to the resource is denied\n",
    "Error: trying to reuse blob: unexpected status code 401 from HEAD\n",
    "Error: Get https://r.example/v2/: no basic auth credentials\n",
    # First it looked transient, then the registry said no: the last word counts.
    "received unexpected HTTP status: 503 Service Unavailable\nError: unauthorized\n",
    "Error: short name 'app' did not resolve\n",
]
RUN_TROUBLE = [
    (
        "curl: (7) Failed to connect to localhost port 80: Connection refused\n"
        'Error: building at STEP "RUN curl x": while running runtime: exit status 7\n'
    ),
    (
        "npm ERR! fetch https://registry.example/x: 503 Service Unavailable\n"
        'ERROR: failed to solve: process "npm ci" did not complete successfully: exit code: 1\n'
    ),
    "pip: 502 Bad Gateway\n",
    (
        "fetch failed: 500 Internal Server Error\n"
        "The command '/bin/sh -c ./get' returned a non-zero code: 1\n"
    ),
]


@pytest.fixture
def script(planned: Callable[..., Any], sandbox: Any) -> Callable[..., str]:
    """Plan a build with fake Buildah and give its script; temporary files go to the sandbox."""
    sandbox.fake("buildah")

    def make(known: Facts | None = None, **more: Any) -> str:
        made: str = planned({**IMAGE, **more}, known=known).script
        made, found = re.subn("set -- .*(/dev/shm|/run) ;;", "set -- /nonexistent ;;", made)
        assert found
        return made

    return make


def wait_for(path: Path) -> None:
    """Wait for a file that tells of progress; no longer than a slow machine needs."""
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until, f"{path} never appeared"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Tell whether a process lives (one that ended and waits for its parent does not)."""
    try:
        stat_line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat_line.rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def aborted(sandbox: Any, script: str, how: int) -> Any:
    """Start a build that hangs with a child process, send a signal, and give its end."""
    sandbox.rule(when="build", child=True, sleep=300, text="working\n")
    process = sandbox.start(script)
    wait_for(sandbox.home / "ready")
    process.send_signal(how)
    return sandbox.finish(process)


def test_a_build_gives_its_result_as_one_json_object_on_stdout(sandbox: Any, script: Any) -> None:
    outcome = sandbox.run(script(tags=["1", "2"], platforms=["linux/amd64"]))

    assert outcome.code == 0
    assert outcome.value == {
        "image": "r.example/team/app",
        "tags": ["1", "2"],
        "platforms": ["linux/amd64"],
        "pushed": True,
        "output": None,
        "digest": DIGEST,
        "reference": f"r.example/team/app@{DIGEST}",
        "cachedSteps": 0,
    }
    assert sandbox.leftovers() == []


NOTED = """\
STEP 1/3: FROM r.example/base
STEP 2/3: COPY . /src
--> Using cache 4f1c0d9b8a77
STEP 3/3: RUN curl -u "$USER:$TOKEN" r.example
secret in the output
#7 [2/2] RUN make
#7 ERROR: process "/bin/sh -c make TOKEN=secret" did not complete successfully: exit code: 2
Step 2/2 : RUN x
The command '/bin/sh -c x secret' returned a non-zero code: 2
COPY failed: secret
error building image: error building stage: failed to execute command: secret
Error: building at STEP "RUN secret": exit status 7
"""


def test_a_page_gets_the_steps_and_that_one_failed_and_nothing_else_of_the_log(
    sandbox: Any, script: Any
) -> None:
    sandbox.rule(when="build", text=NOTED, code=1)
    noted = sandbox.home / "a.steps"

    outcome = sandbox.run(script(steps=str(noted)))

    assert outcome.code == 1
    assert (
        noted.read_text()
        == """\
building r.example/team/app
STEP 1/3: FROM r.example/base
STEP 2/3: COPY . /src
--> Using cache 4f1c0d9b8a77
STEP 3/3: RUN curl -u "$USER:$TOKEN" r.example
#7 [2/2] RUN make
#7 ERROR
Step 2/2 : RUN x
 returned a non-zero code
COPY failed
error building image: error building stage: failed to execute command
Error: building at STEP

"""
    )


KANIKO = """\
time="2026-11-26T05:00:00Z" level=info msg="active feature flags: FF_KANIKO_COPY_AS_ROOT"
time="2026-11-26T05:00:00Z" level=info msg="credential providers by priority: [env, google]"
time="2026-11-26T05:00:00Z" level=info msg="Squashing stages: web into base"
time="2026-11-26T05:00:00Z" level=info msg="Using files from context: [/w/app/busybox]"
time="2026-11-26T05:00:00Z" level=info msg="Util.Lookup returned: &{Uid:65534 Gid:65534}"
time="2026-11-26T05:00:00Z" level=info msg="Performing slow lookup of group ids for nobody"
time="2026-11-26T05:00:00Z" level=info msg="Skipping unpacking as no commands require it."
time="2026-11-26T05:00:00Z" level=info msg="Retrieving image manifest r.example/base:1"
time="2026-11-26T05:00:00Z" level=info msg="Built cross stage deps: map[]"
time="2026-11-26T05:00:00Z" level=info msg="Building stage 'scratch' [idx: '0', base-idx: '-1']"
time="2026-11-26T05:00:00Z" level=info msg="Executing 0 build triggers"
time="2026-11-26T05:00:00Z" level=info msg="Unpacking rootfs as cmd RUN make requires it."
time="2026-11-26T05:00:01Z" level=info msg="RUN make"
time="2026-11-26T05:00:01Z" level=info msg="Cmd: /bin/sh"
time="2026-11-26T05:00:01Z" level=info msg="Args: [-c make]"
made all
time="2026-11-26T05:00:02Z" level=info msg="Taking snapshot of full filesystem..."
time="2026-11-26T05:00:02Z" level=warning msg="it is late"
"""


def test_kanikos_log_has_steps_and_their_words_alone(
    sandbox: Any, planned: Any, tmp_path: Path
) -> None:
    sandbox.fake("executor")
    sandbox.rule(text=KANIKO, code=1)
    (sandbox.home / "bin" / "awk").symlink_to(shutil.which("awk") or "")
    made = planned({"builder": "kaniko", "image": "r.example/team/app", "tags": ["1"]}).script

    log = sandbox.run(made.replace("/kaniko/podwright", str(tmp_path / "lock"))).log

    shown = log.partition("[podwright] building r.example/team/app\n")[2]
    assert shown.splitlines()[:3] == [
        "RUN make",
        "made all",
        'time="2026-11-26T05:00:02Z" level=warning msg="it is late"',
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('LABEL a="x" b=\'y\' "with space"="a b"\nRUN echo "it\'s"\n', 0),
        ('# LABEL q="it\'s"\n', 0),
        ('LABEL a="say \\"hi\\""\n', 2),
        ("LABEL a='say \"hi\"'\n", 2),
        ('label plain=value \\\n  quoted="it\'s"\n', 3),
        ("LABEL a=it\\'s\n", 2),
    ],
)
def test_kanikos_trouble_with_quotes_of_labels_is_told(
    sandbox: Any, planned: Any, tmp_path: Path, text: str, line: int
) -> None:
    sandbox.fake("executor")
    for program in ("awk", "ln", "readlink"):
        if not (sandbox.home / "bin" / program).exists():
            (sandbox.home / "bin" / program).symlink_to(shutil.which(program) or "")
    (tmp_path / "Dockerfile").write_text(f"FROM base\n{text}")
    made = planned({"builder": "kaniko", "image": "r.example/team/app", "tags": ["1"]}).script
    made = made.replace("/kaniko/podwright", str(tmp_path / "lock"))
    made = re.sub(r"(?m)^pw_quotes .*$", f"pw_quotes {tmp_path}/Dockerfile", made)

    log = sandbox.run(made).log

    told = [f"[podwright] warning: line {line} of the Dockerfile: {QUOTES}"] if line else []
    assert [row for row in log.splitlines() if "warning" in row] == told


QUOTES = (
    "kaniko loses quotes and backslashes within the value of a label, or stops there; "
    "say it by 'labels'"
)
PROGRESS = """#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 341B done
#1 DONE 0.0s

#2 [internal] load build context
#2 transferring context: 341B done
#2 DONE 0.0s

#2 transferring context: 9.98MB 0.1s done
#3 [context web] load from client
#3 transferring context: 20.14MB 0.1s
#3 transferring context: 52.43MB 0.4s done
#3 DONE 0.4s

#4 [1/3] COPY busybox /bin/busybox
#4 CACHED

#5 [2/3] RUN make
#5 0.226 exporting layers
#5 0.300 done
#5 DONE 0.5s

#6 exporting to image
#6 exporting manifest sha256:646027a4a2812fed686193e7 0.0s done
#6 ...
1.2-rc: digest: sha256:646027a4a2812fed686193e7 size: 858
"""


def test_buildkits_log_has_steps_and_their_words_alone(sandbox: Any, planned: Any) -> None:
    sandbox.fake("buildctl")
    (sandbox.home / "bin" / "awk").symlink_to(shutil.which("awk") or "")
    sandbox.rule(text=PROGRESS, code=1)
    asked = {"builder": "buildkit", "image": "r.example/team/app", "tags": ["1"]}

    log = sandbox.run(planned(asked).script).log

    shown = log.partition("[podwright] building r.example/team/app\n")[2].splitlines()
    assert shown[: len(shown) - 1] == [
        "#3 [context web] load from client",
        "#3 transferring context: 52.43MB 0.4s done",
        "#4 [1/3] COPY busybox /bin/busybox",
        "#4 CACHED",
        "#5 [2/3] RUN make",
        "#5 0.226 exporting layers",
        "#5 0.300 done",
    ]


def test_what_the_builder_says_is_in_the_log_and_cached_steps_are_counted(
    sandbox: Any, script: Any
) -> None:
    sandbox.rule(when="build", text="STEP 1\n--> Using cache aa\n--> Using cache bb\nää\n")

    outcome = sandbox.run(script())

    assert outcome.value["cachedSteps"] == 2
    assert "STEP 1\n--> Using cache aa\n--> Using cache bb\nää\n" in outcome.log
    assert "[podwright] building r.example/team/app\n" in outcome.log
    assert "[podwright] pushing r.example/team/app:1\n" in outcome.log
    assert f": r.example/team/app@{DIGEST}\n" in outcome.log


def test_the_log_of_a_quiet_build_ends_as_soon_as_the_build_does(sandbox: Any, script: Any) -> None:
    made = script()
    assert made.count("sleep 1 >") == 1

    # A heartbeat that outlives the build holds the log open for all of its pause.
    outcome = sandbox.run(made.replace("sleep 1 >", "sleep 600 >"))

    assert outcome.code == 0


def test_a_file_descriptor_3_takes_the_result_and_stdout_goes_to_the_log(
    sandbox: Any, script: Any
) -> None:
    wrapped = "exec 3>result.json\n" + script()

    outcome = sandbox.run(wrapped)

    assert outcome.out == ""
    assert json.loads((sandbox.cwd / "result.json").read_text())["value"]["digest"] == DIGEST


def test_an_image_that_is_not_pushed_has_neither_digest_nor_reference(
    sandbox: Any, script: Any
) -> None:
    outcome = sandbox.run(script(push=False))

    assert outcome.code == 0
    assert outcome.value["digest"] is None
    assert outcome.value["reference"] is None
    assert outcome.value["pushed"] is False
    assert [call["argv"][0] for call in sandbox.calls()] == ["build"]


def test_several_images_give_a_list_in_their_order(sandbox: Any, planned: Any) -> None:
    sandbox.fake("buildah")
    made = planned({"builder": "buildah", "images": [{"image": "a"}, {"image": "b"}]}).script

    outcome = sandbox.run(made)

    assert [item["image"] for item in outcome.value] == [
        "docker.io/library/a",
        "docker.io/library/b",
    ]


def test_a_push_without_a_digest_is_not_called_done(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="push", text="pushed, I think\n")

    outcome = sandbox.run(script())

    assert outcome.code == 1
    assert outcome.out == ""
    assert (
        "[podwright] ERROR: r.example/team/app: was pushed, but the builder recorded no digest; "
        "this is a defect of podwright or an unknown version of the builder\n"
    ) in outcome.log


def as_jenkins(script: str, job: Path) -> str:
    """Give a script the job directory that the bridge makes: its file descriptor 3 is Jenkins'."""
    job.mkdir(exist_ok=True)
    assert script.count("PW_JOB=''") == 1
    return script.replace("PW_JOB=''", f"PW_JOB='{job}'")


@pytest.mark.parametrize(("clock", "end"), [(1, ""), (7, "\n")], ids=["short", "long"])
def test_a_silent_build_keeps_jenkins_polling_by_spaces_and_a_laptop_still(
    sandbox: Any, script: Any, tmp_path: Path, clock: int, end: str
) -> None:
    # One comes every second; how many depends on the machine, that there are any does not. After a
    # pause of ten seconds or more they have a line of their own.
    sandbox.rule(when="build", sleep=5)
    made = script().replace("pw_silent=$((pw_silent + 1))", f"pw_silent=$((pw_silent + {clock}))")

    outcomes = [sandbox.run(as_jenkins(made, tmp_path / "job")), sandbox.run(made)]

    assert [outcome.code for outcome in outcomes] == [0, 0]
    between = [
        outcome.log.partition("building r.example/team/app\n")[2].partition("[podwright]")[0]
        for outcome in outcomes
    ]
    assert [re.sub(r"\A +", "spaces", log) for log in between] == [f"spaces{end}", ""]


def test_a_build_that_talks_needs_no_spaces(sandbox: Any, script: Any, tmp_path: Path) -> None:
    sandbox.rule(when="build", talks=15)

    log = sandbox.run(as_jenkins(script(), tmp_path / "job")).log

    assert log.count("still at it\n") == 15
    assert "still at it\nstill at it\n" * 7 in log


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "building r.example/team/app"),
        ("Sending context\n", "building r.example/team/app"),
        ("STEP 1/2: FROM x\nSTEP 2/2: RUN make\nok\n", "STEP 2/2: RUN make"),
        ("[1/2] STEP 3/4: RUN make\r\n--> 12\n", "[1/2] STEP 3/4: RUN make"),
        ("Step 2/5 : RUN make\n ---> Running in 12\n", "Step 2/5 : RUN make"),
        ("#7 [build 2/3] RUN make\n#7 0.1 cc a.c\n", "#7 [build 2/3] RUN make"),
        ('time="2026" level=info msg="RUN make"\nok\n', 'time="2026" level=info msg="RUN make"'),
        (f"STEP 1/1: RUN {'x' * 200}\n", f"STEP 1/1: RUN {'x' * 86}"),
    ],
)
def test_every_half_a_minute_a_silent_step_is_named(
    sandbox: Any, script: Any, text: str, where: str
) -> None:
    sandbox.rule(when="build", text=text, sleep=5)
    # A clock that runs fifteen times as fast as the real one.
    made = script().replace("pw_silent=$((pw_silent + 1))", "pw_silent=$((pw_silent + 30))")

    outcome = sandbox.run(made)

    said = [line for line in outcome.log.splitlines() if "still in" in line]
    assert said[:1] == [f"[podwright] still in {where} (30 s)"]


def test_times_are_told_as_people_say_them(sandbox: Any) -> None:
    prelude = f"PW_JOB='' PW_STRATEGY='' PW_RETRIES=0 PW_TIMEOUT=0\n{text('prelude.sh')}\n"
    tries = "\n".join(f'echo "$(pw_time {n})"' for n in (0, 30, 60, 90, 120, 3630))

    outcome = sandbox.run(prelude + tries)

    assert outcome.log.splitlines() == [
        "0 s",
        "30 s",
        "1 min",
        "1 min 30 s",
        "2 min",
        "60 min 30 s",
    ]


def test_the_end_of_the_log_tells_what_there_is(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="build", text="STEP 1\n--> Using cache aa\n")

    outcome = sandbox.run(script(tags=["1", "latest"]))

    log = re.sub(r"[0-9]+ s\b", "N s", outcome.log)
    assert log.endswith(
        "[podwright] tags: 1, latest; steps from the cache: 1, building N s, pushing N s\n"
        f"[podwright] done in N s: r.example/team/app@{DIGEST}\n"
    )


# How a build that fails reaches Jenkins: a `sh` that fails says its exit code and nothing else


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            {
                "when": "push",
                "code": 125,
                "text": 'Copying\nError: unauthorized: say "hi" \\o/\tx\n',
            },
            (
                "pushing r.example/team/app:1: failed with exit code 125: "
                'Error: unauthorized: say "hi" \\o/ x'
            ),
        ),
        (
            {"when": "build", "kill": int(signal.SIGKILL)},
            (
                "building r.example/team/app: was killed from outside, by the memory limit most of "
                "the time; raise the limit of the container or look at the pod's events"
            ),
        ),
        (
            {"when": "build", "code": 3},
            "building r.example/team/app: failed with exit code 3; it said nothing",
        ),
    ],
)
def test_a_failed_build_answers_jenkins_with_its_sentence(
    sandbox: Any, script: Any, tmp_path: Path, rules: dict[str, Any], said: str
) -> None:
    sandbox.rule(**rules)

    outcome = sandbox.run(as_jenkins(script(), tmp_path / "job"))

    assert (outcome.code, json.loads(outcome.out)) == (0, {"error": said})
    assert outcome.log.splitlines()[-1].replace("\t", " ") == f"[podwright] ERROR: {said}"
    assert not (tmp_path / "job").exists()
    assert sandbox.leftovers() == []


def test_a_mistake_found_by_the_script_answers_jenkins(
    sandbox: Any, script: Any, tmp_path: Path
) -> None:
    outcome = sandbox.run(as_jenkins(script(credentials=[login()]), tmp_path / "job"))

    assert (outcome.code, json.loads(outcome.out)) == (
        0,
        {
            "error": "credentials[0]: the environment variable PODWRIGHT_1_USR is not set; set it, "
            "or name a credential"
        },
    )


def test_a_timeout_answers_jenkins(sandbox: Any, script: Any, tmp_path: Path) -> None:
    sandbox.rule(when="build", sleep=300)

    outcome = sandbox.run(as_jenkins(script(timeout="2s"), tmp_path / "job"))

    assert (outcome.code, json.loads(outcome.out)) == (
        0,
        {
            "error": "the build took longer than its timeout of 2 s; raise 'timeout' or look above "
            "for what it waited for"
        },
    )


def test_a_full_disk_answers_jenkins(sandbox: Any, script: Any, tmp_path: Path) -> None:
    made = as_jenkins(script(), tmp_path / "job")

    outcome = sandbox.run(made, {"TMPDIR": "/nonexistent/tmp"})

    assert (outcome.code, json.loads(outcome.out)) == (
        0,
        {"error": "no temporary directory can be made in /nonexistent/tmp; is the disk full?"},
    )


def test_an_aborted_build_ends_with_its_code_in_jenkins_as_well(
    sandbox: Any, script: Any, tmp_path: Path
) -> None:
    outcome = aborted(sandbox, as_jenkins(script(), tmp_path / "job"), signal.SIGTERM)

    assert (outcome.code, outcome.out) == (143, "")


NOISE = """\
STEP 1/3: FROM scratch
STEP 2/3: LABEL "org.opencontainers.image.revision"="x"
--> 5621df604b3
STEP 3/3: LABEL "mine"="x"
COMMIT r.example/team/app:1
--> eea261d5cf1
Successfully tagged r.example/team/app:1
"""
PUSH = f"""\
Getting image source signatures
Copying blob sha256:{"a" * 64}
Copying config sha256:{"b" * 64}
Writing manifest to image destination
Storing signatures
"""


def test_what_says_nothing_to_a_reader_is_not_in_the_log_and_still_known_to_the_script(
    sandbox: Any, script: Any
) -> None:
    sandbox.rule(when="build", text=NOISE + "--> Using cache 5621df604b3\n")
    sandbox.rule(when="push", times=1, code=125, text=PUSH + "503 Service Unavailable\n")
    filters = sandbox.shell != [
        str(Path(sandbox.path[0]) / "sh")
    ]  # busybox' grep waits for the end

    outcome = sandbox.run(impatient(script()))

    assert outcome.value["cachedSteps"] == 1
    said = [line for line in outcome.log.splitlines() if not line.startswith("[podwright]")]
    if filters:
        assert said == [
            "STEP 1/3: FROM scratch",
            'STEP 3/3: LABEL "mine"="x"',
            "--> Using cache 5621df604b3",
            "503 Service Unavailable",
        ]
    else:
        assert said == [
            *NOISE.splitlines(),
            "--> Using cache 5621df604b3",
            *PUSH.splitlines(),
            "503 Service Unavailable",
        ]


def test_the_log_begins_with_strategy_and_pod(sandbox: Any, script: Any, tmp_path: Path) -> None:
    log = sandbox.run(as_jenkins(script(), tmp_path / "job"), {"NODE_NAME": "pod-1"}).log

    assert log.startswith("[podwright] strategy: buildah; pod: pod-1\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("step 1\n\n \t\n", "step 1"),
        ("Error: first\nERROR: last\nlevel=error msg=later\n\n", "ERROR: last"),
        ("npm ERR! 404 not found\nmore\n", "npm ERR! 404 not found"),
        ("\033[31merror\033[0m: red\r\n", "error: red"),
        ("é\0x error\n", "éx error"),
        ("error " + "x" * 600 + "\n", "error " + "x" * 494),
    ],
)
def test_the_reason_is_the_last_telling_line(
    sandbox: Any, script: Any, text: str, reason: str
) -> None:
    sandbox.rule(when="build", code=1, text=text)

    outcome = sandbox.run(script())

    assert outcome.log.splitlines()[-1] == (
        f"[podwright] ERROR: building r.example/team/app: failed with exit code 1: {reason}"
    )


@pytest.mark.parametrize(
    "line",
    [
        "error building image: waiting for process to exit: signal: killed",
        'ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 137',
        'Error: building at STEP "RUN make": while running runtime: exit status 137',
        "The command '/bin/sh -c make' returned a non-zero code: 137",
        "subprocess exited with status 137",
    ],
)
def test_a_step_that_was_killed_points_at_memory(sandbox: Any, script: Any, line: str) -> None:
    sandbox.rule(when="build", code=1, text=f"{line}\nmore\n")

    outcome = sandbox.run(script())

    assert outcome.code == 137
    assert outcome.log.endswith(
        "[podwright] ERROR: building r.example/team/app: was killed from outside, by the memory "
        "limit most of the time; raise the limit of the container or look at the pod's events\n"
    )


BASE_IMAGE_TROUBLE = [
    "Error: initializing source docker://x: reading manifest: 503 Service Unavailable\n",
    "#2 ERROR: failed to copy: httpReadSeeker: failed open: 429 Too Many Requests\n",
    "ERROR: failed to resolve source metadata for docker.io/library/x: unexpected EOF\n",
]


# A RUN step that never began, by Buildah and by Podman; by Docker and BuildKit with runc.
UNSEALED = [
    """\
STEP 2/3: RUN make
Close_Fd sealing memfd copy: Device or resource busy
subprocess exited with status 1
Error: building at STEP "RUN make": exit status 1
""",
    """\
STEP 2/3: RUN make
Error sealing memfd copy: Device or resource busy
Error: building at STEP "RUN make": while running runtime: exit status 1
""",
    """\
runc run failed: could not seal fd: fcntl(F_ADD_SEALS): device or resource busy
ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 1
""",
]


def judged(sandbox: Any, kind: str, texts: list[str]) -> list[str]:
    """Let the script's own function judge texts, as the output of a failed step of this kind."""
    lines = ["PW_JOB='' PW_STRATEGY='' PW_RETRIES=0 PW_TIMEOUT=0", text("prelude.sh"), "pw_mark=0"]
    for said in texts:
        lines += [
            f"cat >\"$PW_LOG\" <<'END'\n{said}END",
            f"if pw_transient {kind}; then echo again; else echo final; fi",
        ]
    return str(sandbox.run("\n".join(lines) + "\n").log).splitlines()


def test_trouble_of_the_registry_while_pushing_is_transient(sandbox: Any) -> None:
    assert judged(sandbox, "push", REGISTRY_TROUBLE) == ["again"] * len(REGISTRY_TROUBLE)


def test_a_refusal_of_the_registry_is_final(sandbox: Any) -> None:
    assert judged(sandbox, "push", FINAL) == ["final"] * len(FINAL)
    assert judged(sandbox, "build", FINAL) == ["final"] * len(FINAL)


def test_old_trouble_far_above_the_end_makes_nothing_transient(sandbox: Any) -> None:
    old = "received unexpected HTTP status: 503 Service Unavailable\n"
    texts = [old + "copying\n" * more + "Error: no space left\n" for more in (13, 14, 100)]

    assert judged(sandbox, "push", texts) == ["again", "final", "final"]


def test_a_login_is_wrong_when_it_is_refused_at_once(sandbox: Any) -> None:
    lines = ["PW_JOB='' PW_STRATEGY='' PW_RETRIES=0 PW_TIMEOUT=0", text("prelude.sh"), "pw_mark=0"]
    lines.append("echo 'unauthorized: authentication required' >\"$PW_LOG\"")
    for seconds in (0, 3, 6, 60):
        lines.append(f"pw_tried=$(($(date +%s) - {seconds}))")
        lines.append("if pw_transient push; then echo again; else echo final; fi")

    log = sandbox.run("\n".join(lines) + "\n").log

    assert log.splitlines() == ["final", "final", "again", "again"]


def test_trouble_of_a_run_step_is_the_users_and_final(sandbox: Any) -> None:
    assert judged(sandbox, "build", RUN_TROUBLE) == ["final"] * len(RUN_TROUBLE)


def test_a_run_step_that_the_kernel_did_not_let_begin_is_transient(sandbox: Any) -> None:
    assert judged(sandbox, "build", UNSEALED) == ["again"] * len(UNSEALED)
    busy = [said.replace("sealing", "opening").replace("seal fd", "open fd") for said in UNSEALED]
    assert judged(sandbox, "build", busy) == ["final"] * len(UNSEALED)


def test_a_run_step_that_did_not_begin_is_tried_again(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="build", times=1, code=1, text=UNSEALED[0])

    outcome = sandbox.run(impatient(script()))

    assert outcome.code == 0
    assert len(sandbox.calls("build")) == 2
    assert "[podwright] that looks transient; try 1 of 5 in " in outcome.log


def test_trouble_with_a_base_image_while_building_is_transient(sandbox: Any) -> None:
    assert judged(sandbox, "build", BASE_IMAGE_TROUBLE) == ["again"] * len(BASE_IMAGE_TROUBLE)


def test_steps_of_no_kind_are_never_tried_again(sandbox: Any) -> None:
    assert judged(sandbox, "none", REGISTRY_TROUBLE) == ["final"] * len(REGISTRY_TROUBLE)


def test_a_transient_failure_is_tried_again_and_survived(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="push", times=1, code=125, text=REGISTRY_TROUBLE[1])

    outcome = sandbox.run(script(retries=1))

    assert outcome.code == 0
    assert len(sandbox.calls("push")) == 2
    assert len(sandbox.calls("build")) == 1
    assert "[podwright] that looks transient; try 1 of 1 in " in outcome.log


def test_a_final_failure_ends_the_build_with_1_and_tells_the_builders_own_code(
    sandbox: Any, script: Any
) -> None:
    sandbox.rule(when="push", code=125, text=FINAL[0])

    outcome = sandbox.run(script())

    assert outcome.code == 1
    assert len(sandbox.calls("push")) == 1
    assert outcome.log.endswith(
        "[podwright] ERROR: pushing r.example/team/app:1: failed with exit code 125: "
        "Error: unauthorized: authentication required\n"
    )
    assert sandbox.leftovers() == []


def test_a_failure_stays_one_when_there_is_no_room_for_its_code(sandbox: Any, script: Any) -> None:
    made = script()
    note = 'echo "$pw_ended" >"$PW_TMP/status"'
    assert made.count(note) == 1

    # What a full disk leaves of the file.
    outcome = sandbox.run(made.replace(note, ': >"$PW_TMP/status"'))

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.log.endswith(
        "[podwright] ERROR: building r.example/team/app: failed with exit code 1; it said nothing\n"
    )


def impatient(script: str) -> str:
    """Let a script wait no time between tries; how long it would wait is tested by itself."""
    assert script.count('pw_sleep "$pw_wait"') == 1
    return script.replace('pw_sleep "$pw_wait"', "pw_sleep 0")


def test_pauses_double_up_to_half_a_minute(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="push", code=125, text="503 Service Unavailable\n")
    # The odd second comes from the process id, so that not all builds come back together.
    made = impatient(script(retries=7)).replace("$$ % 2", "0")

    outcome = sandbox.run(made)

    said = [line for line in outcome.log.splitlines() if "looks transient" in line]
    assert said == [
        f"[podwright] that looks transient; try {n} of 7 in {pause} s"
        for n, pause in enumerate([1, 2, 4, 8, 16, 30, 30], 1)
    ]


def test_tries_are_counted_and_the_last_failure_ends_the_build(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="push", code=125, text="503 Service Unavailable\n")

    outcome = sandbox.run(impatient(script(retries=2)))

    assert outcome.code == 1
    assert len(sandbox.calls("push")) == 3
    assert [f"try {n} of 2" in outcome.log for n in (1, 2, 3)] == [True, True, False]


def test_no_retries_means_one_try(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="push", code=125, text="503 Service Unavailable\n")

    outcome = sandbox.run(script(retries=0))

    assert len(sandbox.calls("push")) == 1
    assert outcome.code == 1


def test_an_old_failure_is_not_read_again_in_a_later_try(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="push", times=1, code=125, text="503 Service Unavailable\n")
    sandbox.rule(when="push", code=125, text="no such image\n")

    sandbox.run(impatient(script()))

    assert len(sandbox.calls("push")) == 2


def at(script: str, *seconds: int) -> str:
    """Let a script read these seconds from its clock, call by call, then the last for ever."""
    given = " ".join(map(str, seconds))
    clock = (
        f'echo "{given}" >"$PW_TMP/clock"\n'
        'pw_now() { read -r now later <"$PW_TMP/clock"; echo "${later:-$now}" >"$PW_TMP/clock"; '
        'echo "$now"; }\n'
    )
    assert script.count("pw_begin r.example") == 1
    return script.replace("$(date +%s)", "$(pw_now)").replace("pw_begin r.", clock + "pw_begin r.")


def test_a_failure_after_a_long_build_is_still_tried_again(sandbox: Any, script: Any) -> None:
    # The build begins, its first failure starts the budget, which is then compared, and so on.
    made = at(impatient(script()), 0, 3600, 3601, 3602)
    sandbox.rule(when="build", times=1, code=1, text="reading manifest: 503\n")

    outcome = sandbox.run(made)

    assert outcome.code == 0
    assert len(sandbox.calls("build")) == 2


def test_two_minutes_after_the_first_failure_nothing_is_tried_again(
    sandbox: Any, script: Any
) -> None:
    made = at(impatient(script()), 0, 100, 101, 221)
    sandbox.rule(when="build", code=1, text="reading manifest: 503\n")

    outcome = sandbox.run(made)

    assert outcome.code == 1
    assert len(sandbox.calls("build")) == 2


def test_a_build_that_takes_too_long_ends_with_its_children(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="build", child=True, sleep=300)

    outcome = sandbox.run(script(timeout="2s"))

    assert outcome.code == 124
    assert outcome.out == ""
    assert (
        "[podwright] ERROR: the build took longer than its timeout of 2 s; raise 'timeout' or look "
        "above for what it waited for\n"
    ) in outcome.log
    assert not is_running(int((sandbox.home / "child").read_text()))
    assert sandbox.leftovers() == []


@pytest.mark.parametrize(
    ("how", "code", "sentence"),
    [
        (signal.SIGTERM, 143, "the build was aborted"),
        (signal.SIGINT, 130, "the build was interrupted"),
        (signal.SIGHUP, 129, "the build lost its terminal"),
    ],
)
def test_an_aborted_build_ends_at_once_and_leaves_nothing(
    sandbox: Any, script: Any, how: int, code: int, sentence: str
) -> None:
    outcome = aborted(sandbox, script(), how)

    assert outcome.code == code
    assert outcome.out == ""
    assert f"[podwright] ERROR: {sentence}\n" in outcome.log
    assert not is_running(int((sandbox.home / "child").read_text()))
    assert sandbox.leftovers() == []


def test_a_script_that_is_killed_leaves_neither_step_nor_logins(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="build", child=True, sleep=300, text="working\n")
    made = script(credentials=[{"variable": "OUT"}])
    process = sandbox.start(made, {"OUT_USR": "u", "OUT_PSW": "p"})
    wait_for(sandbox.home / "ready")
    process.kill()

    sandbox.finish(process)  # nothing holds its log open

    assert not is_running(int((sandbox.home / "child").read_text()))
    # What the builder itself works with is unknown to the one that clears up here.
    assert [path for path in sandbox.leftovers() if "config.json" in path] == []
    for rule in (sandbox.home / "rules").iterdir():
        rule.unlink()
    sandbox.run(made, {"OUT_USR": "u", "OUT_PSW": "p"})
    assert sandbox.leftovers() == []


def test_the_authorities_of_a_build_are_gone_after_it(
    sandbox: Any, planned: Any, facts: Any
) -> None:
    sandbox.fake("buildah")
    registries = {"one.example": {"ca": "-----BEGIN CERTIFICATE-----\nA\n"}}
    known = replace(facts, pod_builder="buildah")
    made = planned({**IMAGE, "registries": registries}, Config(), known).script
    place = sandbox.home / ".config/containers/certs.d"
    others = {"one.example": os.getpid(), "old.example": 2**22 - 1}  # one at work, one killed
    for host, pid in others.items():
        (place / host).mkdir(parents=True)
        (place / host / f"podwright.{pid}.crt").touch()
    (place / "old.example/client.cert").symlink_to("/etc/none")
    (place / "own.example").mkdir()
    (place / "own.example/ca.crt").touch()

    outcome = sandbox.run(made)

    assert outcome.code == 0
    left = sorted(str(path.relative_to(place)) for path in place.rglob("*") if not path.is_dir())
    assert left == [f"one.example/podwright.{os.getpid()}.crt", "own.example/ca.crt"]
    assert not (place / "old.example").exists()


def test_an_abort_while_waiting_for_the_next_try_ends_at_once(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="push", code=125, text="503 Service Unavailable\n")
    made = script().replace("pw_pause=1 ", "pw_pause=200 ")
    process = sandbox.start(made)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "looks transient" in line:
            break
    process.send_signal(signal.SIGTERM)

    outcome = sandbox.finish(process)

    assert outcome.code == 143
    assert sandbox.leftovers() == []


def test_a_builder_that_ignores_the_abort_is_killed(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="build", ignores=True, sleep=300)
    # Ten seconds of patience in the script; a fraction is enough to see it end.
    made, found = re.subn(r"pw_left=[0-9]+", "pw_left=3", script())
    assert found == 1
    process = sandbox.start(made)
    wait_for(sandbox.home / "ready")
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)

    assert sandbox.finish(process).code == 143
    assert sandbox.leftovers() == []


def test_a_builder_that_is_killed_from_outside_points_at_memory(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="build", kill=int(signal.SIGKILL))

    outcome = sandbox.run(script())

    assert outcome.code == 137
    assert outcome.log.endswith(
        "[podwright] ERROR: building r.example/team/app: was killed from outside, by the memory "
        "limit most of the time; raise the limit of the container or look at the pod's events\n"
    )
    assert sandbox.leftovers() == []


def test_a_missing_program_is_named(sandbox: Any, script: Any) -> None:
    made = script()
    (sandbox.home / "bin" / "buildah").unlink()
    made = made.replace(" buildah ", " no-such-builder ")

    outcome = sandbox.run(made)

    assert outcome.code == 127
    assert (
        "building r.example/team/app: 'no-such-builder' cannot be run here; install it, or name "
        "another builder; in a pod, check 'images' of the organisation's config\n"
    ) in outcome.log


def test_a_job_directory_is_removed_in_every_outcome(
    sandbox: Any, script: Any, tmp_path: Path
) -> None:
    for number, rules in enumerate([{}, {"when": "push", "code": 7}]):
        job = tmp_path / f"job {number}"
        job.mkdir()
        (job / "request.json").write_text("{}")
        if rules:
            sandbox.rule(**rules)
        made = script().replace("PW_JOB=''", f"PW_JOB='{job}'")

        outcome = sandbox.run(made)

        assert ("error" in json.loads(outcome.out)) == bool(rules)
        assert not job.exists()


def test_no_temporary_directory_is_one_sentence(sandbox: Any, script: Any) -> None:
    outcome = sandbox.run(script(), {"TMPDIR": "/nonexistent/tmp"})

    assert outcome.code == 1
    assert outcome.log == (
        "[podwright] ERROR: no temporary directory can be made in /nonexistent/tmp; "
        "is the disk full?\n"
    )


def test_temporary_directories_may_have_spaces_in_their_names(sandbox: Any, script: Any) -> None:
    folder = sandbox.home / "tmp" / "with a space"
    folder.mkdir()

    outcome = sandbox.run(script(), {"TMPDIR": str(folder)})

    assert outcome.code == 0
    assert list(folder.iterdir()) == []


def test_a_hundred_thousand_lines_of_log_are_shown_and_then_gone(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="build", text="0123456789\n" * 100_000)

    outcome = sandbox.run(script())

    assert outcome.code == 0
    assert outcome.log.count("0123456789\n") == 100_000
    assert sandbox.leftovers() == []


# Logins

NASTY = [
    "simple",
    "two words",
    "quotes ' and \" and `",
    "$HOME $(reboot) ${x}",
    "back\\slash\\n %s %d",
    "line\nbreak\n",
    "ünïcödé ☃ 密码",
    "-n",
    "x" * 20_000,
]


def login(use: str = "both", **more: str) -> dict[str, str]:
    """Give a credential as the bridge sends it."""
    return {"credentialsId": "id", "variable": "PODWRIGHT_1", "use": use, **more}


def decoded(text_: str) -> dict[str, str]:
    """Give the logins of a docker config file as user:password, by registry."""
    auths = json.loads(text_)["auths"]
    return {
        host: base64.b64decode(item["auth"]).decode("utf-8", "surrogateescape")
        for host, item in auths.items()
    }


def test_any_password_reaches_the_login_files_unchanged(sandbox: Any, script: Any) -> None:
    credentials, env, wanted = [], {}, {}
    for number, password in enumerate(NASTY):
        name = f"NASTY_{number}"
        credentials.append(login(registry=f"r{number}.example", variable=name))
        env.update({f"{name}_USR": "some one", f"{name}_PSW": password})
        wanted[f"r{number}.example"] = f"some one:{password}"

    outcome = sandbox.run(script(credentials=credentials), env)

    assert outcome.code == 0
    assert decoded(sandbox.calls("build")[0]["files"]["REGISTRY_AUTH_FILE"]) == wanted
    assert decoded(sandbox.calls("push")[0]["files"]["--authfile"]) == wanted
    assert [password for password in NASTY if len(password) > 2 and password in outcome.log] == []
    assert sandbox.leftovers() == []


def test_logins_for_pulling_and_pushing_are_kept_apart(sandbox: Any, script: Any) -> None:
    credentials = [
        login("pull", registry="mirror.example"),
        login("push"),
        login("pull", registry="docker.io"),
    ]
    env = {"PODWRIGHT_1_USR": "u", "PODWRIGHT_1_PSW": "p"}

    sandbox.run(script(credentials=credentials), env)

    assert decoded(sandbox.calls("build")[0]["files"]["REGISTRY_AUTH_FILE"]) == {
        "mirror.example": "u:p",
        "https://index.docker.io/v1/": "u:p",
    }
    assert decoded(sandbox.calls("push")[0]["files"]["--authfile"]) == {"r.example": "u:p"}


def test_one_login_without_a_registry_serves_the_registries_of_all_images(
    sandbox: Any, planned: Any
) -> None:
    sandbox.fake("buildah")
    images = [{"image": "a.example/x"}, {"image": "b.example/x"}, {"image": "a.example/y"}]
    made = planned({"builder": "buildah", "images": images, "credentials": [login()]}).script

    sandbox.run(made, {"PODWRIGHT_1_USR": "u", "PODWRIGHT_1_PSW": "p"})

    assert decoded(sandbox.calls("push")[0]["files"]["--authfile"]) == {
        "a.example": "u:p",
        "b.example": "u:p",
    }


def test_a_login_without_its_variables_ends_before_anything_is_built(
    sandbox: Any, script: Any
) -> None:
    outcome = sandbox.run(script(credentials=[login()]), {"PODWRIGHT_1_USR": "u"})

    assert outcome.code == 2
    assert sandbox.calls() == []
    assert outcome.log == (
        "[podwright] ERROR: credentials[0]: the environment variable PODWRIGHT_1_PSW is not set; "
        "set it, or name a credential\n"
    )


@pytest.fixture
def asks(sandbox: Any) -> dict[str, str]:
    """Variables with which a script finds a planner; its PATH may have no Python."""
    python = shlex.join([sys.executable, "-m", "podwright"])
    return {"PW_PLANNER": python, "PODWRIGHT_1_USR": "u", "PODWRIGHT_1_PSW": "p"}


def test_a_docker_config_file_is_a_login(
    sandbox: Any, script: Any, tmp_path: Path, asks: dict[str, str]
) -> None:
    config = tmp_path / "docker config.json"
    config.write_text('{"auths": {"https://r.example/v1/": {"auth": "dTpw"}}, "credHelpers": {}}\n')

    made = script(credentials=[login(type="file")])
    outcome = sandbox.run(made, {**asks, "PODWRIGHT_1": str(config)})

    assert outcome.code == 0, outcome.log
    assert decoded(sandbox.calls("push")[0]["files"]["--authfile"]) == {
        "https://r.example/v1/": "u:p"
    }
    assert config.exists()
    assert sandbox.leftovers() == []


def test_what_is_no_docker_config_file_is_told_before_the_build(
    sandbox: Any, script: Any, tmp_path: Path, asks: dict[str, str]
) -> None:
    config = tmp_path / "config.json"
    config.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")

    made = script(credentials=[login(type="file")])
    outcome = sandbox.run(made, {**asks, "PODWRIGHT_1": str(config)})

    assert (outcome.code, outcome.log) == (
        2,
        (
            "[podwright] ERROR: credentials[0]: it is no docker config file but a key or a "
            "certificate; give what `docker login` writes to ~/.docker/config.json\n"
        ),
    )
    assert sandbox.calls() == []
    assert sandbox.leftovers() == []


def test_logins_that_are_there_are_added_to_and_not_hidden(
    sandbox: Any, script: Any, asks: dict[str, str]
) -> None:
    own = sandbox.home / "own" / "config.json"
    own.parent.mkdir()
    (own.parent / "contexts").mkdir()
    auths = {"base.example": {"auth": "bzpv"}, "r.example": {"auth": "eDp5"}}
    own.write_text(json.dumps({"auths": auths, "currentContext": "mine"}))
    env = {**asks, "DOCKER_CONFIG": str(own.parent)}
    env["DOCKER_AUTH_CONFIG"] = '{"auths": {"env.example": {"auth": "ZTpl"}}}'

    outcome = sandbox.run(script(credentials=[login()]), env)

    assert outcome.code == 0, outcome.log
    found = sandbox.calls("push")[0]["files"]["--authfile"]
    assert decoded(found) == {
        "r.example": "u:p",
        "env.example": "e:e",
        "base.example": "o:o",
    }
    assert json.loads(found)["currentContext"] == "mine"
    assert own.exists()
    assert sandbox.leftovers() == []


def test_a_store_of_the_person_does_not_hide_a_login_by_name(
    sandbox: Any, script: Any, asks: dict[str, str]
) -> None:
    """A docker client that has a store asks it for every registry, and looks nowhere else."""
    own = sandbox.home / "own" / "config.json"
    own.parent.mkdir()
    own.write_text('{"auths": {"r.example": {}}, "credsStore": "desktop"}')
    sandbox.rule(when="push", sleep=300)
    env = {**asks, "DOCKER_CONFIG": str(own.parent)}
    process = sandbox.start(script(credentials=[login()]), env)
    wait_for(sandbox.home / "ready")

    call = sandbox.calls("push")[0]
    helper = json.loads(call["files"]["--authfile"])["credHelpers"]["r.example"]
    answer = subprocess.run(
        [f"docker-credential-{helper}", "get"],
        input="r.example",
        capture_output=True,
        env=call["env"],
        check=True,
        text=True,
    ).stdout
    process.send_signal(signal.SIGTERM)
    sandbox.finish(process)

    assert json.loads(answer) == {"ServerURL": "r.example", "Username": "u", "Secret": "p"}
    assert sandbox.leftovers() == []


def test_a_token_has_a_user_by_name(sandbox: Any, script: Any) -> None:
    given = login(type="string", username="robot$x")

    sandbox.run(script(credentials=[given]), {"PODWRIGHT_1": "t'o$k\"en"})

    assert decoded(sandbox.calls("push")[0]["files"]["--authfile"]) == {
        "r.example": "robot$x:t'o$k\"en"
    }


def test_a_docker_config_file_that_cannot_be_read_is_one_sentence(
    sandbox: Any, script: Any
) -> None:
    made = script(credentials=[login(type="file")])

    outcome = sandbox.run(made, {"PODWRIGHT_1": "/nonexistent/config"})

    assert outcome.code == 2
    assert outcome.log == (
        "[podwright] ERROR: credentials[0]: its file cannot be read in this container; use a "
        "container of user 0 or of the agent's\n"
    )
    assert sandbox.leftovers() == []


def test_a_login_by_name_wins_over_the_agents_own_environment(sandbox: Any, script: Any) -> None:
    env = {"PODWRIGHT_1_USR": "u", "PODWRIGHT_1_PSW": "p", "DOCKER_AUTH_CONFIG": "{}"}

    sandbox.run(script(credentials=[login()]), env)

    assert "DOCKER_AUTH_CONFIG" not in sandbox.calls("push")[0]["env"]


def command_lines() -> list[str]:
    """Read the command lines of all processes of the machine."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_text(encoding="utf-8", errors="replace"))
    return lines


def test_while_a_build_runs_its_login_is_private_and_on_no_command_line(
    sandbox: Any, script: Any
) -> None:
    sandbox.rule(when="build", sleep=300)
    password = "correct horse battery"
    env = {"PODWRIGHT_1_USR": "u", "PODWRIGHT_1_PSW": password}
    process: subprocess.Popen[str] = sandbox.start(script(credentials=[login()]), env)
    wait_for(sandbox.home / "ready")

    folders = [path for path in (sandbox.home / "tmp").glob("podwright.*") if path.is_dir()]
    encoded = base64.b64encode(f"u:{password}".encode()).decode()
    seen = [line for line in command_lines() if password in line or encoded in line]
    process.send_signal(signal.SIGTERM)
    outcome = sandbox.finish(process)

    assert len(folders) == 1
    assert not folders[0].exists()
    assert seen == []
    assert password not in outcome.log
    assert encoded not in outcome.log
    assert sandbox.leftovers() == []


def test_the_directory_with_the_logins_is_for_its_owner_alone(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="build", sleep=300)
    process = sandbox.start(script())
    wait_for(sandbox.home / "ready")

    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (sandbox.home / "tmp").iterdir()
        if path.is_dir()
    ]
    process.send_signal(signal.SIGTERM)
    sandbox.finish(process)

    assert set(modes) == {0o700}


def test_a_secret_whose_variable_is_not_set_is_named_before_anything_is_built(
    sandbox: Any, script: Any
) -> None:
    outcome = sandbox.run(script(secrets=[{"id": "token", "env": "NO_SUCH_VARIABLE"}]))

    assert outcome.code == 2
    assert outcome.log == (
        "[podwright] ERROR: secret 'token': the environment variable NO_SUCH_VARIABLE is not set; "
        "set it, or name a credential\n"
    )
    assert sandbox.calls() == []
    assert sandbox.leftovers() == []


def test_an_empty_secret_is_a_secret(sandbox: Any, script: Any) -> None:
    outcome = sandbox.run(script(secrets=[{"id": "token", "env": "TOKEN"}]), {"TOKEN": ""})

    assert outcome.code == 0


# The classification alone, text by text


def test_digests_are_taken_only_when_they_are_whole(sandbox: Any) -> None:
    prelude = f"PW_JOB='' PW_STRATEGY='' PW_RETRIES=0 PW_TIMEOUT=0\n{text('prelude.sh')}\n"
    tries = "\n".join(
        f"pw_digest=; pw_set_digest '{value}'; echo \"<$pw_digest>\""
        for value in [DIGEST, "", "sha256:", "sha256:12x4", "md5:1234", "sha256:12; rm -rf /"]
    )

    outcome = sandbox.run(prelude + tries)

    assert outcome.log.splitlines() == [f"<{DIGEST}>", "<>", "<>", "<>", "<>", "<>"]


def planner(sandbox: Any, job: Path) -> subprocess.Popen[bytes]:
    """Start the loop of the `tools` container, with this podwright behind it."""
    source = text("listen.py").replace("/run/podwright/ask", str(sandbox.home / "ask"))
    bundle = job.parent / "podwright.pyz"
    archive = resources_of_repository() / "podwright.pyz"
    bundle.write_bytes(archive.read_bytes())
    process = subprocess.Popen([sys.executable, "-I", "-c", source])
    wait_for(sandbox.home / "ask")
    return process


def resources_of_repository() -> Path:
    return Path(__file__).parents[2] / "resources/podwright"


def behind_planner(sandbox: Any, job: Path, script: str, bundle: bytes = b"") -> Any:
    """Run a script in a job directory, with a planner behind its FIFO; gives its end."""
    process = planner(sandbox, job)
    if bundle:
        (job.parent / "podwright.pyz").write_bytes(bundle)
    try:
        return sandbox.run(
            script.replace("PW_JOB=''", f"PW_JOB={job}"),
            {"PODWRIGHT_PLANNER_FIFO": str(sandbox.home / "ask")},
        )
    finally:
        process.kill()
        process.wait()


REFUSED = "Error: reading manifest 1 in r.example/team/base: no basic auth credentials\n"


def test_the_planner_in_the_pod_explains_a_failure(
    sandbox: Any, script: Any, tmp_path: Path
) -> None:
    job = tmp_path / "podwright" / "job"
    job.mkdir(parents=True)
    sandbox.rule(when="build", code=125, text=REFUSED)
    outcome = behind_planner(sandbox, job, script())

    sentence = (
        "building r.example/team/app: the registry r.example wants a login and none was given for "
        "it (401); give one: credentials: '<id of a Username with password>'"
    )
    assert outcome.code == 0
    assert json.loads(outcome.out) == {
        "error": sentence,
        "failure": {
            "id": "registry-login-missing",
            "layer": "registry",
            "sentence": "the registry r.example wants a login and none was given for it (401)",
            "remedy": "give one: credentials: '<id of a Username with password>'",
            "transient": False,
        },
    }
    assert outcome.log.endswith(f"[podwright] ERROR: {sentence}\n")
    assert not job.exists()


# In podwright's place: tells of the image where it runs.
TELLS = """\
import pathlib, sys
job = pathlib.Path(sys.argv[2])
room = pathlib.Path((job / "pushed").read_text().rstrip("\\n"))
(room / "described.json").write_text('"platforms":[]\\n')
(room / "summary").write_text(f"told by {sys.argv[0]}\\n")
(job / "answered").touch()
"""


@pytest.mark.parametrize("changed", [False, True])
def test_the_bundle_that_planned_asks_the_registry_and_no_other(
    sandbox: Any, script: Any, tmp_path: Path, *, changed: bool
) -> None:
    job = tmp_path / "podwright" / "job"
    job.mkdir(parents=True)
    known = hashlib.sha256((TELLS + "#" * changed).encode()).hexdigest()
    (job / "bundle").write_text(known)
    outcome = behind_planner(sandbox, job, script(), TELLS.encode())

    assert outcome.value["digest"] == DIGEST
    told = re.findall("told by (.*)", outcome.log)
    # its copy, which is loaded: no other process has to be started
    assert [Path(path).name for path in told] == ([] if changed else [known])


def test_a_planner_that_has_ended_costs_five_seconds_and_no_sentence(
    sandbox: Any, script: Any, tmp_path: Path
) -> None:
    job = tmp_path / "podwright" / "job"
    job.mkdir(parents=True)
    os.mkfifo(sandbox.home / "ask")
    sandbox.rule(when="build", code=125, text=REFUSED)

    outcome = sandbox.run(
        script().replace("PW_JOB=''", f"PW_JOB={job}"),
        {"PODWRIGHT_PLANNER_FIFO": str(sandbox.home / "ask")},
    )

    assert json.loads(outcome.out) == {
        "error": f"building r.example/team/app: failed with exit code 125: {REFUSED.rstrip()}"
    }
    assert sandbox.leftovers() == []


OTHER = f"sha256:{'b' * 64}"
# In podwright's place: compares contexts, and tells what it finds at the end of the build.
COMPARES = """\
import json, pathlib, sys
job = pathlib.Path(sys.argv[2])
kind = next(name for name in ("unchanged", "pushed", "built") if (job / name).exists())
room = pathlib.Path((job / kind).read_text().rstrip("\\n"))
asked = json.loads((room / "asked.json").read_text())
if kind == "unchanged" and SAME:
    (room / "digest").write_text(SAME)
elif kind == "unchanged" and asked["write"]:
    (room / "stays").touch()
    (room / "known.json").write_text(asked["write"])
elif kind == "pushed":
    (room / "described.json").write_text('"platforms":[]\\n')
    (room / "summary").write_text("told\\n")
elif kind == "built":
    names = ("known.json", "digest", "asked.json")
    KEPT.write_text("|".join((room / name).read_text().strip() for name in names))
(job / "answered").touch()
"""


@pytest.fixture
def compared(
    sandbox: Any, script: Any, tmp_path: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Build with a planner that has found a digest, or ('') that something has changed."""
    monkeypatch.setattr(contexts, "LARGE", 1)
    text = "FROM r.example/a\nCOPY . /a\nRUN b\n"
    Path(facts.root, "Dockerfile").write_text(text)

    def run(same: str, **known: Any) -> Any:
        job = tmp_path / "podwright" / "job"
        job.mkdir(parents=True)
        made = script(known=replace(facts, pod_builder="buildah", **known), cache=True)
        program = COMPARES.replace("SAME", repr(same))
        program = program.replace("KEPT", f"pathlib.Path({str(tmp_path / 'kept')!r})")
        outcome = behind_planner(sandbox, job, made, program.encode())
        assert not list(sandbox.home.glob("podwright.*"))  # beside the FIFO nothing stays
        assert [path.name for path in job.parent.iterdir()] == ["podwright.pyz"]
        return outcome

    return run


def test_what_is_unchanged_is_not_built(
    sandbox: Any, compared: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = compared(OTHER)
    assert sandbox.calls("bud") == sandbox.calls("build") == sandbox.calls("push") == []
    assert (outcome.value["digest"], outcome.value["cachedSteps"]) == (OTHER, 2)
    assert not (tmp_path / "kept").exists()
    said = [line for line in outcome.log.splitlines() if "[podwright]" in line]
    assert said[1:3] == [
        "[podwright] comparing the context with that of the last build",
        "[podwright] nothing has changed: the image that is there gets new labels and tags",
    ]


def test_what_has_changed_is_built_and_kept(
    sandbox: Any, compared: Callable[..., Any], tmp_path: Path
) -> None:
    assert compared("").value["digest"] == DIGEST
    assert sandbox.calls("build")
    known, digest, asked = (tmp_path / "kept").read_text().split("|")
    assert (known, digest, json.loads(asked)["path"]) == ("cache.whole", DIGEST, "team/app")


def test_a_pull_request_keeps_nothing(compared: Callable[..., Any], tmp_path: Path) -> None:
    assert compared("", change_id="7").value["digest"] == DIGEST
    assert not (tmp_path / "kept").exists()


def test_without_a_planner_it_is_built(
    sandbox: Any, script: Any, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contexts, "LARGE", 1)
    Path(facts.root, "Dockerfile").write_text("FROM r.example/a\nCOPY . /a\n")
    made = script(known=replace(facts, pod_builder="buildah"), cache=True)
    assert "\npw_unchanged " in made
    outcome = sandbox.run(made, {"PODWRIGHT_PLANNER_FIFO": str(sandbox.home / "nowhere")})
    assert outcome.value["digest"] == DIGEST
    assert "comparing" not in outcome.log

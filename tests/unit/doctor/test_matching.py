"""A log may hold anything: what it says is found all the same, in one pass."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from podwright import cli
from podwright.console import Console
from podwright.doctor import diagnosis, matching
from podwright.doctor.context import Context

if TYPE_CHECKING:
    from pathlib import Path

PLAIN_HTTP = (
    'Error: pinging container registry registry.example:5000: Get "https://registry.example:5000/'
    'v2/": http: server gave HTTP response to HTTPS client'
)
NO_HOST = (
    'Error: pinging container registry mirror.example: Get "https://mirror.example/v2/": dial tcp: '
    "lookup mirror.example on 10.96.0.10:53: no such host"
)
SENTENCE = "the registry registry.example:5000 has no TLS"


def sentences(log: bytes, **known: object) -> list[str]:
    """Give the sentences of the causes of a log."""
    findings = matching.scan(io.BytesIO(log))
    context = Context(**known)  # type: ignore[arg-type]
    return [cause.sentence for cause in diagnosis.decide(findings, context)]


DRESSED = {
    "colours": b"\x1b[31mError: \x1b[1mpinging",
    "a note of Jenkins": b"\x1b[8mha:////4AAAB+LCAA=\x1b[0mError: pinging",
    "a time": b"[2026-11-26T01:02:03.456Z] Error: pinging",
    "a short time": b"01:02:03 Error: pinging",
    "a parallel branch": b"[linux amd64] Error: pinging",
    "BuildKit's number": b"#12 3.456 Error: pinging",
    "a carriage return": b"42 % done\rError: pinging",
    "bytes that are no text": b"\xff\xfe\x80 Error: pinging",
    "typographic quotes": "\u2018app\u2019 Error: pinging".encode(),
}


@pytest.mark.parametrize("dress", DRESSED)
def test_what_stands_around_a_line_does_not_matter(dress: str) -> None:
    line = PLAIN_HTTP.encode().replace(b"Error: pinging", DRESSED[dress])
    assert sentences(b"before\n" + line + b"\r\nafter\n") == [SENTENCE]


@pytest.mark.parametrize("shift", [0, 1, 50, 100, 150, 200])
def test_a_line_across_the_border_of_two_chunks_is_found(shift: int) -> None:
    filler = b"x" * 79 + b"\n"
    before = filler * (matching.CHUNK // 80) + b"\n" * (matching.CHUNK % 80)
    assert len(before) == matching.CHUNK
    log = before[shift:] + PLAIN_HTTP.encode() + b"\n" + filler
    assert sentences(log) == [SENTENCE]


def test_a_line_of_many_megabytes_is_cut_and_the_next_one_found() -> None:
    log = b"y" * (3 * matching.CHUNK + 7) + b"\n" + PLAIN_HTTP.encode()
    assert sentences(log) == [SENTENCE]


def test_the_number_of_the_line_is_told() -> None:
    log = b"a\n" * 600_000 + PLAIN_HTTP.encode() + b"\nz\n"
    assert [match.line for match in matching.scan(io.BytesIO(log)).matches] == [600_001]


def test_independent_causes_are_all_named_the_last_one_first() -> None:
    log = f"[a] {NO_HOST}\n[b] {PLAIN_HTTP}\n".encode()
    assert sentences(log) == [SENTENCE, "no address is known for the name mirror.example"]


def test_a_wrapper_is_named_only_without_a_cause() -> None:
    wrapper = "process apparently never started in /home/jenkins/agent/workspace/a@tmp/durable-1"
    assert sentences(f"{PLAIN_HTTP}\n{wrapper}\n".encode()) == [SENTENCE]
    assert sentences(wrapper.encode()) == ["the shell of a container never started"]


def test_what_a_run_step_prints_is_not_the_builders() -> None:
    log = (
        "STEP 2/3: RUN ./test\n"
        'curl: Get "https://registry.example:5000/v2/": server gave HTTP response to HTTPS client\n'
        "3 tests failed\n"
        'Error: building at STEP "RUN ./test": while running runtime: exit status 4\n'
    )
    assert sentences(log.encode()) == [
        "a RUN step ended with exit code 4; its last words: 3 tests failed"
    ]


def test_a_run_step_without_a_word_is_named() -> None:
    log = 'STEP 2/3: RUN exit 3\nError: building at STEP "RUN exit 3": exit status 3\n'
    assert sentences(log.encode()) == [
        "a RUN step ended with exit code 3; its last words: none, in 'RUN exit 3'"
    ]


@pytest.mark.parametrize(
    ("said", "words"),
    [("no semicolon\n", "no semicolon"), ("", "none, in '/bin/sh -c exit 3'")],
)
def test_what_kaniko_says_of_itself_are_no_words_of_a_step(said: str, words: str) -> None:
    # As of 1.28.3 the fork empties its root before it says what failed.
    log = (
        "a word of an earlier step\n"
        'time="2026-11-26T15:47:33Z" level=info msg="Running: [/bin/sh -c exit 3]"\n'
        f"{said}"
        'time="2026-11-26T15:47:33Z" level=info msg="Deleting filesystem..."\n'
        "error building image: error building stage: failed to execute command: waiting for "
        "process to exit: exit status 3\n"
    )
    assert sentences(log.encode()) == [
        f"a RUN step ended with exit code 3; its last words: {words}"
    ]


def test_a_build_that_succeeded_in_the_end_has_no_cause() -> None:
    assert sentences(f"{PLAIN_HTTP}\nFinished: SUCCESS\n".encode()) == []


LOGIN = "Error: reading manifest 1 in {}/team/base: unauthorized: authentication required"


def test_a_login_is_told_by_its_id_for_the_registry_of_the_line() -> None:
    known = {"known": True, "logins": {"one.example": "login-1", "docker.io": "hub"}}
    assert sentences(LOGIN.format("one.example").encode(), **known) == [
        "the registry one.example refused the login 'login-1' (401)"
    ]
    assert sentences(LOGIN.format("two.example").encode(), **known) == [
        "the registry two.example wants a login and none was given for it (401)"
    ]
    assert sentences(LOGIN.format("registry-1.docker.io").encode(), **known) == [
        "the registry docker.io refused the login 'hub' (401)"
    ]


def test_a_strategy_is_proposed_when_it_is_allowed() -> None:
    line = b"[rootlesskit:parent] error: failed to start the child: fork/exec /proc/self/exe: "
    findings = matching.scan(io.BytesIO(line + b"operation not permitted"))
    for allowed, end in ((("kaniko", "dind"), ", or take builder: 'kaniko'"), (("dind",), "")):
        (cause,) = diagnosis.decide(findings, Context(allowed=allowed))
        assert cause.remedy == (
            f"say pod: [confinement: 'unconfined'] in a namespace at 'privileged'{end}"
        )


def test_without_a_cause_the_most_telling_line_is_shown() -> None:
    findings = matching.scan(io.BytesIO(b"[podwright] building app\nboom: it has failed\nbye\n"))
    context = Context(title="building app")
    assert diagnosis.sentence([], findings, context, "failed with exit code 7") == (
        "building app: failed with exit code 7, by a cause that is not known; its most telling "
        "line: boom: it has failed"
    )
    quiet = matching.scan(io.BytesIO(b"hello\n"))
    assert diagnosis.sentence([], quiet, context, "failed with exit code 7").endswith(": hello")
    nothing = matching.scan(io.BytesIO(b"[podwright] building app\n"))
    assert diagnosis.sentence([], nothing, context, "failed with exit code 7") == (
        "building app: failed with exit code 7; it said nothing"
    )


def run(*words: str) -> tuple[int, str, str]:
    """Run the command in this process; gives exit code, stdout and stderr."""
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(), {})
    code = cli.run(words, console)
    return code, console.stdout.getvalue(), console.stderr.getvalue()  # type: ignore[attr-defined]


REMEDY = "if that is meant, say so: registries: ['registry.example:5000': [http: true]]"


def test_the_command_names_causes_lines_and_remedies(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text(f"[podwright] building app\n{PLAIN_HTTP}\n")
    block = f"{SENTENCE}\n  do:     {REMEDY}\n  layer:  registry\n  line:   {PLAIN_HTTP}\n"
    assert run("diagnose", str(log)) == (0, block, "")
    assert json.loads(run("diagnose", "--json", str(log))[1]) == [
        {
            "id": "registry-plain-http",
            "layer": "registry",
            "sentence": SENTENCE,
            "remedy": REMEDY,
            "transient": False,
        }
    ]


def test_the_command_says_when_it_knows_no_cause(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text("all is well\n")
    assert run("diagnose", str(log)) == (0, "No failure was found.\n", "")
    log.write_text("the flux capacitor failed\n")
    said = "No known cause. The most telling lines:\n  the flux capacitor failed\n"
    assert run("diagnose", str(log)) == (1, said, "")


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    name = str(tmp_path / "nope")
    code, out, err = run("diagnose", name)
    sentence = f"'{name}' cannot be read: No such file or directory; give a log file"
    assert (code, out, err) == (2, "", f"podwright diagnose: {sentence}\n")

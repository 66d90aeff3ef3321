"""Help, manual and completion: made of the parser, read by people and by shells."""

from __future__ import annotations

import argparse
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from test_cli import podwright, run

from podwright import commands, manual, parsers

if TYPE_CHECKING:
    from pathlib import Path

PARSERS = {parser.prog: parser for parser in manual.tree(parsers.parser())}
PUBLIC = [name for name in commands.names() if name not in manual.known()["internal"]]


@pytest.mark.parametrize("prog", PARSERS)
def test_every_help_fits_a_terminal_and_the_short_one_a_screen(prog: str) -> None:
    long, short = PARSERS[prog].format_help(), PARSERS[prog].short_help()

    assert [line for line in (long + short).splitlines() if len(line) > 79] == []
    assert len(short.splitlines()) <= 24


def test_every_command_is_in_one_group() -> None:
    listed = [name for names in manual.known()["groups"].values() for name in names]

    assert sorted(listed) == PUBLIC
    assert set(manual.known()["main"][""]) <= set(listed)


@pytest.mark.parametrize("name", commands.names())
def test_every_command_has_a_summary_and_a_help_that_teaches(name: str) -> None:
    summary = commands.load(name).SUMMARY
    done = podwright(name, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert summary[0].islower()
    assert not summary.endswith(".")
    assert f"usage: podwright {name}" in done.stdout
    # More than the summary again: a sentence of its own.
    assert done.stdout.splitlines()[2:] != []
    assert (summary in podwright("--help").stdout) is (name in PUBLIC)


def test_no_command_at_all_is_told_what_there_is() -> None:
    done = podwright()

    assert (done.returncode, done.stdout) == (2, "")
    assert "  build       build an image on this machine\n" in done.stderr
    assert done.stderr == podwright("-h").stdout


EXAMPLES = [line for lines in manual.known()["examples"].values() for line in lines]


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_is_a_command_line_of_its_command(line: str) -> None:
    words = shlex.split(line.partition(">")[0].rpartition("| ")[2])

    above = [prog for prog in PARSERS if words[: len(prog.split())] == prog.split()]
    assert any(line in PARSERS[prog].format_help() for prog in above)
    assert parsers.parser().parse_args(words[1:]).command == words[1]


@pytest.mark.parametrize("prog", [prog for prog in PARSERS if prog.split()[-1] in PUBLIC])
def test_every_command_has_examples(prog: str) -> None:
    assert manual.known()["examples"].get(prog.partition(" ")[2])


@pytest.mark.parametrize("name", ["plan", "build"])
def test_examples_of_plans_work(name: str, workspace: Path) -> None:
    (workspace / "request.yaml").write_text("image: app\ntags: [1]\n")

    for line in manual.known()["examples"][name]:
        words = line.split()[2:]
        done = podwright(
            "plan", *words, *(["--tag", "x"] if ":1" not in line else []), cwd=workspace
        )
        assert (line, done.returncode, done.stderr) == (line, 0, "")


def test_help_of_a_command_is_its_long_one() -> None:
    assert run("help", "jobs", "plan")[1] == PARSERS["podwright jobs plan"].format_help()
    assert run("help")[1] == podwright("--help").stdout
    assert run("help", "jobs", "paln") == (
        2,
        "",
        "podwright help: unknown command 'jobs paln'; did you mean 'jobs plan'?\n",
    )


def test_the_manual_is_a_page_for_man(tmp_path: Path) -> None:
    page = run("help", "--man")[1]
    sections = [line[4:] for line in page.splitlines() if line.startswith(".SH ")]

    assert page.startswith('.TH PODWRIGHT 1 "" "podwright ')
    assert sections == ["NAME", *(prog.upper() for prog in PARSERS if prog.split()[-1] != "answer")]
    assert [line for line in page.splitlines() if line.startswith("'")] == []


def completed(script: Path, words: list[str]) -> list[str]:
    """Give what bash offers for the last word."""
    quoted = " ".join(map(shlex.quote, words))
    program = (
        f". {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _podwright; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_words(tmp_path: Path) -> None:
    script = tmp_path / "podwright.bash"
    script.write_text(run("completion", "bash")[1])

    assert completed(script, ["podwright", "bu"]) == ["build", "builders"]
    assert completed(script, ["podwright", "build", "--ta"]) == ["--tag", "--target"]
    assert completed(script, ["podwright", "jobs", "ap"]) == ["apply"]
    assert completed(script, ["podwright", "jobs", "plan", "--ad"]) == ["--adopt"]
    words = completed(script, ["podwright", "completion", ""])
    assert words == ["-h", "--help", "bash", "zsh", "fish", "--json"]
    assert completed(script, ["podwright", "ans"]) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_every_command_and_option(shell: str) -> None:
    script = run("completion", shell)[1]

    for prog, parser in PARSERS.items():
        if prog.split()[-1] == "answer":
            continue
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                continue
            for option in action.option_strings:
                word = option.lstrip("-") if shell == "fish" else option
                assert word in script

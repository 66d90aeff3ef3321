"""What the pages say: links lead somewhere, examples run, quoted sentences are podwright's own."""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from podwright import cli, generate, parsers
from podwright import config as configs
from podwright.console import Console
from podwright.desk import groovy
from podwright.documents import COMMANDS
from podwright.records import fields
from podwright.request import BuildParameters, PodParameters

STEPS = {"buildImage": BuildParameters, "withBuilderPod": PodParameters, **COMMANDS}

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    if ".venv" not in path.parts
)
SOURCES = [
    path.read_text(encoding="utf-8")
    for path in [*ROOT.glob("pytools/podwright/**/*"), *ROOT.glob("src/podwright/*.groovy")]
    if path.suffix in (".py", ".sh", ".groovy")
]
# Words of Kubernetes, container runtimes and registries, which podwright only passes on.
OTHERS = {
    'violates PodSecurity "baseline"',
    "restricted",
    "hostPath type check failed",
    "ErrImagePull",
    "ImagePullBackOff",
    "containers with incomplete status: [engine]",
    "operation not permitted",
    "permission denied",
    "unauthorized",
    "denied",
    "x509: certificate signed by unknown authority",
    "server gave HTTP response to HTTPS client",
    "engine",
    "buildkit",
}


def anchors(page: Path) -> set[str]:
    """Give the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = page.parent / path if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def test_every_page_can_be_reached_from_the_first_one() -> None:
    seen: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
            found = (page.parent / target).resolve()
            if found.suffix == ".md":
                ahead.append(found)
            elif found.is_dir():
                ahead += found.glob("*.md")
    pages = {page for page in PAGES if "docs" in page.relative_to(ROOT).parts}
    assert sorted(str(page.relative_to(ROOT)) for page in pages - seen) == []


def test_the_organisations_config_of_the_page_is_one() -> None:
    page = (ROOT / "docs/how-to/install.md").read_text(encoding="utf-8")
    text = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]

    config = configs.load(text, None)

    assert config.allowed == ("buildkit", "kaniko")
    assert sorted(generate.presets(config, text)) == [
        "auto.json",
        "buildkit.json",
        "choices.txt",
        "commands.json",
        "default.json",
        "kaniko.json",
        "names.txt",
        "owner.txt",
    ]


def test_the_commands_of_the_laptops_page_work(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    page = (ROOT / "docs/how-to/laptop.md").read_text(encoding="utf-8")
    request = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    (workspace / "request.yaml").write_text(request, encoding="utf-8")
    (workspace / "npmrc").touch()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    commands = [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]

    assert len(commands) == 8
    for words in commands:
        # Builds run with real builders, in another test.
        asked = ["plan", *words[2:]] if words[1] == "build" else words[1:]
        said = io.StringIO()
        code = cli.run(asked, Console(io.StringIO(), said, io.StringIO(), {}))
        assert (words, code, said.getvalue()) == (words, 0, "")


def test_the_sentences_that_are_explained_are_podwrights_own() -> None:
    page = (ROOT / "docs/how-to/troubleshooting.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (.*?) \|", page, re.MULTILINE)
    sentences = [text for cell in first_cells for text in re.findall(r"`(.*?)`", cell)]
    everything = re.sub(r"\"\s*\n\s*f?\"|' *\n *\+ '", "", "\n".join(SOURCES))

    unknown = [
        part
        for sentence in sentences
        if sentence not in OTHERS
        for part in re.split(r"'?\.\.\.'?", sentence)
        if part.strip() and part.strip() not in everything
    ]

    assert len(sentences) > 30
    assert unknown == []


def test_every_place_that_contributing_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:pytools|tests|docs)/[\w./<>-]+)`", text))
    missing = [place for place in named if not (ROOT / re.split(r"/[^/]*<", place)[0]).exists()]

    assert missing == []
    assert {place for place in named if "<" in place} == {
        "pytools/podwright/builders/<name>.py",
        "pytools/podwright/jobs/kinds/<name>.py",
        "pytools/podwright/doctor/symptoms/<id>.yaml",
        "tests/golden/jobs/<name>-minimal",
    }


def blocks() -> list[tuple[str, str, str]]:
    """Give page, language and text of each block of code; generated help is tested elsewhere."""
    found = []
    for page in PAGES:
        text = "" if page.name in ("cli.md", "CHANGELOG.md") else page.read_text(encoding="utf-8")
        for language, body in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            found.append((str(page.relative_to(ROOT)), language, body))
    return found


def named(language: str) -> list[tuple[str, str]]:
    return [(page, body) for page, known, body in blocks() if known == language]


def test_every_language_of_a_block_is_one_that_is_tested() -> None:
    assert {language for _, language, _ in blocks()} <= {
        *("", "sh", "groovy", "yaml", "json", "dockerfile", "python", "text"),
    }


@pytest.mark.parametrize(("page", "body"), named("yaml"))
def test_yaml_of_pages_is_yaml(page: str, body: str) -> None:
    assert list(yaml.safe_load_all(body)) != [None], page


@pytest.mark.parametrize(("page", "body"), named("json"))
def test_json_of_pages_is_json(page: str, body: str) -> None:
    assert json.loads(body), page


@pytest.mark.parametrize(("page", "body"), [*named("sh"), *named("")])
def test_commands_of_pages_are_command_lines(page: str, body: str) -> None:
    for line in re.sub(r"\\\n", " ", body).splitlines():
        for part in re.split(r"&&|\||;", line.partition("#")[0]):
            words = shlex.split(re.sub(r"\d?>>?\s*\S+", "", part)) if "podwright " in part else []
            if words[:1] == ["podwright"] and "..." not in words:
                assert parsers.parser().parse_args(words[1:]).command == words[1], page


@pytest.mark.parametrize(("page", "body"), named("groovy"))
def test_groovy_of_pages_closes_what_it_opens(page: str, body: str) -> None:
    blank = groovy.plain(body)
    depths = [blank.count(one) - blank.count(other) for one, other in ("()", "[]", "{}")]
    assert (page, depths) == (page, [0, 0, 0])
    steps = {name: {item.name for item in fields(cls)} for name, cls in STEPS.items()}
    for call in groovy.calls(body, rf"\b({'|'.join(steps)})\s*\("):
        keys = {key for given in call.given for key in re.findall(r"^(\w+):", given)}
        assert keys <= steps[call.found[1]], page


@pytest.mark.parametrize("page", sorted((ROOT / "vars").glob("*.txt")), ids=lambda page: page.name)
def test_a_steps_page_reads_well_through_both_formatters_of_jenkins(page: Path) -> None:
    text = page.read_text()

    # "Safe HTML" keeps lines and indentation in here alone; the plain one shows all as it is.
    assert text.startswith(f"<pre>\n{page.stem}: ")
    assert text.endswith("\n</pre>\n")
    assert "<" not in text[len("<pre>") : -len("</pre>\n")]
    assert [line for line in text.splitlines() if len(line) > 105] == []

"""Words of descriptions, judged as Jenkins would: what it would drop or ignore is told before."""
# ruff: noqa: ISC004 - tables of sentences

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podwright.errors import UsageError
from podwright.jobs import description, rendering, xmltree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from xml.etree.ElementTree import Element

    Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a description; returns its folder."""
    folder = tmp_path / "jobs"

    def one(text: str, file: str = "a.yaml") -> Path:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return folder

    return one


def problems(folder: Path) -> list[str]:
    with pytest.raises(UsageError) as caught:
        rendering.render_all(description.read(folder).jobs)
    return list(caught.value.problems)


def rendered(folder: Path) -> dict[str, Element]:
    items = rendering.render_all(description.read(folder).jobs)
    return {item.job.name: xmltree.parse(item.bare()) for item in items}


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        ("{name: a, script: x, triggers: [cron: H 25 * * *]}",
         "3:37: triggers[0].cron.spec: 'H 25 * * *' is not a valid schedule: 25 is not between 0 "
         "and 23"),
        ("{name: a, script: x, triggers: [cron: 'H(0-99) 2 * * *']}",
         "3:37: triggers[0].cron.spec: 'H(0-99) 2 * * *' is not a valid schedule: 99 is not "
         "between 0 and 59"),
        ("{name: a, script: x, triggers: [cron: H/0 * * * *]}",
         "3:37: triggers[0].cron.spec: 'H/0 * * * *' is not a valid schedule: the step of 'H/0' is "
         "not positive"),
        ("{name: a, script: x, triggers: [cron: H/61 * * * *]}",
         "3:37: triggers[0].cron.spec: 'H/61 * * * *' is not a valid schedule: the step of 'H/61' "
         "is larger than 60"),
        ("{name: a, script: x, triggers: [cron: '* * * * xyz']}",
         "3:37: triggers[0].cron.spec: '* * * * xyz' is not a valid schedule: 'xyz' is not a "
         "number, a range, '*' or 'H'"),
        ("{name: a, script: x, triggers: [cron: 0 5-2 * * *]}",
         "3:37: triggers[0].cron.spec: '0 5-2 * * *' is not a valid schedule: the range '5-2' ends "
         "before it begins"),
        ("{name: a, script: x, triggers: [upstream: {jobs: []}]}",
         "3:48: triggers[0].upstream.jobs: the list is empty; write at least one"),
        ("{name: a, kind: freestyle, scm: {xml: <hudson.plugins.mercurial.MercurialSCM/>}}",
         "3:38: scm.xml: the element is <hudson.plugins.mercurial.MercurialSCM>, which Jenkins "
         'would ignore here; write <scm class="hudson.plugins.mercurial.MercurialSCM">'),
        ("{name: a, kind: multibranch, sources: [{xml: <com.example.Source/>}]}",
         "3:45: sources[0].xml: the element is <com.example.Source>, which Jenkins would ignore "
         'here; write <source class="com.example.Source">'),
        ("{name: a, kind: multibranch, sources: []}",
         "3:34: sources: the list is empty; write at least one"),
        ("{name: a, kind: multibranch, sources: [{git: u}, {git: u}]}",
         "3:34: sources: two have the id 'git-u'; give one an `id` of its own"),
        ("{name: a, kind: multibranch, sources: [{github: {owner: o, repository: r, traits: "
         "[{regex: a}]}}]}",
         "3:79: sources[0].github.traits: nothing is discovered; add branches, pullRequests, forks "
         "or tags"),
        ("{name: a, kind: organization, navigators: [{gitlab: {owner: o, traits: []}}]}",
         "3:68: navigators[0].gitlab.traits: nothing is discovered; add branches, pullRequests, "
         "forks or tags"),
        ("{name: a, script: x, parameters: [{string: {name: A}}, {boolean: {name: A}}]}",
         "3:26: parameters: 'A' is given twice; remove one"),
        ("{name: a, script: x, parameters: [{choice: {name: A, choices: []}}]}",
         "3:58: parameters[0].choice.choices: the list is empty; write at least one"),
        ("{name: a, script: x, parameters: [{choice: {name: A, choices: 'x,y'}}]}",
         "3:58: parameters[0].choice.choices: expected a list, got 'x,y'; write [x, y]"),
        ("{name: a, kind: view, regex: '('}",
         "3:27: regex: '(' is not a valid regular expression: missing ), unterminated subpattern"),
        ("{name: a, script: x, formerly: a}",
         "3:5: formerly: the names a <- a go in a circle; remove one, or rename by a third name"),
        ("{name: v, kind: view, formerly: a}",
         "3:5: formerly: a view has no builds to keep; remove this line"),
        ("{name: '{{x}}', script: x}",
         "3:12: {{x}} stands for no value; this job has no values; to keep it as it is, write "
         "\\{{x}} (in double quotes \\\\{{x}})"),
        ("{name: a, scm: {git: u, branches: [x]}}",
         "3:29: scm: 'branches' belongs into 'git'; write git: {url: ..., branches: ...}"),
        ("{name: a, values: {hosts: [x, y]}, script: 'echo {{hosts}}'}",
         "3:48: {{hosts}} is a list, which is no part of a text; let it stand alone"),
        ("{name: a, values: {x: '{{y}}', y: '{{x}}'}, script: 'echo {{x}}'}",
         "3:15: values: x, y are made of each other; remove the circle"),
    ],
)  # fmt: skip
def test_what_jenkins_would_drop_or_ignore_is_told(write: Write, job: str, sentence: str) -> None:
    assert f"jobs/a.yaml:{sentence}" in problems(write(f"owner: x\njobs:\n  - {job}\n"))


@pytest.mark.parametrize(
    "spec",
    ["H H(0-7) * * 1-5", "*/15 * * * *", "0 0 1,15 * 0,7", "H/30 * * * *", "@midnight",
     "TZ=Europe/Berlin\n# nightly\nH 2 * * *", "H H 1-28/7 * *", "5-20/5 * * 12 *"],
)  # fmt: skip
def test_schedules_that_jenkins_takes(write: Write, spec: str) -> None:
    text = spec.replace("\n", "\n            ")
    folder = write(
        "owner: x\njobs:\n  - name: a\n    script: x\n    triggers:\n      - cron: |\n"
        f"            {text}\n"
    )
    assert rendered(folder)["a"].find(".//hudson.triggers.TimerTrigger") is not None


@pytest.mark.parametrize("regex", ["(?<name>a)++", "\\Q(\\E", "[a-z&&[^b]]", "\\p{Alpha}+"])
def test_regular_expressions_of_java_are_taken(write: Write, regex: str) -> None:
    folder = write(f"owner: x\njobs:\n  - {{name: a, kind: view, regex: '{regex}'}}\n")
    assert rendered(folder)["a"].findtext("includeRegex") == regex


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("owner: o\njobs: {a: {script: x}}\n",
         "2:1: jobs: expected a list, got a map; begin each job with `- name:`"),
        ("owner: null\njobs: [{name: a, script: x}]\n",
         "1:1: no file says `owner:`; add it to one, for example owner: team-a"),
        ("owner: o\nfolders: ['']\njobs: []\n", "2:1: folders: a name must not be empty"),
        ("owner: o\nfolders: [../x]\njobs: []\n",
         "2:1: folders: '..' is not a valid name for a job or folder, in '../x'"),
        ("owner: o\njobs: [{name: A/b, script: x}, {name: a, kind: folder}]\n",
         "2:32: name: 'a' and 'A' differ only in case, which is one name in many versions of "
         "Jenkins; write them alike"),
        ("owner: o\njobs: [{name: a, formerly: b, script: x}, {name: b, formerly: a, script: x}]\n",
         "2:8: formerly: the names a <- b <- a go in a circle; remove one, or rename by a third "
         "name"),
        ("owner: o\njobs: [{name: a, formerly: c, script: x}, {name: b, formerly: c, script: x}]\n",
         "2:43: formerly: a has this former name too; remove one"),
    ],
)  # fmt: skip
def test_wrong_files_are_told(write: Write, text: str, sentence: str) -> None:
    assert f"jobs/a.yaml:{sentence}" in problems(write(text))


def test_a_mistake_is_told_once(write: Write) -> None:
    folder = write(
        "owner: o\ntemplates: {t: [a]}\ndefaults: {pipeline: {keep: lots}}\n"
        "jobs: [{name: a, template: t}, {name: b, script: x}, {name: c, script: x}]\n"
    )
    assert problems(folder) == [
        "jobs/a.yaml:2:13: templates.t: expected a map, got a list",
        "jobs/a.yaml:3:23: keep.builds: expected a whole number, got 'lots'",
    ]


def test_a_file_that_leads_to_itself_is_told(write: Write) -> None:
    folder = write("owner: o\njobs: [{name: a, kind: xml, file: loop.xml}]\n")
    (folder / "loop.xml").symlink_to("loop.xml")
    assert problems(folder) == [
        "jobs/a.yaml:2:35: file: 'loop.xml' leads nowhere; correct the name"
    ]


def test_prefixes_of_namespaces_are_written_as_they_stand(write: Write) -> None:
    write("<project xmlns:p='urn:p'><p:a p:b='1'>{{name}}</p:a></project>", "x.xml")
    folder = write("owner: o\njobs: [{name: a, kind: xml, file: x.xml}]\n")
    (item,) = rendering.render_all(description.read(folder).jobs)
    assert (
        b'<project xmlns:p="urn:p"><description></description><p:a p:b="1">a</p:a>' in item.bare()
    )


@pytest.mark.parametrize(
    ("xml", "sentence"),
    [
        ("<a>" * 1000 + "</a>" * 1000, "it is nested deeper than 200 levels"),
        ("<a xmlns:p='urn:p'><p:b></a>", "mismatched tag (line 1, column 27)"),
    ],
)
def test_xml_of_any_shape_is_a_sentence(write: Write, xml: str, sentence: str) -> None:
    write(xml, "x.xml")
    folder = write("owner: o\njobs: [{name: a, kind: xml, file: x.xml}]\n")
    assert problems(folder) == [f"jobs/a.yaml:2:8: file: 'x.xml' is not valid XML: {sentence}"]


def test_brackets_without_end_are_a_sentence(write: Write) -> None:
    (sentence,) = problems(write("[" * 50_000))
    assert sentence == "jobs/a.yaml:1:1: the values are nested too deeply; write them flatter"


# -- what words say --------------------------------------------------------------------------------


def test_scripts_stand_in_files(write: Write) -> None:
    write("echo {{kept}}\n", "ci/build.groovy")
    write("make\n", "ci/make.sh")
    folder = write(
        "owner: o\njobs:\n"
        "  - {name: p, values: {who: build}, script: {file: 'ci/{{who}}.groovy'}}\n"
        "  - name: f\n    kind: freestyle\n    steps:\n"
        "      - shell: {file: ci/make.sh}\n      - batch: {command: {file: ci/make.sh}}\n"
    )
    made = rendered(folder)
    assert made["p"].findtext("definition/script") == "echo {{kept}}\n"
    assert [node.text for node in made["f"].iter("command")] == ["make\n", "make\n"]


def test_a_script_outside_of_the_description_is_not_read(write: Write) -> None:
    folder = write("owner: o\njobs: [{name: p, script: {file: ../../etc/passwd}}]\n")
    assert problems(folder) == [
        "jobs/a.yaml:2:26: file: '../../etc/passwd' lies outside the description's folder"
    ]


def test_values_are_made_of_values(write: Write) -> None:
    folder = write(
        "owner: o\njobs:\n  - name: a\n    script: 'echo {{image}} \\{{x}}'\n"
        "    values: {image: '{{host}}/{{app}}:{{tag}}', app: 'web-{{tag}}', tag: '1', host: h}\n"
    )
    script = rendered(folder)["a"].findtext("definition/script")
    assert script == "echo h/web-1:1 {{x}}"


def test_values_of_a_matrix_are_made_of_values(write: Write) -> None:
    folder = write(
        "owner: o\ntemplates:\n  t: {name: 'a-{{n}}', script: 'echo {{url}}', "
        "values: {url: 'git/{{n}}'}}\njobs:\n  - {template: t, matrix: {n: [x, y]}}\n"
    )
    assert {
        name: root.findtext("definition/script") for name, root in rendered(folder).items()
    } == {"a-x": "echo git/x", "a-y": "echo git/y"}


def names_of(root: Element) -> list[str | None]:
    return [node.text for node in root.iterfind(".//parameterDefinitions/*/name")]


def test_a_job_appends_to_the_list_of_its_template(write: Write) -> None:
    folder = write(
        "owner: o\n"
        "defaults: {pipeline: {parameters: [{string: {name: D}}]}}\n"
        "templates:\n"
        "  one: {script: x, parameters: [{string: {name: A}}]}\n"
        "  two: {template: one, parameters+: [{string: {name: B}}]}\n"
        "  bare: {script: x}\n"
        "jobs:\n"
        "  - {name: j, template: two, parameters+: [{string: {name: C}}]}\n"
        "  - {name: k, template: bare, parameters+: {string: {name: C}}}\n"
        "  - {name: l, template: one}\n"
        "  - {name: m, kind: freestyle, parameters+: [{string: {name: C}}]}\n"
    )
    made = {name: names_of(root) for name, root in rendered(folder).items()}
    assert made == {"j": ["A", "B", "C"], "k": ["D", "C"], "l": ["A"], "m": ["C"]}


@pytest.mark.parametrize(
    ("source", "tags"),
    [
        ("github: {owner: o, repository: r}", ["Branch", "OriginPullRequest", "ForkPullRequest"]),
        ("bitbucket: {owner: o, repository: r}",
         ["Branch", "OriginPullRequest", "ForkPullRequest"]),
        ("gitlab: {owner: o, project: r}", ["Branch", "OriginMergeRequest", "ForkMergeRequest"]),
    ],
)  # fmt: skip
def test_sources_discover_what_the_forms_of_their_plugins_begin_with(
    write: Write, source: str, tags: list[str]
) -> None:
    folder = write(
        f"owner: o\njobs:\n  - {{name: m, kind: multibranch, sources: [{{{source}}}]}}\n"
    )
    traits: Any = rendered(folder)["m"].find(".//traits")
    assert [node.tag.rpartition(".")[2] for node in traits] == [f"{t}DiscoveryTrait" for t in tags]

"""Reading descriptions: places of mistakes, defaults, templates, matrix, secrets, names."""
# ruff: noqa: ISC004 - tables of sentences

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podwright.errors import UsageError
from podwright.jobs import description, rendering

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podwright.jobs.description import Description

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


def names(found: Description) -> list[str]:
    return [job.name for job in found.jobs]


def script(found: Description, name: str) -> str:
    (job,) = [job for job in found.jobs if job.name == name]
    return str(job.spec.script)  # type: ignore[attr-defined]


# -- mistakes and where they are ----------------------------------------------------------------


def test_all_problems_of_all_files_are_told_at_once_with_line_and_column(write: Write) -> None:
    write("owner: team\njobs:\n  - name: a\n    scrpt: echo\n  - {kind: folder}\n")
    folder = write("jobs:\n  - name: b\n    script: [1]\n    keep: lots\n", "sub/b.yml")
    assert (
        problems(folder)
        == [
            "jobs/a.yaml:3:5: give either `script` or `scm`",
            "jobs/a.yaml:4:5: unknown parameter 'scrpt'; did you mean 'script'?",
            "jobs/a.yaml:5:5: name: is missing; give the full name, such as team/app",
            "jobs/sub/b.yml:3:5: script: expected a text, got a list",
            "jobs/sub/b.yml:4:5: keep.builds: expected a whole number, got 'lots'",
        ][1:]
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: b: c", "1:5: not valid YAML: mapping values are not allowed here"),
        ("owner: x\njobs: [\n", "3:1: not valid YAML: expected the node content, but "
         "found '<stream end>'"),
        ("- a", "1:1: expected a map with `jobs:`; a description is not a list or a text"),
        ("owner: [x]\njobs: []", "1:1: owner: expected a text, got a list"),
        ("owner: -x", "1:1: owner: '-x' is not a name of letters, digits, '.', '_' and '-', at "
         "most 63 long"),
        ("owner: x\nowner: y", "2:1: 'owner' is given twice; keep one of them"),
        ("owner: x\njobs: &a [*a]", "2:7: this value contains itself through an alias; remove the "
         "cycle"),
        ("owner: x\njobs: [{name: a, script: !include b}]",
         "2:26: the tag '!include' is not known here; write a plain value"),
        ("owner: x\nowners: y", "2:1: unknown parameter 'owners'; did you mean 'owner'?"),
        ("owner: x\njobs: !own [{name: a, script: x}]",
         "2:7: the tag '!own' is not known here; write a plain value"),
        ("jobs: " + "[" * 100_000, "1:1: the values are nested too deeply; write them flatter"),
        ("owner: x\n? [a]\n: b", "2:3: a key must be a plain text"),
        ("owner: x\nremoval: explode",
         "2:1: removal: unknown way of removal 'explode'; known are delete, disable, keep"),
        ("owner: x\nremovalShare: 200", "2:1: removalShare: 200 is not between 0 and 100"),
        ("jobs: []", "1:1: no file says `owner:`; add it to one, for example owner: team-a"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told(write: Write, text: str, sentence: str) -> None:
    assert problems(write(text)) == [f"jobs/a.yaml:{sentence}"]


def test_long_and_quoted_keys_keep_their_line(write: Write) -> None:
    long = "k" * 70
    job = f'owner: x\njobs:\n  - name: a\n    script: x\n    "re\'tries": 1\n    {long}: 1\n'

    said = problems(write(job))

    assert [sentence.partition("; ")[0] for sentence in said] == [
        "jobs/a.yaml:5:5: unknown parameter 're'tries'",
        f"jobs/a.yaml:6:5: unknown parameter '{'k' * 59}…'",
    ]


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        ("{name: a, kind: pipline}",
         "3:15: kind: unknown kind 'pipline'; did you mean 'pipeline'?"),
        ("{name: a}", "3:5: give either `script` or `scm`"),
        ("{name: a, script: x, scm: {git: u}}", "3:5: give either `script` or `scm`, not both"),
        ("{name: [a], script: x}", "3:6: name: expected a text"),
        ("{name: a, script: x, triggers: [{cron: every day}]}",
         "3:38: triggers[0].cron.spec: 'every day' is not a valid schedule; write five columns "
         "such as "
         "'H 2 * * 1-5', or a word such as @daily"),
        ("{name: a, script: x, triggers: [{crom: '@daily'}]}",
         "3:38: triggers[0]: 'crom' is not a kind of trigger; did you mean 'cron'?"),
        ("{name: a, script: x, triggers: [{cron: '@daily', poll: ''}]}",
         "3:37: triggers[0]: give exactly one kind of trigger, not cron, poll"),
        ("{name: a, script: x, parameters: [{string: {name: c, nam: b}}]}",
         "3:58: parameters[0].string: unknown parameter 'nam'; did you mean 'name'?"),
        ("{name: a, script: x, properties: ['<a']}",
         "3:39: properties[0]: this is not a valid XML element: unclosed token (line 1, column 1)"),
        ("{name: a, script: x, properties: ['<!DOCTYPE a><a/>']}",
         "3:39: properties[0]: this is not a valid XML element: it has a document type, which "
         "is not "
         "allowed"),
        ('{name: a, script: "a\\ab"}',
         "3:15: script: the control character U+0007 cannot be part of a job; remove it"),
        ('{name: a, script: "a\\rb"}',
         "3:15: script: the control character U+000D cannot be part of a job; remove it"),
        ("{name: a, kind: multibranch}", "3:5: sources: is missing; where branches come from"),
        ("{name: a, kind: multibranch, sources: [{git: u}], scan: 7h}",
         "3:55: scan: unknown interval '7h'; known are 10m, 12h, 15m, 1d, 1h, 1m, 1w, 20m, 25m, "
            "2d, 2h, 2m, 2w, 30m, 4h, 4w, 5m, 8h, never"),
        ("{name: a, kind: xml, file: missing.xml}",
         "3:32: file: 'missing.xml' cannot be read: No such file or directory"),
        ("{name: a, kind: xml, file: ../../out.xml}",
         "3:32: file: '../../out.xml' lies outside the description's folder"),
    ],
)  # fmt: skip
def test_a_wrong_job_is_told(write: Write, job: str, sentence: str) -> None:
    assert problems(write(f"owner: x\njobs:\n  - {job}\n")) == [f"jobs/a.yaml:{sentence}"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("''", "a name must not be empty"),
        ("a//b", "the name 'a//b' has an empty part; write folder/job with single slashes"),
        ("/a", "the name '/a' has an empty part; write folder/job with single slashes"),
        ("a/..", "'..' is not a valid name for a job or folder, in 'a/..'"),
        ("a<b", "the name 'a<b' has <, which Jenkins refuses in names"),
        ("'a?*b'", "the name 'a?*b' has * ?, which Jenkins refuses in names"),
        ("' a'", "the name ' a' begins or ends with a blank; Jenkins would drop it"),
        ("a.", "the name 'a.' ends with a point, which Jenkins refuses"),
        ('"a\\tb"', "the name 'a\\u0009b' has a control character; remove it"),
        ("x" * 300, "the name '" + "x" * 59 + "…' is 300 bytes long; it becomes a directory, which "
         "may have 255"),
    ],
)  # fmt: skip
def test_a_name_that_jenkins_would_refuse_or_change_is_told(
    write: Write, name: str, sentence: str
) -> None:
    found = problems(write(f"owner: x\njobs:\n  - {{name: {name}, script: echo}}\n"))
    assert found == [f"jobs/a.yaml:3:12: name: {sentence}"]


@pytest.mark.parametrize("name", ["a b", "ä/ö", "🚀", "it's", "a/b/c"])
def test_a_good_name_is_taken(write: Write, name: str) -> None:
    found = description.read(write(f'owner: x\njobs:\n  - {{name: "{name}", script: echo}}\n'))
    assert name in names(found)


def test_two_jobs_of_one_name_are_told_with_both_places(write: Write) -> None:
    write("owner: x\njobs:\n  - {name: a, script: echo}\n")
    folder = write("jobs:\n  - {name: A, script: echo}\n  - {name: a, script: echo}\n", "b.yaml")
    assert problems(folder) == [
        "jobs/b.yaml:2:12: two jobs differ only in case: 'A' is described at jobs/a.yaml:3:12 too; "
        "rename or remove one",
        "jobs/b.yaml:3:12: two jobs have one name: 'a' is described at jobs/a.yaml:3:12 too; "
        "rename or remove one",
    ]


def test_a_job_in_something_that_is_no_folder_is_told(write: Write) -> None:
    text = "owner: x\njobs:\n  - {name: a, script: echo}\n  - {name: a/b, script: echo}\n"
    assert problems(write(text)) == [
        "jobs/a.yaml:4:5: name: 'a' is not a folder but a pipeline (jobs/a.yaml:3:12), so that "
        "'a/b' "
        "cannot be in it"
    ]


def test_jobs_that_start_each_other_in_a_circle_are_told(write: Write) -> None:
    text = (
        "owner: x\njobs:\n"
        "  - {name: f/a, script: echo, triggers: [{upstream: {jobs: [b]}}]}\n"
        "  - {name: f/b, script: echo, triggers: [{upstream: {jobs: [../f/a]}}]}\n"
    )
    assert problems(write(text)) == [
        "jobs/a.yaml:3:5: jobs start each other in a circle: f/a -> f/b -> f/a; remove one of the "
        "upstream triggers"
    ]


def test_the_owner_stands_in_one_file(write: Write) -> None:
    write("owner: x\n")
    folder = write("owner: y\nremoval: delete\n", "b.yaml")
    assert problems(folder) == [
        "jobs/b.yaml:1:1: a description has one owner, and jobs/a.yaml names it; remove this line",
        "jobs/b.yaml:2:1: `removal` belongs into the file with the owner, jobs/a.yaml",
    ]


def test_a_folder_without_files_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path) == [
        f"{tmp_path}: the folder has no .yaml file; write one, or give another folder"
    ]
    assert problems(tmp_path / "no") == [
        f"{tmp_path / 'no'}: there is no such file or folder; give the description's folder"
    ]


def test_a_sentence_is_one_line_whatever_it_quotes(write: Write) -> None:
    folder = write('owner: x\njobs:\n  - {template: "a\\nb\\e[31m"}\n')
    assert problems(folder) == [
        "jobs/a.yaml:3:6: unknown template 'a\\u000ab\\u001b[31m'; this description has none"
    ]


def test_an_empty_description_is_told(write: Write) -> None:
    folder = write("# nothing yet\n")
    assert problems(folder) == [
        "jobs/a.yaml:1:1: the description is empty; write `owner:` and `jobs:`"
    ]


def test_a_file_that_is_no_utf8_is_told(write: Write) -> None:
    folder = write("owner: x\n")
    (folder / "a.yaml").write_bytes(b"owner: \xff")
    assert problems(folder) == ["jobs/a.yaml:1:1: the file is not UTF-8 (byte 7); save it as UTF-8"]


def test_aliases_that_multiply_are_refused(write: Write) -> None:
    lines = ["owner: x", "templates:", "  a0: &a0 {k: [x, x, x, x, x, x, x, x, x, x]}"]
    lines += [f"  a{n}: &a{n} {{k: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 9)]
    (sentence,) = problems(write("\n".join(lines)))
    assert sentence.endswith(
        "the aliases here stand for more than 2000000 values; write fewer of them"
    )


def test_deep_nesting_is_refused(write: Write) -> None:
    (sentence, *_) = problems(write("owner: x\njobs: " + "[" * 5000 + "]" * 5000))
    assert sentence.startswith("jobs/a.yaml:")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("AKIA" + "IOSFODNN7EXAMPLE", "an AWS access key"),
        ("ghp_" + "a" * 36, "a GitHub token"),
        ("glpat-" + "a" * 20, "a GitLab token"),
        ("-----BEGIN " + "RSA PRIVATE KEY-----", "a private key"),
        ("{AQAAABAAAA" + "AQabcdefghijkl=}", "a secret encrypted by Jenkins"),
        ("https" + "://user:hunter2@git.example/a.git", "a password in a URL"),
    ],
)
def test_a_value_that_looks_like_a_secret_is_refused_and_not_repeated(
    write: Write, value: str, what: str
) -> None:
    (sentence,) = problems(write(f"owner: x\njobs:\n  - {{name: a, script: '{value}'}}\n"))
    column = 24 + (5 if what.endswith("URL") else 0)
    assert sentence == (
        f"jobs/a.yaml:3:{column}: this looks like {what}; store it as a credential in Jenkins and "
        "name its id"
    )
    assert value not in sentence


def test_a_value_that_nothing_uses_and_a_password_in_a_command_are_noted(write: Write) -> None:
    write("echo '{{used}}'\n", "pipeline.groovy")
    folder = write(
        """
owner: x
templates:
  t:
    name: "{{team}}/{{part}}"
    values: {host: git.example}
    script: "{{text}}"
defaults:
  all: {description: "of {{whose}}"}
jobs:
  - {name: red, kind: folder}
  - template: t
    values: {team: red, part: a, text: "{{more}}", more: m, whose: w, tem: red}
    exclude: [{only: b}]
    matrix: {only: [a, b]}
  - {name: b, values: {used: x, lost: y, whose: w}, script: {file: "pipeline.groovy"}}
  - name: c
    values: {lost: y, whose: w}
    kind: freestyle
    steps: [{shell: "curl --password=hunter2 x"}]
  - name: d
    kind: freestyle
    steps: [{shell: 'curl --password "$PW" --password-stdin --password=${X}'}]
"""
    )

    assert description.read(folder).notes == (
        "jobs/a.yaml:13:71: note: no field uses the value 'tem'; did you mean 'team'?; correct its "
        "name, or remove it",
        "jobs/a.yaml:18:14: note: no field uses the value 'lost'; known are whose; correct its "
        "name, or remove it",
        "jobs/a.yaml:20:27: note: this looks like a password in a command; store it as a "
        "credential in Jenkins and give it by withCredentials",
    )


# -- saying much with little ------------------------------------------------------------------


def test_plain_scalars_mean_what_they_look_like(write: Write) -> None:
    text = """
owner: x
jobs:
  - template: t
    values: {country: NO, time: 12:30, version: 1.10, octal: 012, on: off, many: 5}
templates:
  t:
    name: a
    script: "{{country}} {{time}} {{version}} {{octal}} {{on}} {{many}}"
"""
    assert script(description.read(write(text)), "a") == "NO 12:30 1.10 012 off 5"


def test_anchors_and_merge_keys_work(write: Write) -> None:
    text = """
owner: x
jobs:
  - &base {name: a, script: echo, description: base}
  - <<: *base
    name: b
"""
    found = description.read(write(text))
    assert [job.spec.description for job in found.jobs] == ["base", "base"]  # type: ignore[attr-defined]


def test_a_matrix_makes_a_job_of_each_combination(write: Write) -> None:
    text = """
owner: x
templates:
  service:
    name: "{{team}}/{{service}}-{{stage}}"
    script: "make {{stage}} # {{agent}}"
    values: {agent: small}
jobs:
  - template: service
    values: {team: a}
    matrix:
      service: [web, {service: db, agent: big}]
      stage: [build, deploy]
    exclude:
      - {service: db, stage: deploy}
"""
    found = description.read(write(text))
    assert names(found) == ["a", "a/db-build", "a/web-build", "a/web-deploy"]
    assert script(found, "a/db-build") == "make build # big"
    assert script(found, "a/web-deploy") == "make deploy # small"


def test_a_value_keeps_its_type_when_it_stands_alone(write: Write) -> None:
    text = """
owner: x
jobs:
  - name: a
    values: {builds: 7, list: [{cron: "@daily"}], off: true}
    script: echo
    keep: "{{builds}}"
    triggers: "{{list}}"
    disabled: "{{off}}"
"""
    (job,) = description.read(write(text)).jobs
    record = job.spec
    assert record.keep.builds == 7  # type: ignore[attr-defined]
    assert record.triggers[0].spec == "@daily"  # type: ignore[attr-defined]
    assert record.disabled is True  # type: ignore[attr-defined]


def test_placeholders_are_left_alone_in_jobs_without_values_and_behind_a_backslash(
    write: Write,
) -> None:
    text = r"""
owner: x
jobs:
  - {name: a, script: "docker inspect --format '{{.Id}} {{range}}'"}
  - {name: b, values: {v: 1}, script: '\{{range}} {{.Id}} {{v}}'}
"""
    found = description.read(write(text))
    assert script(found, "a") == "docker inspect --format '{{.Id}} {{range}}'"
    assert script(found, "b") == "{{range}} {{.Id}} 1"


def test_mistakes_in_values_and_templates_are_told(write: Write) -> None:
    text = """
owner: x
templates:
  one: {template: two, name: n}
  two: {template: one}
jobs:
  - {template: thre}
  - {template: one}
  - {name: a, values: {stage: b}, script: "{{stag}}"}
  - {name: b, matrix: {x: 1}, script: echo}
  - {name: "{{x}}", matrix: {x: [1]}, exclude: [{x: 2}], script: echo}
"""
    assert problems(write(text)) == [
        "jobs/a.yaml:5:9: templates use each other in a circle: one -> two -> one",
        "jobs/a.yaml:7:6: unknown template 'thre'; known are one, two",
        "jobs/a.yaml:9:43: {{stag}} stands for no value; did you mean 'stage'?; to keep it as it "
        "is, write \\{{stag}} (in double quotes \\\\{{stag}})",
        "jobs/a.yaml:10:24: matrix.x: expected a list",
        "jobs/a.yaml:11:49: exclude[0]: matches no combination of the matrix; correct or remove it",
    ]


def test_defaults_of_the_file_win_over_those_of_all_files_and_the_job_over_both(
    write: Write,
) -> None:
    write("owner: x\ndefaults: {pipeline: {keep: 1, description: all}, all: {disabled: true}}\n")
    folder = write(
        "defaults: {pipeline: {keep: 2}}\n"
        "jobs: [{name: a, script: e}, {name: b, script: e, keep: 3}, {name: f, kind: folder}]\n",
        "b.yaml",
    )
    found = description.read(folder)
    a, b, folder_job = found.jobs
    assert (a.spec.keep.builds, b.spec.keep.builds) == (2, 3)  # type: ignore[attr-defined]
    assert (a.spec.description, a.spec.disabled) == ("all", True)  # type: ignore[attr-defined]
    assert not hasattr(folder_job.spec, "disabled")


def test_defaults_of_unknown_kinds_and_fields_are_told(write: Write) -> None:
    folder = write("owner: x\ndefaults: {pipelin: {a: 1}, folder: {keep: 1}, all: {keeep: 1}}\n")
    assert problems(folder) == [
        "jobs/a.yaml:2:12: defaults: unknown kind 'pipelin'; did you mean 'pipeline'?",
        "jobs/a.yaml:2:38: defaults.folder: unknown parameter 'keep'; known are description, "
        "displayName, libraries, properties, xml",
        "jobs/a.yaml:2:54: defaults.all: unknown parameter 'keeep'; did you mean 'keep'?",
    ]


def test_a_mistake_in_a_default_is_told_where_the_default_stands(write: Write) -> None:
    write("owner: x\ndefaults: {pipeline: {keep: {bulds: 1}}}\n")
    folder = write("jobs: [{name: a, script: e}, {name: b, script: e}]\n", "b.yaml")
    assert problems(folder) == [
        "jobs/a.yaml:2:30: keep: unknown parameter 'bulds'; did you mean 'builds'?"
    ]


def test_folders_that_nobody_describes_are_implied_with_the_defaults(write: Write) -> None:
    folder = write(
        "owner: x\ndefaults: {folder: {description: Made}}\njobs: [{name: a/b/c, script: e}]\n"
    )
    found = description.read(folder)
    assert names(found) == ["a", "a/b", "a/b/c"]
    assert found.jobs[1].spec.description == "Made"  # type: ignore[attr-defined]
    assert found.folders == ()


def test_the_managed_folders_are_the_top_ones_that_are_described(write: Write) -> None:
    text = "owner: x\njobs:\n" + "".join(
        f"  - {{name: {name}, kind: folder}}\n" for name in ("b", "a", "a/c", "d/e")
    )
    assert description.read(write(text)).folders == ("a", "b", "d/e")


def test_values_become_no_markup_in_xml_jobs(write: Write) -> None:
    write('<job x="{{v}}"><text>{{v}}</text></job>', "t.xml")
    text = "owner: x\njobs: [{name: a, kind: xml, file: t.xml, values: {v: '\"<b>&'}}]\n"
    (item,) = rendering.render_all(description.read(write(text)).jobs)
    assert item.bare().splitlines()[1] == (
        b'<job x="&quot;&lt;b&gt;&amp;"><description></description>'
        b'<text>"&lt;b&gt;&amp;</text></job>'
    )


def test_a_file_of_an_xml_job_that_uses_unknown_values_is_told(write: Write) -> None:
    write("<job>{{who}} {{what}}</job>", "t.xml")
    folder = write("owner: x\njobs: [{name: a, kind: xml, file: t.xml}]\n")
    assert problems(folder) == [
        "jobs/a.yaml:2:8: file: 't.xml' uses {{what}}, but no value has that name; add it to "
        "`values`",
        "jobs/a.yaml:2:8: file: 't.xml' uses {{who}}, but no value has that name; add it to "
        "`values`",
    ]

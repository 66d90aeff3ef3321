"""What a controller answers, recorded from Jenkins 2.479.3 and 2.504.3: the test controller must agree.

With ``JENKINS_URL`` the same tests ask a real one, so that the recorded facts can be checked again.
"""
# ruff: noqa: E501 - recorded answers

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
import requests
from jobs_controller import work

if TYPE_CHECKING:
    from jobs_controller import JobsController

    from conftest import Target

FOLDER = "<com.cloudbees.hudson.plugins.folder.Folder/>"
JOB = "<?xml version='1.0' encoding='UTF-8'?>\n<flow-definition><description>d\u00fc</description></flow-definition>"


@pytest.fixture(autouse=True)
def top(target: Target) -> None:
    """Make the folder of the test."""
    answer = target.ask("POST", f"{target.url}/createItem?name={target.top}", FOLDER)
    assert (answer.status_code, answer.content) == (200, b"")


def create(target: Target, name: str, xml: str = JOB) -> requests.Response:
    return target.ask("POST", f"{target.path(target.top)}/createItem?name={name}", xml)


def test_login(target: Target) -> None:
    url = f"{target.url}/api/json"
    anonymous = requests.get(url, timeout=30)
    wrong = requests.get(url, auth=(target.user, "wrong"), timeout=30)
    good = target.ask("GET", f"{url}?tree=nodeName")
    assert [answer.status_code for answer in (anonymous, wrong, good)] == [403, 401, 200]
    assert wrong.headers["WWW-Authenticate"] == 'Basic realm="Jenkins"'
    assert "X-Jenkins" in good.headers
    assert target.ask("GET", f"{target.url}/whoAmI/api/json").json()["name"] == target.user


def test_creating(target: Target) -> None:
    assert create(target, "job").status_code == 200
    again = create(target, "job")
    assert again.status_code == 400
    assert "already exists with the name" in again.headers["X-Error"]
    missing = target.ask("POST", f"{target.path(target.top)}/job/no/createItem?name=a", JOB)
    assert missing.status_code == 404


def test_names_that_differ_only_in_case(target: Target) -> None:
    assert create(target, "job").status_code == 200
    other = create(target, "JOB")
    if other.status_code == 200:  # cloudbees-folder 6.1036 and newer
        assert target.jobs() == ["JOB", "job"]
    else:
        assert other.status_code == 400
        assert target.jobs() == ["job"]
    top = target.ask("POST", f"{target.url}/createItem?name={target.top.upper()}", FOLDER)
    assert top.status_code == 400


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "No name is specified"),
        ("..", "is not an allowed name"),
        ("a.", "A name cannot end with"),
        ("a%3Fb", "is an unsafe character"),
        ("a%3Cb", "is an unsafe character"),
        ("a%2Fb", "is an unsafe character"),
        ("a%09b", "No control code is allowed"),
    ],
)
def test_names_that_are_refused(target: Target, name: str, error: str) -> None:
    answer = create(target, name)
    assert answer.status_code == 400
    assert error in answer.headers["X-Error"]


def test_blanks_at_the_ends_of_a_name_are_dropped(target: Target) -> None:
    assert create(target, "%20a%20").status_code == 200
    assert target.jobs() == ["a"]


@pytest.mark.parametrize("name", ["%F0%9F%9A%80", "it's", "a%20b", "%C3%A4"])
def test_names_that_are_taken(target: Target, name: str) -> None:
    assert create(target, name).status_code == 200


def test_a_name_that_is_too_long_for_a_directory(target: Target) -> None:
    assert create(target, "x" * 300).status_code == 500


@pytest.mark.parametrize(
    "xml", ["<a", "no xml", "<acme.Unknown/>", "<flow-definition>\x01</flow-definition>"]
)
def test_xml_that_cannot_be_read(target: Target, xml: str) -> None:
    answer = create(target, "bad", xml)
    assert answer.status_code == 500
    assert "X-Error" not in answer.headers
    assert "html" in answer.headers["Content-Type"]


def test_another_type_of_content_is_refused(target: Target) -> None:
    answer = target.session.post(
        f"{target.path(target.top)}/createItem?name=a",
        data=JOB.encode(),
        headers={"Content-Type": "text/plain"},
        auth=(target.user, target.secret),
        timeout=30,
    )
    assert (answer.status_code, answer.headers["X-Error"]) == (400, "No mode given")


def test_the_xml_is_stored_as_it_was_posted(target: Target) -> None:
    create(target, "job")
    answer = target.ask("GET", target.path(f"{target.top}/job") + "/config.xml")
    assert answer.headers["Content-Type"] == "application/xml"
    text = answer.content.decode()
    # Before 2.504 the prolog was another one.
    assert text.startswith(("<?xml version='1.0'", '<?xml version="1.1"'))
    assert text.partition("?>")[2].strip() == JOB.partition("?>")[2].strip()


def test_saving_drops_what_no_class_knows(target: Target) -> None:
    create(
        target,
        "job",
        "<flow-definition><description>x</description><acme>1</acme></flow-definition>",
    )
    assert target.root("job").findtext("acme") == "1"
    url = target.path(f"{target.top}/job")
    target.ask("POST", f"{url}/disable")
    assert target.root("job").find("acme") is None


def test_updating(target: Target) -> None:
    create(target, "job")
    url = target.path(f"{target.top}/job") + "/config.xml"
    assert target.ask("POST", url, JOB).status_code == 200
    assert target.ask("POST", url, "<project/>").status_code == 500
    assert target.ask("POST", url.replace("/job/job/", "/job/no/"), JOB).status_code == 404
    assert target.ask("GET", url.replace("/job/job/", "/job/no/")).status_code == 404


def test_switching_off_saves_the_job_in_the_form_of_xstream(target: Target) -> None:
    create(target, "job")
    url = target.path(f"{target.top}/job")
    assert target.ask("POST", f"{url}/disable").status_code == 302
    text = target.xml("job") or ""
    assert text.startswith(
        "<?xml version='1.1' encoding='UTF-8'?>\n<flow-definition plugin=\"workflow-job@"
    )
    assert "\n  <disabled>true</disabled>" in text
    assert target.ask("POST", f"{url}/enable").status_code == 302
    assert "\n  <disabled>false</disabled>" in (target.xml("job") or "")


def test_renaming_moving_and_deleting(target: Target) -> None:
    create(target, "job")
    create(target, "inner", FOLDER)
    url = target.path(f"{target.top}/job")
    assert target.ask("POST", f"{url}/confirmRename?newName=new").status_code == 302
    url = target.path(f"{target.top}/new")
    destination = f"/{target.top}/inner"
    moved = target.ask("POST", f"{url}/move/move?destination={destination}")
    assert moved.status_code == 302
    url = target.path(f"{target.top}/inner/new")
    assert target.ask("GET", f"{url}/doDelete").status_code == 405
    assert target.ask("POST", f"{url}/doDelete").status_code == 302
    assert target.ask("POST", f"{url}/doDelete").status_code == 404
    assert target.ask("DELETE", target.path(f"{target.top}/inner") + "/").status_code == 204


def test_the_tree_is_as_deep_as_it_says(target: Target) -> None:
    create(target, "inner", FOLDER)
    target.put("inner/job", JOB)
    url = target.path(target.top) + "/api/json?tree="
    one = target.ask("GET", url + "jobs[name]").json()["jobs"]
    two = target.ask("GET", url + "jobs[name,description,jobs[name,description]]").json()["jobs"]
    folder = "com.cloudbees.hudson.plugins.folder.Folder"
    assert one == [{"_class": folder, "name": "inner"}]
    (inner,) = two
    (job,) = inner.pop("jobs")
    assert inner == {"_class": folder, "name": "inner", "description": None}
    assert job == {
        "_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob",
        "name": "job",
        "description": "dü",
    }
    assert target.ask("GET", url + "jobs[").status_code == 500


def test_a_build_starts(target: Target) -> None:
    create(target, "job")
    answer = target.ask("POST", target.path(f"{target.top}/job") + "/build")
    assert answer.status_code == 201
    assert "/queue/item/" in answer.headers["Location"]


def test_crumbs_belong_to_sessions(target: Target) -> None:
    if target.fake is None:
        pytest.skip("needs a user's password")
    url = f"{target.path(target.top)}/createItem?name=a"
    auth = ("admin", "password")
    kind = {"Content-Type": "application/xml"}
    bare = requests.post(url, data=JOB.encode(), headers=kind, auth=auth, timeout=30)
    assert bare.status_code == 403
    assert "No valid crumb was included in the request" in bare.text
    with requests.Session() as session:
        crumb = session.get(f"{target.url}/crumbIssuer/api/json", auth=auth, timeout=30).json()
        headers = {**kind, crumb["crumbRequestField"]: crumb["crumb"]}
        other = requests.post(url, data=JOB.encode(), headers=headers, auth=auth, timeout=30)
        assert other.status_code == 403
        good = session.post(url, data=JOB.encode(), headers=headers, auth=auth, timeout=30)
        assert good.status_code == 200


def test_creates_in_one_folder_wait_for_each_other(target: Target, fake: JobsController) -> None:
    create(target, "inner", FOLDER)
    folder = fake.find(target.top)
    assert folder is not None
    answers: list[int] = []

    def second() -> None:
        url = f"{target.path(target.top)}/createItem?name=second"
        kind = {"Content-Type": "application/xml"}
        auth = (target.user, target.secret)
        answers.append(
            requests.post(url, JOB.encode(), headers=kind, auth=auth, timeout=30).status_code
        )

    thread = threading.Thread(target=second)
    with folder.creating:  # as while another create is at work there
        thread.start()
        while not fake.log[-1][1].endswith("name=second"):
            time.sleep(0.005)
        url = f"{target.path(target.top + '/inner')}/createItem?name=a"
        assert target.ask("POST", url, JOB).status_code == 200
        url = target.path(f"{target.top}/inner/a") + "/config.xml"
        assert target.ask("POST", url, JOB).status_code == 200
        assert answers == []
    thread.join(10)
    assert answers == [200]


def test_costs_are_spent_on_the_processor_and_not_slept() -> None:
    before = time.thread_time()
    work(0.02)
    assert time.thread_time() - before >= 0.02

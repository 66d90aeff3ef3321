"""Planning: the choice of a strategy, and what is refused before anything is started."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podwright import strategies
from podwright.builders._base import FEATURES
from podwright.config import Config
from podwright.errors import Findings, UsageError
from podwright.plan import plan, plan_pod
from podwright.records import replace
from podwright.request import LONGEST_ARGUMENT, Registry, parse_build

if TYPE_CHECKING:
    from collections.abc import Callable

    from podwright.plan import Plan
    from podwright.workspace import Facts

COMMIT = "0123456789abcdef0123456789abcdef01234567"
IMAGE = {"image": "r.example/app", "builder": "buildah"}


@pytest.fixture
def refused(problems: Any, planned: Any) -> Callable[..., list[str]]:
    """Plan a request that must be refused, with Buildah where none is named."""

    def run(value: dict[str, Any], *more: Any, **known: Any) -> list[str]:
        found: list[str] = problems(lambda: planned({**IMAGE, **value}, *more, **known))
        return found

    return run


# The choice of a strategy


def able(feature: str) -> str:
    """Give the strategies with a feature, as sentences list them."""
    return ", ".join(n for n in strategies.names() if feature in strategies.get(n).features)


def test_the_request_wins_over_the_config(planned: Any) -> None:
    made = planned({"image": "a", "builder": "kaniko"}, Config(builder="podman"))

    assert made.builder == "kaniko"


def test_without_a_wish_the_config_decides(planned: Any) -> None:
    assert planned({"image": "a"}, Config(builder="podman")).builder == "podman"


def test_without_any_wish_it_is_the_safest(planned: Any) -> None:
    safest = next(iter(strategies.everything()))

    assert planned({"image": "a"}).builder == safest
    assert planned({"image": "a", "builder": "auto"}, Config(builder="kaniko")).builder == safest


def test_auto_takes_the_safest_of_the_allowed_that_can_do_it(planned: Any) -> None:
    allowed = Config(allowed=("dind", "podman", "kaniko"))

    assert planned({"image": "a", "builder": "auto"}, allowed).builder == "kaniko"
    asked = {"image": "a", "builder": "auto", "ssh": [{}]}
    assert planned(asked, allowed).builder == "podman"


def test_auto_refuses_what_none_of_the_allowed_can_do(refused: Any) -> None:
    allowed = Config(allowed=("kaniko",))

    assert refused({"builder": "auto", "ssh": [{}], "tags": ["1"]}, allowed) == [
        (
            "builder: none of the allowed strategies can mount ssh keys; remove ssh, or ask your "
            f"administrator to allow one of: {able('ssh')}"
        )
    ]


def test_a_strategy_that_is_not_allowed_is_refused(refused: Any) -> None:
    assert refused({"builder": "dood"}, Config(allowed=("podman", "buildkit"))) == [
        "builder: 'dood' is not allowed by the organisation; allowed are buildkit, podman"
    ]


def test_problems_of_strategy_pod_and_images_are_told_at_once(refused: Any) -> None:
    asked = {
        "image": "App",
        "builder": "kaniko",
        "ssh": [{}],
        "context": "nowhere",
        "pod": {"resources": {"engine": {}}, "yaml": {"spec": {"volumes": {}}}},
        "credentials": [{"variable": "A", "type": "file"}, {"variable": "B", "username": "u"}],
    }

    assert refused(asked, Config(allowed=("kaniko", "buildah"))) == [
        "ssh: builder 'kaniko' cannot mount ssh keys; builders that can: buildah",
        ("pod.resources: the pod of 'kaniko' has no container 'engine'; it has builder, tools"),
        "pod.yaml: 'spec.volumes' must be a list of maps with names",
        "credentials[1]: 'username' is for tokens; give it with type: 'string'",
        ("image: 'App' is not a valid image name: repositories are lower case; 'app' would be one"),
        (
            "context: there is no folder 'nowhere' in the workspace; check out first, or correct "
            "the path"
        ),
    ]


def test_without_a_strategy_the_images_are_judged_all_the_same(refused: Any) -> None:
    assert refused({"image": "App", "builder": "dood"}, Config(allowed=("kaniko",))) == [
        "builder: 'dood' is not allowed by the organisation; allowed are kaniko",
        "image: 'App' is not a valid image name: repositories are lower case; 'app' would be one",
    ]


def test_before_the_pod_all_is_told_that_needs_no_workspace(problems: Any) -> None:
    secrets = [{"id": "a", "credentialsId": "later"}, {"id": "b"}, {"id": "c", "src": "later"}]
    asked = {
        "images": [
            {"image": "App", "tags": ["a b"], "context": "later", "cache": "Up/per"},
            {"image": "b", "secrets": secrets, "ssh": [{"credentialsId": "later"}]},
            {"image": "c", "output": "a,b"},
        ],
        "builder": "kaniko",
        "credentials": "later",
    }

    assert problems(plan_pod, parse_build(asked), Config()) == [
        (
            "ssh: builder 'kaniko' cannot mount ssh keys; builders that can: "
            "buildah, buildkit, dind, dind-sidecar, dood, podman"
        ),
        (
            "images[0].image: 'App' is not a valid image name: repositories are lower case; 'app' "
            "would be one"
        ),
        (
            "images[0].tags[0]: 'a b' is not a valid tag (1 to 128 letters, digits, '_', '.' "
            "and '-', not "
            "beginning with '.' or '-'); 'a-b' would be one"
        ),
        (
            "images[0].cache.ref: 'Up/per' is not a valid image name: repositories are lower case; "
            "'up/per' would be one"
        ),
        "images[1].secrets[1]: give exactly one of 'credentialsId', 'env' and 'src'",
        (
            "images[2].output: 'a,b' has a comma, which separates what builders are told; rename "
            "the file"
        ),
    ]


ASKS: dict[str, tuple[dict[str, Any], str]] = {
    "platforms": ({"platforms": ["linux/arm64"]}, "platforms"),
    "secrets": ({"secrets": [{"id": "a", "env": "A"}]}, "secrets"),
    "ssh": ({"ssh": [{}]}, "ssh"),
    "cache": ({"cache": "r.example/cache"}, "cache"),
    "output": ({"output": "a.tar"}, "output"),
    "images": ({"images": [{"image": "a"}, {"image": "b"}]}, "images"),
    "cacheClaim": ({"pod": {"cacheClaim": "c"}}, "pod.cacheClaim"),
}


@pytest.mark.parametrize("feature", ASKS)
@pytest.mark.parametrize("name", strategies.names())
def test_a_strategy_does_what_it_says_or_names_those_that_can(
    planned: Any, problems: Any, name: str, feature: str
) -> None:
    asked, parameter = ASKS[feature]
    value = {"builder": name, **({} if "images" in asked else {"image": "a"}), **asked}

    if feature in strategies.get(name).features:
        assert planned(value).builder == name
        return
    assert problems(lambda: planned(value)) == [
        (
            f"{parameter}: builder '{name}' cannot {FEATURES[feature]}; "
            f"builders that can: {able(feature)}"
        )
    ]


def test_all_missing_features_are_named_with_the_allowed_that_have_them(refused: Any) -> None:
    value = {"builder": "kaniko", "ssh": [{}], "platforms": ["linux/arm64"]}

    assert refused(value, Config(allowed=("kaniko", "podman"))) == [
        (
            "platforms: builder 'kaniko' cannot build for another or several platforms; "
            "builders that can: podman"
        ),
        "ssh: builder 'kaniko' cannot mount ssh keys; builders that can: podman",
    ]
    assert refused(value, Config(allowed=("kaniko",)))[1] == (
        "ssh: builder 'kaniko' cannot mount ssh keys; builders that can: none that is allowed"
    )


def test_a_cache_that_is_switched_off_asks_for_nothing(planned: Any) -> None:
    for name in strategies.names():
        assert planned({"builder": name, "image": "a", "cache": False}).builder == name


def test_a_pod_that_is_there_decides(planned: Any, facts: Facts) -> None:
    there = replace(facts, pod_builder="podman")

    assert planned({"image": "a"}, known=there).builder == "podman"
    assert planned({"image": "a", "builder": "auto"}, known=there).builder == "podman"
    assert planned({"image": "a"}, Config(builder="kaniko"), there).builder == "podman"


def test_another_strategy_than_the_pods_is_refused(refused: Any, facts: Facts) -> None:
    assert refused({"builder": "dind"}, known=replace(facts, pod_builder="podman")) == [
        (
            "builder: this pod was started for builder 'podman', not for 'dind'; leave the "
            "builder out, "
            "or build "
            "outside of this withBuilderPod"
        )
    ]


# Names and tags


def tags(script: str) -> list[str]:
    """Give the tags of the result that a script will tell."""
    line = next(line for line in script.splitlines() if line.startswith("pw_done '"))
    found: list[str] = json.loads("{" + line.split("'")[1] + "}")["tags"]
    return found


def test_the_default_tag_is_the_commits_short_hash(planned: Any) -> None:
    assert tags(planned(IMAGE).script) == [COMMIT[:7]]


def test_a_tag_of_the_image_name_comes_first(planned: Any) -> None:
    made = planned({**IMAGE, "image": "r.example/app:1", "tags": ["2"]})

    assert tags(made.script) == ["1", "2"]


def test_without_tags_and_commit_nothing_can_be_named(refused: Any, facts: Facts) -> None:
    (Path(facts.root) / ".git/HEAD").unlink()
    assert refused({}, known=facts) == [
        (
            "tags: none is given and the context has no git commit to name the image after; give "
            "tags, or check out before the build"
        )
    ]


@pytest.mark.parametrize(
    ("tag", "shown", "better"),
    [
        ("feature/$(reboot)", "feature/$(reboot)", "feature-reboot"),
        (".hidden", ".hidden", "hidden"),
        ("a\nb", "a\\x0ab", "a-b"),
        ("x" * 129, "x" * 59 + "…", "x" * 128),
    ],
)
def test_an_impossible_tag_is_refused_with_a_possible_one(
    refused: Any, tag: str, shown: str, better: str
) -> None:
    assert refused({"tags": ["1", tag]}) == [
        (
            f"tags[1]: '{shown}' is not a valid tag (1 to 128 letters, digits, '_', '.' and "
            f"'-', not "
            f"beginning "
            f"with '.' or '-'); '{better}' would be one"
        )
    ]


def test_an_unset_variable_is_no_tag_and_no_name(refused: Any) -> None:
    why = "has 'null' in it, which Groovy writes for a variable that is not set; set it"
    assert refused(
        {"image": "null/app", "tags": ["null", "1.0-null", "", "null_1", "nullable"]}
    ) == [
        f"image: 'null/app' {why}",
        f"tags[0]: 'null' {why}",
        f"tags[1]: '1.0-null' {why}",
        "tags[2]: is empty; give a tag, or leave it out",
        f"tags[3]: 'null_1' {why}",
    ]
    assert refused({"image": "r.example/null", "tags": ["1"]}) == [f"image: 'r.example/null' {why}"]
    assert refused({"image": "r.example/app:null", "tags": []}) == [
        f"image: 'r.example/app:null' {why}"
    ]


def test_a_tag_that_is_given_twice_is_refused(refused: Any) -> None:
    assert refused({"image": "r.example/app:1", "tags": ["2", "1", "2"]}) == [
        "tags: '1' is given twice",
        "tags: '2' is given twice",
    ]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("", "it is empty"),
        ("r.example/Team/App", "repositories are lower case; 'r.example/team/app' would be one"),
        ("https://r.example/app", "leave out the scheme"),
    ],
)
def test_an_impossible_image_name_is_refused(refused: Any, image: str, reason: str) -> None:
    assert refused({"image": image}) == [f"image: '{image}' is not a valid image name: {reason}"]


def test_images_with_the_same_target_are_refused(problems: Any, planned: Any) -> None:
    images = [{"image": "r.example/a"}, {"image": "r.example/a"}, {"image": "r.example/b"}]

    assert problems(lambda: planned({"builder": "buildah", "images": images})) == [
        f"images: 'r.example/a:{COMMIT[:7]}' is built twice; give each its own image or tag"
    ]


def test_images_with_the_same_output_are_refused(problems: Any, planned: Any) -> None:
    value = {"builder": "buildah", "output": "x.tar", "images": [{"image": "a"}, {"image": "b"}]}

    assert problems(lambda: planned(value)) == [
        "images: 'x.tar' is written twice; give each image its own output"
    ]


def test_problems_of_several_images_say_which(problems: Any, planned: Any) -> None:
    images = [{"image": "A"}, {"image": "b", "tags": ["/"]}]

    assert problems(lambda: planned({"builder": "buildah", "images": images})) == [
        (
            "images[0].image: 'A' is not a valid image name: repositories are lower case; 'a' "
            "would be one"
        ),
        (
            "images[1].tags[0]: '/' is not a valid tag (1 to 128 letters, digits, '_', '.' and "
            "'-', not "
            "beginning with '.' or '-'); 'latest' would be one"
        ),
    ]


# Paths


def test_a_context_outside_of_the_workspace_is_refused(refused: Any, workspace: Path) -> None:
    (workspace / "link").symlink_to("/etc")

    for path in ("..", "/etc", "link", "a/../../x"):
        assert refused({"context": path}) == [
            f"context: '{path}' lies outside the workspace; name a folder below it"
        ]


def test_builders_get_a_dockerfile_and_a_context_without_links(
    planned: Any, workspace: Path
) -> None:
    (workspace / "common").mkdir()
    (workspace / "common" / "Dockerfile").touch()
    (workspace / "svc").mkdir()
    (workspace / "svc" / "Dockerfile").symlink_to("../common/Dockerfile")
    (workspace / "link").symlink_to("svc")

    script = planned({**IMAGE, "builder": "buildkit", "context": "link"}).script

    words = "--local context=svc --local dockerfile=common --opt filename=Dockerfile "
    assert words in script


@pytest.mark.parametrize("path", ["no/such", "Dockerfile", "x" * 5000, "loop"])
def test_a_context_that_is_no_folder_is_refused(refused: Any, workspace: Path, path: str) -> None:
    (workspace / "loop").symlink_to("loop")
    shown = path if len(path) <= 60 else path[:59] + "…"

    assert refused({"context": path}) == [
        (
            f"context: there is no folder '{shown}' in the workspace; check out first, or "
            f"correct the "
            "path"
        )
    ]


def test_a_missing_dockerfile_is_refused(refused: Any, workspace: Path) -> None:
    (workspace / "empty").mkdir()

    assert refused({"context": "empty"}) == [
        (
            "dockerfile: there is no file 'empty/Dockerfile' in the workspace; check out "
            "first, or name "
            "it with 'dockerfile'"
        )
    ]
    assert refused({"dockerfile": "../Dockerfile"}) == [
        "dockerfile: '../Dockerfile' lies outside the workspace; name a file below it"
    ]


@pytest.mark.parametrize("asked", [{"context": "app"}, {"dockerfile": "app/Dockerfile"}])
def test_what_the_planner_may_not_read_is_not_called_missing(
    refused: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    (workspace / "app").mkdir()
    (workspace / "app" / "Dockerfile").touch()
    # The tests may run as root, whom no mode keeps out.
    look_at = Path.stat

    def stat(path: Path, **more: Any) -> Any:
        if "app" in path.parts:
            raise PermissionError
        return look_at(path, **more)

    monkeypatch.setattr(Path, "stat", stat)
    (place,) = asked

    assert refused(asked) == [
        (
            f"{place}: '{asked[place]}' may not be read by the user that plans; let all read it "
            "(chmod -R a+rX, or umask 022 where it is checked out)"
        )
    ]


@pytest.mark.parametrize("path", ["../x.tar", "/root/x.tar", "."])
def test_an_output_that_is_no_file_of_the_workspace_is_refused(refused: Any, path: str) -> None:
    assert refused({"output": path}) == [
        f"output: '{path}' is not a file below the workspace; name one, e.g. 'app.tar'"
    ]


def test_commas_in_paths_that_become_lists_are_refused(refused: Any, workspace: Path) -> None:
    (workspace / "a,b").touch()

    assert refused(
        {"output": "x,dest=y", "secrets": [{"id": "a", "src": "a,b"}], "ssh": [{"src": "a,b"}]}
    ) == [
        f"{where}: '{path}' has a comma, which separates what builders are told; rename the file"
        for where, path in [
            ("output", "x,dest=y"),
            ("secrets[0].src", "a,b"),
            ("ssh[0].src", "a,b"),
        ]
    ]


# Secrets, keys and logins


def test_a_secret_has_exactly_one_source(refused: Any) -> None:
    secrets = [{"id": "a"}, {"id": "b", "env": "B", "src": "Dockerfile"}, {"id": "c", "env": "C"}]

    assert refused({"secrets": secrets}) == [
        "secrets[0]: give exactly one of 'credentialsId', 'env' and 'src'",
        "secrets[1]: give exactly one of 'credentialsId', 'env' and 'src'",
    ]


def test_a_credential_of_jenkins_needs_jenkins(refused: Any) -> None:
    value = {
        "secrets": [{"id": "a", "credentialsId": "c"}],
        "ssh": [{"credentialsId": "c"}],
        "credentials": ["c", {"registry": "other.example"}],
    }

    assert refused(value) == [
        (
            "credentials[0]: a Jenkins credential exists in Jenkins only; outside it give "
            "'variable' "
            "(the prefix of <it>_USR and <it>_PSW), or log in beforehand"
        ),
        "credentials[1]: is missing 'credentialsId'; name a Jenkins credential",
        "secrets[0]: a Jenkins credential exists in Jenkins only; outside it use 'env' or 'src'",
        (
            "ssh[0]: a Jenkins credential exists in Jenkins only; outside it use 'src', or "
            "neither for "
            "the ssh agent"
        ),
    ]


def test_files_of_secrets_and_keys_must_be_there(refused: Any) -> None:
    value = {"secrets": [{"id": "a", "src": "no/such"}], "ssh": [{"src": "no/key"}]}

    assert refused(value) == [
        "secrets[0]: there is no file 'no/such' in the workspace",
        "ssh[0]: there is no file 'no/key' in the workspace",
    ]


def test_ids_that_are_given_twice_are_refused(refused: Any) -> None:
    secrets = [{"id": "a", "env": "A"}, {"id": "a", "env": "B"}]

    assert refused({"secrets": secrets, "ssh": [{}, {}]}) == [
        "secrets: the id 'a' is given twice",
        "ssh: the id 'default' is given twice",
    ]


def test_a_key_has_one_source(refused: Any) -> None:
    key = {"credentialsId": "c", "variable": "V", "src": "Dockerfile"}

    assert refused({"ssh": [key]}) == ["ssh[0]: give 'credentialsId' or 'src', not both"]


def test_two_logins_for_one_registry_and_use_are_refused(refused: Any, planned: Any) -> None:
    one, two = {"variable": "A"}, {"variable": "B"}
    clash = (
        "credentials[1]: is a login for r.example, as credentials[0] is; remove one of them, or "
        "give each its own 'registry' or 'use'"
    )

    assert refused({"credentials": [one, {**two, "registry": "r.example"}]}) == [clash]
    assert refused({"credentials": [{**one, "use": "push"}, {**two, "use": "push"}]}) == [clash]
    hub = {"registry": "https://index.docker.io/v1/", "type": "string", "username": "u"}
    assert refused(
        {"credentials": [{**one, "registry": "registry-1.docker.io"}, {**two, **hub}]}
    ) == [clash.replace("r.example", "docker.io")]
    # One for a single use wins over one for both.
    script = planned({**IMAGE, "credentials": [one, {**two, "use": "push"}]}).script
    assert "pw_login pull r.example A\n" in script
    assert "pw_login push r.example B\n" in script
    assert "pw_login all r.example B\n" in script


def test_a_login_is_of_one_kind_and_goes_to_its_own_registry(refused: Any) -> None:
    given = [
        {"type": "ecr"},
        {"type": "gar", "registry": "europe-docker.pkg.dev", "variable": "A"},
        {"type": "string", "variable": "B", "registry": "a.example"},
        {"secret": "regcred", "credentialsId": "c"},
        {"variable": "C", "registry": "b.example/team"},
    ]

    assert refused({"credentials": given, "builder": "buildkit"}) == [
        (
            "credentials[0]: 'r.example' is not a registry of Amazon, so it does not get its "
            "token; name the registry that it is for with 'registry'"
        ),
        "credentials[1]: 'gar' takes no 'variable'; leave it out, or give two entries",
        (
            "credentials[2]: a token needs 'username', the user that it belongs to (GitHub and "
            "GitLab take any, quay.io '$oauthtoken')"
        ),
        "credentials[3]: 'secret' takes no 'credentialsId'; leave it out, or give two entries",
        (
            "credentials[4]: this builder knows one login for each registry; write 'b.example', or "
            "use a builder that knows paths"
        ),
    ]


def test_a_kubernetes_secret_is_mounted_where_the_planner_is_alone(planned: Any) -> None:
    asked = {"credentials": [{"secret": "regcred"}], "builder": "kaniko", "pod": {}}
    spec = planned({**IMAGE, **asked}).pod["spec"]

    mounts = {item["name"]: item["volumeMounts"] for item in spec["containers"]}
    mount = {
        "name": "registry-auth-0",
        "mountPath": "/run/podwright-secrets/regcred",
        "readOnly": True,
    }
    assert [name for name, items in mounts.items() if mount in items] == ["tools"]
    volume = {"name": "registry-auth-0", "secret": {"secretName": "regcred"}}
    assert volume in spec["volumes"]


def test_a_cache_that_names_no_registry_is_no_cache(refused: Any, planned: Any) -> None:
    assert refused({"cache": "maybe"}) == [
        (
            "cache.ref: 'maybe' names no registry, so it would be docker.io/library/maybe; write "
            "e.g. 'registry.example/team/app/cache', or false for no cache"
        )
    ]
    assert planned({**IMAGE, "cache": "team/cache"})


# Sizes


def test_a_build_arg_of_a_megabyte_is_refused(refused: Any) -> None:
    assert refused({"buildArgs": {"BIG": "x" * 1_000_000}, "labels": {"l": "ä" * 100_000}}) == [
        (
            "buildArgs.BIG: is 1000004 bytes long, a command line takes at most 131071; put "
            "it into a "
            "file of the context"
        ),
        (
            "labels.l: is 200002 bytes long, a command line takes at most 131071; put it "
            "into a file "
            "of the context"
        ),
    ]


def test_the_longest_argument_is_taken(refused: Any, planned: Any) -> None:
    longest = LONGEST_ARGUMENT - len("build-arg:A=")

    assert planned({**IMAGE, "buildArgs": {"A": "x" * longest}})
    assert refused({"buildArgs": {"A": "x" * (longest + 1)}}) == [
        (
            f"buildArgs.A: is {longest + 3} bytes long, a command line takes at most 131071; "
            "put it into a file of the context"
        )
    ]


def test_what_is_missing_is_told_once(problems: Any, facts: Facts) -> None:
    found = Findings()
    request = parse_build({"tags": ["1"], "builder": "buildah"}, None, found)

    assert problems(plan, request, Config(), facts, found) == [
        "image: is missing; name with registry, e.g. 'registry.example/team/app'"
    ]


def test_many_build_args_of_a_megabyte_are_refused(refused: Any) -> None:
    values = {f"A{n}": "x" * 100_000 for n in range(10, 21)}

    assert refused({"buildArgs": values}) == [
        (
            "buildArgs: are 1100044 bytes long together, a command line takes at most 1000000; put "
            "them into a file of the context"
        )
    ]


# Registries of engines


def test_registries_of_a_running_engine_cannot_be_changed(
    refused: Any, planned: Any, facts: Facts
) -> None:
    plain = Registry(http=True)
    daemons = [n for n, b in strategies.everything().items() if b.daemon_setting(plain)]
    started = replace(facts, engine_registries='{"other.example": [true, false, "", []]}')
    value = {"image": "a", "registries": {"r.example": {"http": True}}}

    assert daemons
    for name in daemons:
        assert refused({**value, "builder": name}, known=started) == [
            (
                "registries.r.example: is a setting of this builder's daemon, which started with "
                "the "
                "pod; put it into the organisation's config, or add pod: [:] so that the pod is "
                "planned "
                "for this build"
            )
        ]
    for name in set(strategies.names()) - set(daemons):
        assert planned({**value, "builder": name}, known=started)


def test_names_of_caches_are_checked(refused: Any) -> None:
    cache = {"ref": "r.example/c,mode=max", "read": ["r.example/d", "R"]}

    assert refused({"cache": cache}) == [
        (
            "cache.ref: 'r.example/c,mode=max' is not a valid image name: 'c,mode=max' is not a "
            "repository "
            "(letters, digits, single '.', '_', '-' and '/' between)"
        ),
        (
            "cache.read[1]: 'R' is not a valid image name: repositories are lower case; 'r' would "
            "be one"
        ),
    ]


def test_registries_of_the_config_reach_the_builder(planned: Any) -> None:
    config = Config(registries={"r.example": Registry(http=True)})

    assert 'location = "r.example"\ninsecure = true\n' in planned(IMAGE, config).script


# Labels


def test_the_standard_labels_are_filled_in_and_the_users_win(planned: Any, facts: Facts) -> None:
    config = '[remote "origin"]\n\turl = https://git.example/app.git\n'
    (Path(facts.root) / ".git/config").write_text(config)
    known = replace(facts, ref_name="main", build_url="https://j/1/")
    labels = {"org.opencontainers.image.source": "mine", "a": "b"}

    assert labels_of(planned({**IMAGE, "labels": labels}, known=known)) == [
        "org.opencontainers.image.source=mine",
        f"org.opencontainers.image.revision={COMMIT}",
        "org.opencontainers.image.ref.name=main",
        "a=b",
        '"org.opencontainers.image.created=$(date',
    ]


def test_a_reproducible_build_has_the_time_of_its_source(planned: Any, facts: Facts) -> None:
    known = replace(facts, epoch=1700000000)
    asked = {**IMAGE, "reproducible": True}
    for builder, words in (
        ("buildah", "--timestamp 1700000000 "),
        ("podman", "--timestamp 1700000000 "),
        ("buildkit", "build-arg:SOURCE_DATE_EPOCH=1700000000 "),
    ):
        assert words in planned({**asked, "builder": builder}, known=known).script
        assert words not in planned({**IMAGE, "builder": builder}, known=known).script
    with pytest.raises(UsageError) as told:
        planned({**asked, "builder": "kaniko"}, known=known)
    assert str(told.value) == (
        "reproducible: builder 'kaniko' cannot build reproducibly; builders that can: buildah, "
        "buildkit, podman"
    )
    with pytest.raises(UsageError) as told:
        planned({**asked, "builder": "buildah"}, known=replace(facts, epoch=None))
    assert str(told.value) == (
        "reproducible: wants a time for the files of the image, and there is no commit; set "
        "SOURCE_DATE_EPOCH, or check out before the build"
    )


def test_a_null_leaves_out_a_standard_label(planned: Any) -> None:
    standard = "org.opencontainers.image"
    labels = {f"{standard}.created": None, f"{standard}.revision": None, "mine": None}

    assert labels_of(planned({**IMAGE, "labels": labels})) == []


def test_the_time_of_the_source_makes_an_unchanged_build_reproducible(
    planned: Any, facts: Facts
) -> None:
    known = replace(facts, epoch=1764115200)

    created = "org.opencontainers.image.created=2025-11-26T00:00:00Z"
    assert labels_of(planned(IMAGE, known=known))[-1] == created


def labels_of(made: Plan) -> list[str]:
    """Give the labels that a plan for Buildah sets, each up to its first blank."""
    steps = made.script.splitlines()
    line = next(line for line in steps if line.startswith("pw_step build"))
    return [word.split(" ", 1)[0] for word in line.split("--label ")[1:]]


def test_a_plan_is_json_and_says_where_its_script_runs(planned: Any) -> None:
    made = planned(IMAGE)

    assert set(json.loads(json.dumps(made.as_json()))) == {"builder", "container", "pod", "script"}
    names = [container["name"] for container in made.pod["spec"]["containers"]]
    assert made.container in names


def test_the_same_request_gives_the_same_plan(planned: Any) -> None:
    assert planned(IMAGE) == planned(IMAGE)
    assert parse_build(IMAGE) == parse_build(IMAGE)


def test_the_ignore_file_of_one_dockerfile_is_named_to_builders_that_do_not_look_for_it(
    planned: Callable[..., Any], workspace: Path
) -> None:
    request = {"image": "r.example/a", "builder": "buildah"}
    assert "--ignorefile" not in planned(request).script
    (workspace / "Dockerfile.dockerignore").write_text("secret\n", encoding="utf-8")
    assert "--ignorefile Dockerfile.dockerignore" in planned(request).script


def test_pulling_and_pushing_apart_meet_in_one_set_of_logins_for_builders_of_one_call(
    planned: Callable[..., Any],
) -> None:
    logins = [
        {"variable": "PUSHER", "use": "push"},
        {"variable": "PULLER", "registry": "docker.io", "use": "pull"},
    ]
    request = {"image": "r.example/a/b", "builder": "buildkit", "credentials": logins}
    script = planned(request).script
    hub = "https://index.docker.io/v1/"
    assert f"pw_login all {hub} PULLER\n" in script
    assert "pw_login all r.example PUSHER\n" in script
    assert 'env DOCKER_CONFIG="$PW_TMP/all" buildctl' in script


@pytest.mark.parametrize("builder", strategies.names())
@pytest.mark.parametrize("more", [{}, {"use": "push"}], ids=["both", "push"])
def test_the_registry_is_asked_by_logins_that_are_there_then(
    builder: str, more: dict[str, str], planned: Callable[..., Any]
) -> None:
    logins = [{"variable": "OWN", **more}]
    script = planned({"image": "r.example/a/b", "builder": builder, "credentials": logins}).script
    (asked,) = re.findall(r"^pw_describe (\w+) ", script, re.MULTILINE)
    assert f"\npw_login {asked} r.example OWN\n" in script


def test_kaniko_refuses_a_repository_of_one_letter(refused: Callable[..., list[str]]) -> None:
    assert refused({"image": "r.example/x", "builder": "kaniko"}) == [
        "image: kaniko wants at least two characters behind the registry, got 'x'"
    ]


def test_a_docker_config_file_and_a_login_meet_where_a_cache_is_written(
    planned: Callable[..., Any],
) -> None:
    logins = [
        {"variable": "FILE", "type": "file", "use": "pull"},
        {"variable": "PUSHER", "use": "push"},
    ]
    request = {"image": "r.example/a/b", "builder": "buildah", "credentials": logins}
    script = planned({**request, "cache": "r.example/a/cache"}).script
    file = '[{"index": 0, "kind": "file", "name": "", "registry": "", "own": ["r.example"]}]'
    assert f"pw_login_file 0 FILE\npw_close_logins pull '{file}'\n" in script
    login = "pw_login all r.example PUSHER\npw_login_file 0 FILE\n"
    assert f"pw_open_logins all\n{login}pw_close_logins all '{file}'\n" in script
    assert 'REGISTRY_AUTH_FILE="$PW_TMP/all/config.json"' in script


def test_flags_of_a_builder_are_passed_on_when_they_are_known_and_its_own(
    planned: Any, refused: Any
) -> None:
    known = {"kaniko": ["--single-snapshot", "--snapshot-mode=redo", "--cache-ttl=24h"]}

    script = planned({**IMAGE, "builder": "kaniko", "builderOptions": known}).script

    assert " --single-snapshot --snapshot-mode=redo --cache-ttl=24h " in script
    assert refused({"builder": "buildah", "builderOptions": known}) == [
        "builderOptions.kaniko: 'buildah' builds; write 'buildah', or leave it out"
    ]
    wrong = ["--volume=/:/host", "--jobs=2;id", "--jobs", "--squash=", "--secret=id=a,src=/etc/x"]
    for option in wrong:
        assert refused({"builder": "buildah", "builderOptions": {"buildah": [option]}}) == [
            (
                f"builderOptions.buildah[0]: '{option}' is not passed on; known are "
                "--cache-ttl=TIME, --jobs=N, --omit-history, --skip-unused-stages={true|false}, "
                "--squash, --timestamp=N"
            )
        ]


RUN_FIELDS = {
    "addHosts": {"db.example": "10.0.0.5"},
    "ulimits": {"nofile": "1024:2048"},
    "annotations": {"a.example/b": 'c, "d"'},
    "buildContexts": {"base": "docker-image://r.example/base:1", "more": "."},
}


@pytest.mark.parametrize(
    ("builder", "more", "words"),
    [
        (
            "buildah",
            {"compression": "zstd"},
            [
                "--add-host db.example:10.0.0.5 --ulimit nofile=1024:2048",
                "--annotation 'a.example/b=c, \"d\"'",
                "--build-context base=docker-image://r.example/base:1 --build-context more=.",
                "--compression-format zstd",
            ],
        ),
        (
            "dind",
            {"network": "none", "shmSize": "256m"},
            [
                "pw_docker_build no yes",
                "--network none --add-host db.example:10.0.0.5 --ulimit nofile=1024:2048",
                "--shm-size 256m",
            ],
        ),
        (
            "buildkit",
            {"network": "none", "shmSize": "256m", "compression": "zstd"},
            [
                "--opt force-network-mode=none --opt add-hosts=db.example=10.0.0.5",
                "--opt ulimit=nofile=1024:2048 --opt shm-size=268435456",
                "--opt context:base=docker-image://r.example/base:1",
                "--local more=. --opt context:more=local:more",
                ',"annotation.a.example/b=c, ""d""",compression=zstd,force-compression=true\'',
            ],
        ),
    ],
)
def test_what_steps_and_manifests_have_is_told_to_each_builder(
    planned: Any, builder: str, more: dict[str, Any], words: list[str]
) -> None:
    script = planned({**IMAGE, "builder": builder, **RUN_FIELDS, **more}).script

    assert [word for word in words if word not in script] == []


def test_what_a_builder_has_not_is_one_sentence_each(refused: Any) -> None:
    asked = {"network": "none", "shmSize": "1g", "compression": "zstd"}

    assert refused({"builder": "kaniko", **asked, **RUN_FIELDS})[1:3] == [
        (
            "addHosts: builder 'kaniko' cannot add host names; builders that can: buildah, "
            "buildkit, dind, dind-sidecar, dood, podman"
        ),
        (
            "ulimits: builder 'kaniko' cannot set ulimits; builders that can: buildah, buildkit, "
            "dind, dind-sidecar, dood, podman"
        ),
    ]
    assert refused({"builder": "podman", **asked}) == [
        (
            "network: builder 'podman' cannot choose the network of RUN steps; builders that can: "
            "buildkit, dind, dind-sidecar, dood"
        ),
        (
            "shmSize: builder 'podman' cannot set the size of /dev/shm; builders that can: "
            "buildkit, dind, dind-sidecar, dood"
        ),
    ]
    assert refused({"builder": "buildkit", "network": "host"}) == [
        "network: BuildKit's steps have no network of the host here; use 'default' or 'none'"
    ]
    assert refused({"builder": "buildkit", "buildContexts": {"a": "nowhere"}}) == [
        "buildContexts.a: there is no folder 'nowhere' in the workspace; correct the path"
    ]


def test_a_login_that_nothing_uses_is_a_line_of_the_log(planned: Any, workspace: Path) -> None:
    (workspace / "Dockerfile").write_text("FROM b.example/base:1\nCOPY --from=tool:1 / /\n")
    hosts = ("b.example", "docker.io", "m.example:5000", "c.example", "registry.example/other")
    logins = [{"variable": f"V{n}", "registry": host} for n, host in enumerate(hosts)]
    asked = {
        "builder": "buildah",
        "credentials": logins,
        "registries": {"docker.io": {"mirrors": ["m.example:5000"]}},
        "cache": "c.example/cache",
    }

    script = planned({**IMAGE, **asked}).script

    assert [line for line in script.splitlines() if line.startswith("pw_say 'credentials[")] == [
        "pw_say 'credentials[4]: nothing in this build names registry.example/other'"
    ]

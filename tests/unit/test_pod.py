"""Pods: the user's wishes and the user's own YAML, merged without losing anything."""

from __future__ import annotations

import ast
import copy
import io
import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podwright import inputs, resources, rules, strategies
from podwright import pod as pods
from podwright.config import Config, load
from podwright.errors import UsageError
from podwright.generate import presets
from podwright.images import IMAGES
from podwright.plan import plan_pod
from podwright.pod import KEYS, as_yaml, merge
from podwright.request import parse_build, parse_pod

if TYPE_CHECKING:
    from collections.abc import Callable


def pod(builder: str = "buildah", **options: Any) -> dict[str, Any]:
    """Plan a pod with these options."""
    _, made = plan_pod(parse_pod({"builder": builder, "pod": options}), Config())
    return made


@pytest.fixture
def refused(problems: Any) -> Callable[..., list[str]]:
    def run(**options: Any) -> list[str]:
        found: list[str] = problems(lambda: pod(**options))
        return found

    return run


def container(made: dict[str, Any], name: str) -> dict[str, Any]:
    """Give one container of a pod."""
    spec = made["spec"]
    found = [c for c in [*spec["containers"], *spec.get("initContainers", [])] if c["name"] == name]
    assert len(found) == 1
    result: dict[str, Any] = found[0]
    return result


def test_a_pod_whose_build_is_scanned_has_room_for_the_scanner() -> None:
    wishes = [{"scan": True}, {"sign": {"kms": "k"}}, {"images": [{"image": "a", "sbom": True}]}]
    for wish in ({}, *wishes):
        value = wish if "images" in wish else {"image": "a", **wish}
        _, made = plan_pod(parse_build(value), Config())
        limits = container(made, "tools")["resources"]["limits"]
        assert limits["memory"] == ("2Gi" if wish else "256Mi")
    preset = json.loads(presets(Config(defaults={"scan": "high"}))["kaniko.json"])
    assert container(preset, "tools")["resources"]["limits"]["memory"] == "2Gi"


def test_simple_options_reach_the_spec() -> None:
    made = pod(
        nodeSelector={"a": "b"},
        tolerations=[{"key": "k"}],
        serviceAccount="sa",
        labels={"l": "1"},
        annotations={"n": "2"},
        imagePullSecrets=["p"],
        runtimeClass="gvisor",
        deadline="10m",
    )

    spec = made["spec"]
    assert {
        key: spec[key]
        for key in (
            "nodeSelector", "tolerations", "serviceAccountName", "imagePullSecrets",
            "runtimeClassName", "activeDeadlineSeconds",
        )
    } == {
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "k"}],
        "serviceAccountName": "sa",
        "imagePullSecrets": [{"name": "p"}],
        "runtimeClassName": "gvisor",
        "activeDeadlineSeconds": 600,
    }  # fmt: skip
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "podwright", "l": "1"}
    assert made["metadata"]["annotations"]["n"] == "2"


def test_options_that_are_not_given_leave_no_field() -> None:
    assert not {"nodeSelector", "tolerations", "serviceAccountName", "runtimeClassName"} & set(
        pod()["spec"]
    )


def test_resources_are_merged_with_those_of_the_strategy() -> None:
    before = container(pod(), "builder")["resources"]

    after = container(
        pod(resources={"builder": {"limits": {"memory": "9Gi", "gpu": "1"}}}), "builder"
    )

    assert after["resources"] == {
        "requests": before["requests"],
        "limits": {**before["limits"], "memory": "9Gi", "gpu": "1"},
    }


def test_a_null_takes_a_limit_away() -> None:
    before = container(pod(), "builder")["resources"]

    after = container(pod(resources={"builder": {"limits": {"memory": None}}}), "builder")

    assert after["resources"] == {**before, "limits": {**before["limits"], "memory": None}}


def test_resources_that_would_be_dropped_or_refused_later_are_refused(refused: Any) -> None:
    wanted = {
        "builder": {"limit": {"memory": "9Gi"}, "requests": ["1"], "claims": [{"name": "gpu"}]},
        "tools": {
            "limits": {"memory": "9 GB", "cpu": True, "a": -1, "b": "1g"},
            "requests": {"memory": "1.5Gi", "cpu": 0.5, "a": "500m", "b": "1e3", "c": 2, "d": ".5"},
        },
    }

    assert refused(resources=wanted) == [
        "pod.resources.builder: unknown parameter 'limit'; did you mean 'limits'?",
        "pod.resources.builder.requests: expected a map, such as [memory: '2Gi', cpu: '1']",
        *(
            f"pod.resources.tools.limits.{name}: '{value}' is not a valid quantity; "
            "write e.g. '2Gi' or '500m'"
            for name, value in [("memory", "9 GB"), ("cpu", "True"), ("a", "-1"), ("b", "1g")]
        ),
    ]


def test_resources_of_an_unknown_container_are_refused(refused: Any) -> None:
    assert refused(resources={"bilder": {}, "engine": {}}) == [
        "pod.resources: the pod of 'buildah' has no container 'bilder'; it has builder, tools",
        "pod.resources: the pod of 'buildah' has no container 'engine'; it has builder, tools",
    ]


@pytest.mark.parametrize(
    "name", [n for n, b in strategies.everything().items() if "cacheClaim" in b.features]
)
def test_a_claim_takes_the_place_of_the_storage_volume(name: str) -> None:
    before = {v["name"]: v for v in pod(name)["spec"]["volumes"]}

    after = {v["name"]: v for v in pod(name, cacheClaim="layers")["spec"]["volumes"]}

    changed = [key for key in before if before[key] != after[key]]
    assert before.keys() == after.keys()
    assert len(changed) == 1
    assert after[changed[0]] == {
        "name": changed[0],
        "persistentVolumeClaim": {"claimName": "layers"},
    }


OWN = {
    "metadata": {"labels": {"own": "1"}, "name": "mine"},
    "spec": {
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
        "tolerations": [{"key": "own"}],
        "containers": [
            {
                "name": "builder",
                "image": "own/buildah:1",
                "env": [
                    {"name": "BUILDAH_ISOLATION", "value": "oci"},
                    {"name": "X", "value": "y"},
                ],
                "volumeMounts": [{"name": "maven", "mountPath": "/root/.m2"}],
            },
            {"name": "jnlp", "image": "own/agent:1", "resources": {"limits": {"cpu": "1"}}},
        ],
        "volumes": [{"name": "maven", "persistentVolumeClaim": {"claimName": "m2"}}],
    },
}


@pytest.mark.parametrize("given", ["map", "text", "json"])
def test_the_users_yaml_is_merged_by_name_and_nothing_is_dropped(given: str) -> None:
    text = {
        "map": OWN,
        "json": json.dumps(OWN),
        "text": "metadata: " + json.dumps(OWN["metadata"]) + "\nspec: " + json.dumps(OWN["spec"]),
    }[given]
    before = pod(tolerations=[{"key": "first"}])

    after = pod(tolerations=[{"key": "first"}], yaml=text)

    builder, plain = container(after, "builder"), container(before, "builder")
    assert builder["image"] == "own/buildah:1"
    assert builder["env"] == [
        *({**e, "value": "oci"} if e["name"] == "BUILDAH_ISOLATION" else e for e in plain["env"]),
        {"name": "X", "value": "y"},
    ]
    assert builder["volumeMounts"] == [
        *plain["volumeMounts"],
        {"name": "maven", "mountPath": "/root/.m2"},
    ]
    same = set(plain) - {"image", "env", "volumeMounts"}
    assert {key: builder[key] for key in same} == {key: plain[key] for key in same}
    assert container(after, "tools") == container(before, "tools")
    assert container(after, "jnlp") == OWN["spec"]["containers"][1]  # type: ignore[index]
    assert after["spec"]["volumes"] == [*before["spec"]["volumes"], *OWN["spec"]["volumes"]]
    assert after["spec"]["tolerations"] == [{"key": "first"}, {"key": "own"}]
    assert after["spec"]["hostAliases"] == OWN["spec"]["hostAliases"]
    assert after["metadata"]["labels"] == {**before["metadata"]["labels"], "own": "1"}
    assert after["metadata"]["name"] == "mine"


def test_a_toleration_that_is_there_already_is_not_doubled() -> None:
    made = pod(tolerations=[{"key": "a"}], yaml={"spec": {"tolerations": [{"key": "a"}]}})

    assert made["spec"]["tolerations"] == [{"key": "a"}]


def test_a_container_takes_known_fields_only() -> None:
    with pytest.raises(TypeError, match="livenessProbe"):
        pods.container("a", "b", resources={}, security={}, livenessProbe={})  # type: ignore[call-arg]


def test_a_clashing_container_name_is_refused(refused: Any) -> None:
    twice = {"spec": {"containers": [{"name": "db"}, {"name": "db"}]}}
    both = {"spec": {"initContainers": [{"name": "builder"}]}}

    assert refused(yaml=twice) == [
        (
            "pod.yaml: the container name 'db' clashes: it stands twice among containers and "
            "initContainers; rename yours"
        )
    ]
    assert refused(yaml=both) == [
        (
            "pod.yaml: the container name 'builder' clashes: it stands twice among containers and "
            "initContainers; rename yours"
        )
    ]


def test_a_clashing_volume_name_is_refused(refused: Any) -> None:
    assert refused(yaml={"spec": {"volumes": [{"name": "v"}, {"name": "v"}]}}) == [
        "pod.yaml: the volume name 'v' clashes: it stands twice; rename yours"
    ]


OCTALS = """\
spec:
  volumes:
    - name: keys
      secret: {secretName: deploy-key, defaultMode: 0400, items: [{key: k, path: p, mode: 0o640}]}
  containers:
    - name: own
      image: "1.10"
      env: [{name: A, value: 1.10}, {name: B, value: "0400"}]
      args: [1_000, yes, Off, 1e3, 0x1F, 12:30, 2026-11-26, -7, +08, .5, ~, 0600, y]
"""


def test_yaml_of_a_pod_means_what_kubernetes_reads() -> None:
    spec = pod(yaml=OCTALS)["spec"]

    volume = next(item for item in spec["volumes"] if item["name"] == "keys")
    assert volume["secret"] == {
        "secretName": "deploy-key",
        "defaultMode": 256,
        "items": [{"key": "k", "path": "p", "mode": 416}],
    }
    own = next(item for item in spec["containers"] if item["name"] == "own")
    assert own["args"] == [
        1000, True, False, "1e3", 31, "12:30", "2026-11-26", -7, "+08", ".5", None, 384, "y",
    ]  # fmt: skip
    assert own["image"] == "1.10"
    assert own["env"] == [{"name": "A", "value": "1.10"}, {"name": "B", "value": "0400"}]


def test_a_pod_inside_of_a_yaml_request_is_read_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    volume = "{name: keys, secret: {secretName: k, defaultMode: 0400}}"
    path.write_text(f"builder: kaniko\npod:\n  yaml: {{spec: {{volumes: [{volume}]}}}}\n")

    value = inputs.read_request(str(path), io.StringIO()).value
    spec = plan_pod(parse_pod(value), Config())[1]["spec"]

    assert spec["volumes"][-1]["secret"] == {"secretName": "k", "defaultMode": 256}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("spec:\n  containers: [\n",
         "pod.yaml:3:1: not valid YAML: expected the node content, but found '<stream end>'"),
        ("- a", "pod.yaml: expected a Pod (a map with 'spec')"),
        ({"kind": "Deployment"}, "pod.yaml: expected a Pod (a map with 'spec')"),
        ({"spec": []}, "pod.yaml: 'spec' must be a map"),
        ({"spec": {"containers": {}}}, ("pod.yaml: 'spec.containers' must be a list of maps with "
                                       "names")),
        ({"spec": {"containers": [{"image": "x"}]}},
         "pod.yaml: 'spec.containers' must be a list of maps with names"),
        ({"spec": {"volumes": ["x"]}},
         "pod.yaml: 'spec.volumes' must be a list of maps with names"),
        ({"metadata": "x"}, "pod.yaml: 'metadata' must be a map"),
    ],
)  # fmt: skip
def test_yaml_that_is_no_pod_is_one_sentence(refused: Any, given: Any, said: str) -> None:
    assert refused(yaml=given) == [said]


def test_merging_changes_neither_of_its_parts() -> None:
    base = pod()
    kept, over = copy.deepcopy(base), copy.deepcopy(OWN)

    merge(base, over)

    assert (base, over) == (kept, OWN)


def test_lists_without_names_are_replaced() -> None:
    assert merge({"command": ["a", "b"]}, {"command": ["c"]}) == {"command": ["c"]}
    assert merge({"drop": ["ALL"]}, {"drop": []}) == {"drop": []}


def test_lists_with_names_are_merged_by_the_keys_of_kubernetes() -> None:
    for name, key in KEYS.items():
        base = {name: [{key: "a", "x": 1}, {key: "b"}]}
        over = {name: [{key: "c"}, {key: "a", "y": 2}]}
        wanted = [{key: "a", "x": 1, "y": 2}, {key: "b"}, {key: "c"}]
        assert merge(base, over) == {name: wanted}


def test_a_null_takes_a_field_away_as_kubernetes_sees_it() -> None:
    assert merge({"a": 1, "b": 2}, {"a": None}) == {"a": None, "b": 2}


def test_a_date_in_the_users_yaml_stays_a_text() -> None:
    made = pod(yaml="metadata: {annotations: {since: 2026-11-24}}\n")

    assert '"since": "2026-11-24"' in as_yaml(made)


@pytest.mark.parametrize("name", strategies.names())
def test_every_privilege_of_a_pod_has_its_reason(name: str) -> None:
    made = pod(name)
    spec = made["spec"]
    reasons = made["metadata"].get("annotations", {}).get("podwright.dev/privileges", "")
    named = {reason.partition(":")[0] for reason in reasons.split("; ")}

    privileged = {
        item["name"]
        for item in [*spec["containers"], *spec.get("initContainers", [])]
        if item["securityContext"]["allowPrivilegeEscalation"]
        or item["securityContext"]["capabilities"].get("add")
    }

    assert privileged <= named


@pytest.mark.parametrize("name", strategies.names())
def test_every_pod_states_its_resources_and_gives_no_token(name: str) -> None:
    spec = pod(name)["spec"]

    assert spec["automountServiceAccountToken"] is False
    for item in [*spec["containers"], *spec.get("initContainers", [])]:
        for part in ("requests", "limits"):
            assert set(item["resources"][part]) >= {"cpu", "memory", "ephemeral-storage"}


def test_a_user_namespace_is_asked_for_with_what_podmans_socket_needs_there() -> None:
    request = parse_pod({"builder": "podman", "pod": {"userNamespace": True}})
    spec = plan_pod(request, Config())[1]["spec"]
    assert spec["hostUsers"] is False
    assert container({"spec": spec}, "engine")["securityContext"]["procMount"] == "Unmasked"
    plain = plan_pod(parse_pod({"builder": "podman"}), Config())[1]["spec"]
    assert "hostUsers" not in plain
    assert "procMount" not in container({"spec": plain}, "engine")["securityContext"]


def test_a_users_volume_takes_the_place_of_podwrights_own(planned: Any) -> None:
    claim = {"name": "storage", "persistentVolumeClaim": {"claimName": "big"}}
    made = planned(
        {
            "image": "a",
            "tags": ["1"],
            "builder": "buildah",
            "pod": {"yaml": {"spec": {"volumes": [claim]}}},
        }
    )

    assert [v for v in made.pod["spec"]["volumes"] if v["name"] == "storage"] == [claim]


def test_what_excludes_each_other_is_replaced_at_any_depth() -> None:
    base = {"env": [{"name": "A", "value": "1"}], "startupProbe": {"exec": {"command": ["x"]}}}
    over = {
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "startupProbe": {"httpGet": {"port": 80}, "periodSeconds": 1},
    }
    assert merge(base, over) == over


def resources_of(planned: Any, builder: str, name: str, wanted: Any) -> tuple[Any, Any]:
    """Plan a pod with resources; gives those of a container, and the size of its storage."""
    asked = {"image": "a", "tags": ["1"], "builder": builder, "pod": {"resources": {name: wanted}}}
    spec = planned(asked).pod["spec"]
    containers = {
        item["name"]: item for item in [*spec["containers"], *spec.get("initContainers", [])]
    }
    (storage,) = [v["emptyDir"]["sizeLimit"] for v in spec["volumes"] if v["name"] == "storage"]
    return containers[name]["resources"], storage


def test_a_request_above_a_limit_that_nobody_wrote_moves_it(planned: Any) -> None:
    wanted = {"requests": {"memory": "8Gi", "ephemeral-storage": "60Gi", "cpu": "500m"}}

    found, storage = resources_of(planned, "buildah", "builder", wanted)

    assert found["limits"]["memory"] == "8Gi"
    assert found["limits"]["ephemeral-storage"] == "60Gi"
    assert storage == "60Gi"


def test_a_volume_follows_the_limit_of_its_container(planned: Any) -> None:
    wanted = {"limits": {"ephemeral-storage": "100Gi"}}
    assert resources_of(planned, "buildkit", "engine", wanted)[1] == "100Gi"
    assert resources_of(planned, "buildkit", "engine", {"limits": {"memory": "1Gi"}})[1] == "20Gi"


def test_a_request_above_its_own_limit_is_refused(problems: Any, planned: Any) -> None:
    wanted = {"requests": {"memory": "8Gi"}, "limits": {"memory": "2Gi"}}
    asked = {"image": "a", "tags": ["1"], "pod": {"resources": {"builder": wanted}}}

    assert problems(planned, asked) == [
        (
            "pod.resources.builder.requests.memory: 8Gi is more than the limit, 2Gi; request less, "
            "or raise it"
        )
    ]


def pod_of(builder: str, config_text: str = "", **common: Any) -> dict[str, Any]:
    """Plan a pod with what stands beside its options."""
    asked = parse_pod({"builder": builder, **common})
    return plan_pod(asked, Config(), config_text=config_text)[1]


def bundle(size: int) -> str:
    """Give certificates of so many bytes."""
    return "-----BEGIN CERTIFICATE-----\n" + "x" * size


def test_a_large_bundle_is_in_no_variable() -> None:
    registries = {"r.example": {"ca": bundle(220_000)}}
    for builder in ("buildkit", "dind", "buildah", "podman"):
        made = pod_of(builder, registries=registries)
        for item in pods.containers_of(made):
            assert max(len(entry.get("value", "")) for entry in item.get("env", [{}])) < 2000
    text = "registries: {r.example: {ca: '" + bundle(120_000) + "'}}"
    made = pod_of("buildah", config_text=text)
    tools = made["spec"]["containers"][0]
    assert {"name": "PODWRIGHT_CONFIG", "value": "/etc/podwright/config.yaml"} in tools["env"]
    assert {"name": "files", "mountPath": "/etc/podwright", "readOnly": True} in tools[
        "volumeMounts"
    ]
    assert made["metadata"]["annotations"]["podwright.dev/config.yaml"] == text


def test_what_is_too_large_for_annotations_is_told() -> None:
    with pytest.raises(UsageError) as raised:
        pod_of("buildkit", registries={"r.example": {"ca": bundle(300_000)}})

    assert re.fullmatch(
        r"registries: the files that the pod carries, certificates \('ca'\) most of all, are "
        r"300\d+ bytes large, and Kubernetes takes 258048; give the authority's own certificate "
        r"instead of a bundle",
        str(raised.value),
    )


@pytest.mark.parametrize(
    ("builder", "container", "folder"),
    [
        ("buildkit", "engine", "/run/podwright-clients"),
        ("kaniko", "builder", "/run/podwright-clients"),
        ("buildah", "builder", "/etc/containers/certs.d"),
        ("podman", "builder", "/etc/containers/certs.d"),
        ("dind", "builder", "/etc/docker/certs.d"),
        ("dind-sidecar", "engine", "/etc/docker/certs.d"),
    ],
)
def test_a_certificate_of_this_side_is_mounted_where_its_registry_looks_for_it(
    builder: str, container: str, folder: str
) -> None:
    made = pod_of(builder, registries={"r.example:5000": {"client": "mtls"}})

    assert {"name": "client-0", "secret": {"secretName": "mtls"}} in made["spec"]["volumes"]
    found = {item["name"]: item for item in pods.containers_of(made)}[container]["volumeMounts"]
    assert [item for item in found if item["name"] == "client-0"] == [
        {
            "name": "client-0",
            "mountPath": f"{folder}/r.example:5000/client.{end}",
            "subPath": key,
            "readOnly": True,
        }
        for end, key in (("cert", "tls.crt"), ("key", "tls.key"))
    ]


def test_the_nodes_engine_shows_its_own_certificates() -> None:
    with pytest.raises(UsageError) as raised:
        pod_of("dood", registries={"r.example": {"client": "mtls"}})

    assert str(raised.value) == (
        "registries.r.example.client: is a setting of the node's engine, which no pod can change"
    )


def test_a_proxy_is_in_every_container() -> None:
    proxy = {"http": "http://p.example:3128", "no": [".svc", "10.0.0.0/8"]}
    for builder in strategies.names():
        for item in pods.containers_of(pod_of(builder, proxy=proxy)):
            env = {entry["name"]: entry.get("value") for entry in item["env"]}
            assert (env["HTTP_PROXY"], env["https_proxy"], env["NO_PROXY"]) == (
                "http://p.example:3128",
                "http://p.example:3128",
                "localhost,127.0.0.1,.svc,10.0.0.0/8",
            )


def test_user_ids_are_left_to_the_namespace_where_any_will_do() -> None:
    fixed = {}
    for builder in strategies.names():
        made = pod(builder, assignedUser=True)
        fixed[builder] = [
            item["name"]
            for item in pods.containers_of(made)
            if "runAsUser" in item["securityContext"]
        ]
        tools = container(made, "tools")["securityContext"]
        assert (tools["runAsNonRoot"], tools["capabilities"]) == (True, {"drop": ["ALL"]})
    assert fixed == {
        "buildkit": ["engine"],
        "kaniko": ["builder"],
        "buildah": ["builder"],
        "podman": ["engine", "builder"],
        "dind-sidecar": ["authz", "engine"],
        "dind": ["builder"],
        "dood": ["engine"],
    }


AGENT = "registry.acme.example/agent-with-python:1"


def with_agent(config: str = "", **wanted: Any) -> dict[str, Any]:
    """Plan a pod of an organisation whose agent has python3."""
    text = config if "images:" in config else f"images: {{agent: '{AGENT}'}}\n{config}"
    asked = parse_build(wanted) if "image" in wanted else parse_pod(wanted)
    return plan_pod(asked, load(text, None, Path()), config_text=text)[1]


@pytest.mark.parametrize("builder", [*strategies.names()])
def test_an_agent_with_python_plans_and_tools_is_left_out(builder: str) -> None:
    plain, made = pod(builder), with_agent(builder=builder)
    names = [item["name"] for item in plain["spec"]["containers"]]
    assert [item["name"] for item in made["spec"]["containers"]] == ["jnlp", *names[1:]]
    tools, agent = container(plain, "tools"), container(made, "jnlp")
    config = {"name": "PODWRIGHT_CONFIG", "value": f"images: {{agent: '{AGENT}'}}\n"}
    assert agent == {
        "name": "jnlp",
        "image": AGENT,
        "command": ["sh", "-c", pods._BESIDE, tools["command"][3], "jenkins-agent"],
        "workingDir": "/home/jenkins/agent",
        "env": [*tools["env"], config],
        "resources": pods.AGENT_REQUESTS,
        "volumeMounts": tools["volumeMounts"],
    }
    assert json.loads(as_yaml(made))["spec"]["containers"] == made["spec"]["containers"]
    assert rules.level_of(made) == rules.level_of(plain)


DOCKER = f"images: {{agent: '{AGENT}', docker-cli: '{AGENT}'}}\n"


def with_client(**wanted: Any) -> dict[str, Any]:
    """Plan a pod of an organisation whose agent has docker's client as well."""
    return with_agent(DOCKER, **wanted)


def test_the_image_for_that_has_the_client_of_the_other_pods() -> None:
    folder = Path(__file__).parents[2] / "resources/podwright/images/planner"
    lines = (folder / "Dockerfile").read_text(encoding="utf-8").splitlines()
    sources = {line.split()[1] for line in lines if line.startswith("COPY --from")}
    assert sources == {f"--from={IMAGES['docker-cli']}"}
    stages = [line.split(" AS ") for line in lines if line.startswith("FROM ")]
    assert [stage[1:] for stage in stages] == [["planner"], ["with-docker"], []]
    assert stages[2] == ["FROM planner"]  # without docker, unless it is asked for


@pytest.mark.parametrize("builder", ["dood", "dind-sidecar"])
def test_an_agent_with_dockers_client_is_the_builder(builder: str) -> None:
    """The kubelet starts a container less, and Jenkins' step there is no exec."""
    apart, made = with_agent(builder=builder), with_client(builder=builder)
    names = [item["name"] for item in apart["spec"]["containers"]]
    assert [item["name"] for item in made["spec"]["containers"]] == names[:-1]
    agent, client, one = (
        container(apart, "jnlp"), container(apart, "builder"), container(made, "jnlp")
    )  # fmt: skip
    home = {"name": "HOME", "value": pods.TMP}
    assert home in client["env"]
    kept = [item for item in client["env"] if item != home]
    assert [item for item in one["env"] if item["name"] != "PODWRIGHT_CONFIG"] == [
        *(item for item in agent["env"] if item["name"] != "PODWRIGHT_CONFIG"),
        *kept,
    ]
    mounts = {item["mountPath"]: item for item in [*agent["volumeMounts"], *client["volumeMounts"]]}
    assert {item["mountPath"]: item for item in one["volumeMounts"]} == mounts
    assert len(one["volumeMounts"]) == len(mounts)
    assert one["readinessProbe"] == client["readinessProbe"]
    assert one["terminationMessagePolicy"] == "FallbackToLogsOnError"
    awaits = client["command"][2].removesuffix(pods.KEEP_ALIVE[2])
    assert one["command"] == ["sh", "-c", awaits + pods._BESIDE, *agent["command"][3:]]
    assert "securityContext" not in one
    # The body of withBuilderPod may want it.
    kept = json.loads(made["metadata"]["annotations"]["podwright.dev/builder"])
    same = {key: value for key, value in client.items() if key != "readinessProbe"}
    changed = {"image": AGENT, "resources": pods.CLIENT, "command": pods.KEEP_ALIVE}
    assert kept == {**same, **changed}
    assert "podwright.dev/builder" not in apart["metadata"].get("annotations", {})
    assert rules.level_of(made) == rules.level_of(apart)
    assert pods.worker(made) == "jnlp"


def test_what_the_agent_starts_on_the_node_has_the_builders_limits() -> None:
    made, sidecar = with_client(builder="dood"), with_client(builder="dind-sidecar")
    assert container(made, "jnlp")["resources"] == pods.BUILD
    limits = [
        item["valueFrom"]["resourceFieldRef"]["containerName"]
        for item in container(made, "engine")["env"]
        if "resourceFieldRef" in item.get("valueFrom", {})
    ]
    assert limits == ["jnlp", "jnlp"]
    # What a client takes is nothing beside what else a pipeline runs in its agent; but the kubelet
    # adds up what containers may have on the disk, and evicts a pod that has more.
    disk = {"limits": {"ephemeral-storage": "4Gi"}}
    assert container(sidecar, "jnlp")["resources"] == {**pods.AGENT_REQUESTS, **disk}


@pytest.mark.parametrize(
    "wanted",
    [
        {"pod": {"resources": {"builder": {"limits": {"memory": "1Gi"}}}}},
        {"pod": {"resources": {"jnlp": {"limits": {"memory": "1Gi"}}}}},
        {"pod": {"assignedUser": True}},
        {"pod": {"yaml": "spec: {containers: [{name: builder, tty: true}]}"}},
        {"image": "r.example/a", "credentials": [{"secret": "push", "registry": "r.example"}]},
    ],
    ids=["builder", "agent", "user", "yaml", "secrets"],
)
def test_who_says_what_the_builder_has_keeps_it(wanted: dict[str, Any]) -> None:
    made = with_client(builder="dood", **wanted)
    assert container(made, "builder")["command"] == container(pod("dood"), "builder")["command"]
    assert container(made, "engine")["env"] == container(pod("dood"), "engine")["env"]


@pytest.mark.parametrize("builder", ["dood", "dind-sidecar"])
def test_an_agent_that_is_the_builder_stays_within_the_limits(builder: str) -> None:
    """With the builder that withBuilderPod adds; the agent of dind-sidecar has no limits."""
    most = 4096 + 256 + 1024
    text = DOCKER + "limits: [{memory: %dMi}]\n"
    total = sum(
        pods.quantity(item["resources"]["limits"]["memory"])
        for item in pods.containers_of(pods.judged(with_client(builder=builder), AGENT))
    )
    assert total == most * 2**20
    with_agent(text % most, builder=builder)
    with pytest.raises(UsageError, match=r"pod: the memory of all containers together is more"):
        with_agent(text % (most - 1), builder=builder)


@pytest.mark.parametrize(
    "builder", [n for n in strategies.names() if n not in ("dood", "dind-sidecar")]
)
def test_other_builders_are_never_part_of_the_agent(builder: str) -> None:
    same = {"images": dict.fromkeys(IMAGES, AGENT) | {"agent": AGENT}}
    asked = parse_pod({"builder": builder})
    made = plan_pod(asked, load(json.dumps(same), None, Path()))[1]
    assert container(made, "builder")["image"] == AGENT


def test_what_the_pipeline_runs_in_its_agent_gets_no_secret_of_the_pod() -> None:
    login = {"secret": "push", "registry": "r.example"}
    made = with_agent(image="r.example/a", builder="kaniko", credentials=[login])
    names = [item["name"] for item in made["spec"]["containers"]]
    assert names == ["tools", "builder"]


def test_an_agents_own_room_is_not_counted_by_limits() -> None:
    made = with_agent("limits: [{memory: 5Gi, cpu: '8'}]", builder="kaniko")
    assert "limits" not in container(made, "jnlp")["resources"]


def test_an_agents_own_limits_are_no_reason_to_count_it() -> None:
    pod = {"resources": {"jnlp": {"limits": {"memory": "1Gi"}}}}
    made = with_agent("limits: [{cpu: '20', memory: 5Gi}]", builder="kaniko", pod=pod)
    assert container(made, "jnlp")["resources"]["limits"] == {"memory": "1Gi"}


def test_an_agent_with_python_runs_commands_too() -> None:
    known = Config(images={"agent": AGENT})
    made = json.loads(presets(known)["commands.json"])
    assert made["spec"]["containers"] == [
        {
            "name": "jnlp",
            "image": AGENT,
            "workingDir": "/home/jenkins/agent",
            "resources": pods.AGENT_REQUESTS,
        }
    ]


def test_the_listener_in_a_pod_is_shorter_and_the_same_code() -> None:
    def code(source: str) -> str:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
                del node.body[0]
        return ast.unparse(tree)

    carried = container(pod(), "tools")["command"][3]
    assert code(carried) == code(resources.text("listen.py"))
    lines = carried.splitlines()
    assert [line for line in lines if not line or line.lstrip().startswith(("#", '"""'))] == []
    assert max(len(line) - len(line.lstrip()) for line in lines) == 5


def test_the_agents_command_starts_a_planner_and_stays_the_agent(tmp_path: Path) -> None:
    command = container(with_agent(builder="kaniko"), "jnlp")["command"]
    program = tmp_path / "jenkins-agent"
    started = tmp_path / "started"
    program.write_text(
        f"#!/bin/sh\n: <'{started}'\n"  # which waits until the other has begun
        "ps -o args= --ppid $$ | grep -c '[p]ython3'\nps -o comm= -p $$\n"
        f": >'{started}'\n"
    )
    program.chmod(0o755)
    os.mkfifo(started)
    listener = f"for mode in 'wr': open({str(started)!r}, mode).close()"
    words = [*command[:3], listener, *command[4:]]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "1\njenkins-agent\n"


def test_kubernetes_gives_a_container_what_a_variable_was_made_with() -> None:
    """It reads `$(NAME)` in values, and `$$` as one (k8s.io/kubernetes third_party/forked)."""
    text = "labels: {a: '$$', b: '$(HOME)', c: '${TAG}'}\n"
    made = plan_pod(parse_pod({"builder": "kaniko"}), Config(), config_text=text)[1]
    env = {item["name"]: item["value"] for item in container(made, "tools")["env"]}
    assert env["PODWRIGHT_CONFIG"] == "labels: {a: '$$$$', b: '$$(HOME)', c: '$${TAG}'}\n"


def test_a_pod_is_written_as_the_standard_library_writes_it() -> None:
    value = {
        "texts": ["", 'a"b\\c\n', "größer \u2028 \x00 😀 \ud800"],
        "numbers": [0, -1, 1.5, 1e30, True, False, None],
        "empty": [{}, [], ()],
        'a "key"': ({"in": {"a tuple": [[1], [2, [3]]]}},),
        "many": {str(number): "text" for number in range(1200)},  # more than are kept
    }
    for _ in range(2):
        assert pods.written(value) == json.dumps(value, indent=2, ensure_ascii=False)
        assert pods.as_line(value) == json.dumps(value)
    assert [pods.as_line(item) for item in ("ö", {}, 1)] == ['"\\u00f6"', "{}", "1"]


@pytest.mark.parametrize("name", strategies.names())
def test_what_is_kept_between_pods_is_never_one_that_somebody_changes(name: str) -> None:
    wishes = {"labels": {"team": "a"}, "resources": {"builder": {"limits": {"cpu": "8"}}}}
    first, again = pod(name, **wishes), pod(name, **wishes)
    one, two = pods.as_line(first), pods.as_line(again)
    for item in [*first["spec"]["volumes"], *pods.containers_of(first), first["metadata"]]:
        item.clear()
    assert one == two == pods.as_line(again) == pods.as_line(pod(name, **wishes))
    assert pods.as_line(pod(name)) != one


def test_a_probe_that_the_kubelet_asks_too_early_is_asked_again_soon() -> None:
    """A run before the status has the container counts for nothing until the next period."""
    for builder in strategies.names():
        probe = container(pod(builder), "builder").get("readinessProbe", pods.answers())
        assert (probe["periodSeconds"], probe["timeoutSeconds"]) == (1, 25)


def test_a_probe_answers_at_once_and_takes_its_time_afterwards(tmp_path: Path) -> None:
    """Each run costs the kubelet and the node, and the first one is what Jenkins waits for."""
    mark, slept, sleep = tmp_path / "answers", tmp_path / "slept", tmp_path / "sleep"
    sleep.write_text(f'#!/bin/sh\necho "$@" >>{slept}\n[ "$1" = 20 ] || : >{mark}\n')
    sleep.chmod(0o755)
    words = pods.answers()["exec"]["command"]
    words[2] = words[2].replace("/run/podwright/answers", str(mark))
    for said in ("0.05\n", "0.05\n20\n"):  # the first one waits for the engine
        env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        assert subprocess.run(words, env=env, check=False).returncode == 0
        assert slept.read_text() == said


def test_a_client_marks_that_its_engine_answers(tmp_path: Path) -> None:
    place, said, mark = tmp_path / "engine.sock", tmp_path / "said", tmp_path / "answers"
    asks = f"{{ echo asked >>{said}; test -e {said}.more; }}"
    script = pods.awaits(f"unix://{place}", asks).replace("/run/podwright/answers", str(mark))
    with (
        subprocess.Popen(["sh", "-c", script + "wait"]) as process,
        socket.socket(socket.AF_UNIX) as engine,
    ):
        time.sleep(0.3)
        assert not said.exists()
        engine.bind(str(place))
        while not said.exists():
            time.sleep(0.01)
        assert not mark.exists()
        Path(f"{said}.more").touch()
        assert process.wait(10) == 0
        assert mark.exists()


@pytest.mark.parametrize("name", ["buildkit", "dind", "dind-sidecar", "podman"])
def test_an_engine_on_a_claim_is_waited_for_ten_minutes_longer(name: str) -> None:
    def env(made: dict[str, Any]) -> dict[str, str]:
        return {item["name"]: item.get("value", "") for item in container(made, "builder")["env"]}

    assert env(pod(name)).get("PODWRIGHT_LOCK_WAIT", "0") in {"0", "60"}
    assert env(pod(name, cacheClaim="big"))["PODWRIGHT_LOCK_WAIT"] == "600"
    assert "PODWRIGHT_LOCK_WAIT" not in env(pod("buildah", cacheClaim="big"))


@pytest.mark.parametrize("name", ["buildkit", "dind", "dind-sidecar", "dood", "podman"])
def test_a_pod_with_an_engine_is_ready_when_that_answers(name: str) -> None:
    builder = container(pod(name), "builder")
    command = builder["readinessProbe"]["exec"]["command"]
    assert command[2].startswith("until [ -e /run/podwright/answers ]")
    assert ": >/run/podwright/answers" in builder["command"][2]
    assert not {"startupProbe", "lifecycle"} & builder.keys()

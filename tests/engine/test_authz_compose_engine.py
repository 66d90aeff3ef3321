# ruff: noqa: ANN001, ANN002, ANN003, ANN201, ANN202 - fixtures and parameters
"""The real docker compose through plugin and gate, with the profile that is made for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import engines
import pytest
from engines import KINDS, WORKSPACE

PLUGINS = ("docker-compose", "docker-buildx")
SHOP = """
services:
  db:
    image: {image}
    command: [sh, -c, "echo from-the-db > /data/index.html; echo serving; exec {httpd}"]
    volumes: [data:/data]
    healthcheck: {{test: [CMD, "true"], interval: 1s}}
    stop_grace_period: 0s
  web:
    build: {{context: app, args: {{GREETING: hi}}}}
    depends_on: {{db: {{condition: service_healthy}}}}
    environment: {{A: b}}
    volumes: ["data:/mine:ro"]
    ports: ["127.0.0.1::8080"]
    command: [sleep, "100000"]
    stop_grace_period: 0s
volumes: {{data: {{}}}}
"""
DOCKERFILE = """FROM {image}
ARG GREETING
RUN echo built-$GREETING > /greeting
COPY given /given
"""
HTTPD = "busybox httpd -f -p 80 -h /data"
MUST_EXIST = "bind: {{create_host_path: false}}"
GET = "busybox wget -qO- http://db/index.html"
# What projects ask for beyond the plain things, all of it allowed.
MANY = """
services:
  a: &sleeper
    image: {image}
    command: [sleep, "100000"]
    stop_grace_period: 0s
    init: true
    read_only: true
    cap_drop: [ALL]
    cap_add: [CHOWN]
    tmpfs: ["/scratch:size=1m,mode=1777"]
    ulimits: {{nofile: {{soft: 64, hard: 64}}}}
    shm_size: 1m
    user: "1000:1000"
    group_add: ["1001"]
    extra_hosts: ["x:127.0.0.1"]
    hostname: h
    logging: {{driver: json-file, options: {{max-size: 1m}}}}
    deploy: {{resources: {{limits: {{cpus: "1", memory: 64m, pids: 64}}}}}}
    security_opt: [no-new-privileges]
    sysctls: {{net.ipv4.ip_unprivileged_port_start: "0"}}
    networks: {{front: {{aliases: [alpha]}}, back: {{}}}}
    restart: on-failure
    volumes:
      - {{type: volume, source: v, target: /v, volume: {{nocopy: true}}}}
      - {{type: tmpfs, target: /t, tmpfs: {{size: 1000000}}}}
      - /anonymous
  b:
    image: {image}
    command: [sleep, "100000"]
    stop_grace_period: 0s
    network_mode: "service:a"
  c:
    image: {image}
    command: [sleep, "100000"]
    stop_grace_period: 0s
    networks: [back]
    links: [a]
    secrets: [token]
    configs: [{{source: inline, target: /etc/inline}}]
secrets: {{token: {{environment: TOKEN}}}}
configs: {{inline: {{content: written-in-the-project}}}}
networks:
  front: {{}}
  back: {{internal: true, ipam: {{config: [{{subnet: 198.18.123.0/24}}]}}}}
volumes: {{v: {{labels: {{x: y}}}}}}
"""


def ok(done):
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module", params=KINDS)
def pod(request, places):
    """A pod whose policy has the profile ``compose``, and a docker command that knows compose."""
    engine = engines.engine_of(request.param)
    config = {"profile": "compose"}
    with engines.Pod(places / f"compose-{request.param}", engine, config) as made:
        command = [sys.executable, str(engines.BINARIES), *PLUGINS]
        subprocess.run(command, check=True, capture_output=True)
        folder = made.place / "cli" / "cli-plugins"
        folder.mkdir(parents=True)
        for name in PLUGINS:
            (folder / name).symlink_to(Path(engines.program_dir(name)) / name)
        with engines.busybox_image(made) as image:
            made.image = image
        yield made


@pytest.fixture
def project(pod, tmp_path):
    """A project of its own name; says ``compose(*words)``, and leaves nothing behind."""
    name = f"p{uuid.uuid4().hex[:8]}"

    def compose(*words, text=None, **env):
        if text is not None:
            (tmp_path / "compose.yaml").write_text(
                text.format(image=pod.image, httpd=HTTPD), encoding="utf-8"
            )
        file = str(tmp_path / "compose.yaml")
        return pod.docker("compose", "-p", name, "-f", file, *words, **env)

    compose.name, compose.folder = name, tmp_path
    yield compose
    if (tmp_path / "compose.yaml").exists():
        ok(compose("down", "-v", "--remove-orphans", "--rmi", "local", "-t", "0"))
    assert left(pod, name) == []


def left(pod, name):
    """Everything that the engine has of a project."""
    found = []
    for kind in (["ps", "-a"], ["volume", "ls"], ["network", "ls"]):
        label = f"label=com.docker.compose.project={name}"
        found += ok(pod.docker(*kind, "-q", "--filter", label)).split()
    return found


@pytest.fixture
def shop(pod, project):
    """The project of two services and a build, not started yet."""
    app = project.folder / "app"
    app.mkdir()
    (app / "Dockerfile").write_text(DOCKERFILE.format(image=pod.image), encoding="utf-8")
    (app / "given").write_text("given\n", encoding="utf-8")
    ok(project("config", "--quiet", text=SHOP))
    return project


@pytest.mark.parametrize("way", ["BuildKit", "classic"])
def test_a_project_is_built_started_used_and_removed(pod, shop, way):
    env = {"DOCKER_BUILDKIT": "0"} if way == "classic" else {}
    words = ok(shop("--progress", "plain", "build", **env))
    assert ("Successfully tagged" in words) == (way == "classic")
    ok(shop("up", "-d"))
    running = [json.loads(line) for line in ok(shop("ps", "--format", "json")).splitlines()]
    assert {(one["Service"], one["State"]) for one in running} == {
        ("db", "running"),
        ("web", "running"),
    }
    assert ok(shop("exec", "-T", "web", *GET.split())) == "from-the-db\n"
    said = ok(shop("exec", "-T", "web", "cat", "/greeting", "/given", "/mine/index.html"))
    assert said == "built-hi\ngiven\nfrom-the-db\n"
    assert "serving" in ok(shop("logs", "db"))
    assert ok(shop("port", "web", "8080")).startswith("127.0.0.1:")
    assert ok(shop("run", "--rm", "-T", "web", *GET.split())) == "from-the-db\n"
    fails = shop(
        "run", "--rm", "-T", "--no-deps", "-e", "A=c", "web", "sh", "-c", "echo $A; exit 3"
    )
    assert (fails.returncode, fails.stdout) == (3, b"c\n")
    ok(shop("down", "-v", "-t", "0"))
    assert left(pod, shop.name) == []


def test_the_commands_around_a_project_work(shop):
    ok(shop("up", "-d", "--scale", "web=2"))
    for words in (
        "top",
        "images",
        "ls",
        "stats --no-stream",
        "pause web",
        "unpause web",
        "cp app/given web:/tmp/x",
        "cp web:/greeting greeting",
        "restart -t 0 web",
        "kill db",
        "start db",
        "up -d --force-recreate -t 0",
        "pull --ignore-buildable --policy missing",
        "stop -t 0",
        "rm -f",
        "create",
        "volumes",
    ):
        told = [
            str(shop.folder / word) if word in ("app/given", "greeting") else word
            for word in words.split()
        ]
        ok(shop(*told))
    assert (shop.folder / "greeting").read_text(encoding="utf-8") == "built-hi\n"


def test_a_project_may_ask_for_much(pod, project):
    ok(project("up", "-d", text=MANY, TOKEN="t0ken"))
    if pod.engine.old:
        words = ["sh", "-c", "cat /etc/inline"]
    else:
        words = ["cat", "/run/secrets/token", "/etc/inline"]
        assert ok(project("exec", "-T", "c", *words)) == "t0kenwritten-in-the-project"
    assert "written-in-the-project" in ok(project("exec", "-T", "c", *words))
    ok(project("down", "-v", "-t", "0", TOKEN="t0ken"))


@pytest.mark.parametrize(
    "volume",
    [
        f"{WORKSPACE}/{{job}}:/src",
        f"{{{{type: bind, source: {WORKSPACE}/{{job}}, target: /src, read_only: true}}}}",
        f"{{{{type: bind, source: {WORKSPACE}/{{job}}, target: /src, {MUST_EXIST}}}}}",
    ],
    ids=["short", "long", "must-be-there"],
)
def test_the_workspace_is_mounted_as_the_project_says(pod, project, volume):
    if pod.engine.old:
        pytest.skip("engines before 26 have no sub-paths of volumes")
    job = pod.place / "workspace" / project.name
    job.mkdir()
    (job / "f").write_text("of the workspace", encoding="utf-8")
    line = volume.replace("{job}", project.name)
    text = f"services: {{{{a: {{{{image: '{{image}}', volumes: [{line}]}}}}}}}}\n"
    assert ok(project("run", "--rm", "-T", "a", "cat", "/src/f", text=text)) == "of the workspace"
    shutil.rmtree(job)


REFUSED = {
    "privileged: true": ("container.privileged", "HostConfig.Privileged"),
    "volumes: ['/etc:/host']": ("container.bind", "HostConfig.Binds"),
    "volumes: ['/:/host:ro']": ("container.bind", "HostConfig.Binds"),
    "volumes: ['/var/run/docker.sock:/var/run/docker.sock']": (
        "container.bind",
        "HostConfig.Binds",
    ),
    "volumes: [{{type: bind, source: /etc, target: /host, bind: {{create_host_path: false}}}}]": (
        "container.bind",
        "HostConfig.Mounts",
    ),
    "pid: host": ("container.pid", "HostConfig.PidMode"),
    "pid: 'service:other'": ("container.pid", "HostConfig.PidMode"),
    "ipc: host": ("container.ipc", "HostConfig.IpcMode"),
    "uts: host": ("container.uts", "HostConfig.UTSMode"),
    "userns_mode: host": ("container.userns", "HostConfig.UsernsMode"),
    "cgroup: host": ("container.cgroup", "HostConfig.CgroupnsMode"),
    "cgroup_parent: /x": ("container.cgroup", "HostConfig.CgroupParent"),
    "network_mode: host": ("network.host", "HostConfig.NetworkMode"),
    "devices: ['/dev/null:/dev/x']": ("container.device", "HostConfig.Devices"),
    "device_cgroup_rules: ['a *:* rwm']": ("container.device", "HostConfig.DeviceCgroupRules"),
    "gpus: all": ("container.device", "HostConfig.DeviceRequests"),
    "cap_add: [SYS_ADMIN]": ("container.capability", "HostConfig.CapAdd"),
    "cap_add: [ALL]": ("container.capability", "HostConfig.CapAdd"),
    "security_opt: ['seccomp:unconfined']": ("container.security-opt", "HostConfig.SecurityOpt"),
    "security_opt: ['apparmor=unconfined']": ("container.security-opt", "HostConfig.SecurityOpt"),
    "sysctls: {{kernel.core_pattern: '|/x'}}": ("container.sysctl", "HostConfig.Sysctls"),
    "runtime: other": ("container.runtime", "HostConfig.Runtime"),
    "volumes_from: [other]": ("container.volumes-from", "HostConfig.VolumesFrom"),
    "logging: {{driver: syslog}}": ("container.log-driver", "HostConfig.LogConfig"),
    "oom_kill_disable: true": ("container.oom", "HostConfig.OomKillDisable"),
    "annotations: {{a: b}}": ("container.annotations", "HostConfig.Annotations"),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_would_reach_the_engine_is_refused_with_its_rule(pod, project, line):
    rule, field = REFUSED[line]
    text = (
        "services:\n"
        "  other: {{image: '{image}', command: ['sleep', '100000'], stop_grace_period: 0s}}\n"
        "  bad:\n"
        "    image: '{image}'\n"
        f"    {line}\n"
    )
    done = project("up", "-d", text=text)
    assert done.returncode != 0
    said = done.stderr.decode()
    assert f"podwright: [{rule}] {field}" in said
    assert ok(project("ps", "-a", "-q", "bad")) == ""


REFUSED_PARTS = {
    "volumes": (
        "{{driver: local, driver_opts: {{type: none, o: bind, device: /etc}}}}",
        "volume.options",
    ),
    "networks": ("{{driver: macvlan}}", "network.driver"),
}


@pytest.mark.parametrize("kind", REFUSED_PARTS)
def test_volumes_and_networks_that_reach_the_engine_are_refused(pod, project, kind):
    options, rule = REFUSED_PARTS[kind]
    use = {"volumes": "volumes: ['part:/x']", "networks": "networks: [part]"}[kind]
    text = f"services:\n  bad:\n    image: '{{image}}'\n    {use}\n{kind}:\n  part: {options}\n"
    done = project("up", "-d", text=text)
    assert done.returncode != 0
    assert f"podwright: [{rule}]" in done.stderr.decode()
    names = ok(pod.docker(kind[:-1], "ls", "--format", "{{.Name}}")).split()
    assert f"{project.name}_part" not in names


def test_a_privileged_exec_is_refused(project):
    text = (
        "services: {{a: {{image: '{image}', command: [sleep, '100000'], stop_grace_period: 0s}}}}"
    )
    ok(project("up", "-d", text=text))
    done = project("exec", "-T", "--privileged", "a", "true")
    assert done.returncode != 0
    assert "[exec.privileged] Privileged: a privileged process" in done.stderr.decode()


def test_a_build_with_the_engines_network_is_refused(pod, project):
    """By the plugin in the classic builder; with BuildKit already buildx refuses to pass it on.

    That BuildKit refuses it when buildx does pass it on is tested with buildx.
    """
    (project.folder / "Dockerfile").write_text(f"FROM {pod.image}\nRUN true\n", encoding="utf-8")
    text = "services: {{a: {{build: {{context: ., network: host}}}}}}\n"
    done = project("build", text=text, DOCKER_BUILDKIT="0")
    assert done.returncode != 0
    assert "[network.host]" in done.stderr.decode()
    done = project("build", text=text)
    assert done.returncode != 0
    assert "network.host" in done.stderr.decode()


def test_the_profile_run_shares_no_networks_for_compose_either(make_pod, tmp_path):
    pod = make_pod("new")
    (pod.place / "cli" / "cli-plugins").mkdir(parents=True)
    program = Path(engines.program_dir("docker-compose")) / "docker-compose"
    (pod.place / "cli" / "cli-plugins" / "docker-compose").symlink_to(program)
    with engines.busybox_image(pod) as image:
        file = tmp_path / "compose.yaml"
        sleep = f"image: '{image}', command: [sleep, '100000']"
        file.write_text(
            f"services: {{a: {{{sleep}}}, b: {{{sleep}, network_mode: 'service:a'}}}}\n",
            encoding="utf-8",
        )
        done = pod.docker("compose", "-p", "shared", "-f", str(file), "up", "-d")
    assert done.returncode != 0
    assert "[network.container] HostConfig.NetworkMode: profile 'run'" in done.stderr.decode()


def test_the_example_of_an_integration_test_passes_and_fails_as_its_service_does(pod, project):
    example = Path(__file__).parents[2] / "examples" / "compose"
    shutil.copytree(example / "app", project.folder / "app")
    dockerfile = project.folder / "app" / "Dockerfile"
    base = "docker.io/library/busybox:1.37"
    dockerfile.write_text(dockerfile.read_text().replace(base, pod.image), encoding="utf-8")
    text = (example / "compose.yaml").read_text().replace("{", "{{").replace("}", "}}")
    text = text.replace(base, "{image}")
    # What the pipeline runs.
    last = (example / "test.sh").read_text().splitlines()[-1]
    words = last.removeprefix("docker compose ").split()

    passed = project(*words, text=text)
    failed = project(*words, text=text.replace("'hello from compose'", "other"))

    assert "hello from compose" in ok(passed)
    assert failed.returncode == 1

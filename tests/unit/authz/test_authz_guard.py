# ruff: noqa: ANN001, ANN003, ANN201, ANN202 - fixtures and parameters
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading

import pytest

from podwright import authz
from podwright.authz import guard

SHELLS = [
    shell for shell in (["sh"], ["busybox", "sh"], ["bash", "--posix"]) if shutil.which(shell[0])
]


def test_the_hardened_daemon_json():
    assert authz.daemon_config() == {
        "authorization-plugins": ["podwright"],
        "builder": {
            "Entitlements": {"device": False, "network-host": False, "security-insecure": False}
        },
        "default-address-pools": [{"base": "198.18.0.0/15", "size": 24}],
        "data-root": "/var/lib/docker",
        "group": "65532",
        "hosts": ["unix:///run/podwright-engine/docker.sock"],
        "icc": False,
        "ip": "127.0.0.1",
        "live-restore": False,
        "no-new-privileges": True,
    }


def test_further_keys_are_taken_and_the_hardened_ones_win():
    extra = {"mtu": 1400, "authorization-plugins": [], "hosts": ["tcp://0.0.0.0:2375"], "icc": True}
    options = authz.EngineOptions(extra=tuple(extra.items()), plugins=("other", "podwright"))
    config = authz.daemon_config(options)
    assert config["mtu"] == 1400
    assert config["authorization-plugins"] == ["podwright", "other"]
    assert config["hosts"] == ["unix:///run/podwright-engine/docker.sock"]
    assert config["icc"] is False


def test_options_loosen_only_what_they_name():
    config = authz.daemon_config(authz.EngineOptions(new_privileges=True))
    assert config == {**authz.daemon_config(), "no-new-privileges": False}


def test_the_command_is_the_guard_with_its_arguments():
    assert authz.engine_command()[:2] == ["sh", "-c"]
    assert authz.engine_command()[3:] == [
        "guard",
        "no",
        "podwright",
        "/var/lib/docker",
        "workspace",
        '{"MountType": "none", "MountOpts": "bind", "MountDevice": "/home/jenkins/agent"}',
        "dockerd-entrypoint.sh",
        "/etc/podwright/daemon.json",
        "yes",
    ]


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def started(request, tmp_path, monkeypatch):
    """Run the guard in a shell with a dockerd that only says its version and its arguments."""
    monkeypatch.setattr(guard, "PLUGIN_DIR", str(tmp_path))
    programs = tmp_path / "bin"
    programs.mkdir()
    config = tmp_path / "daemon.json"
    config.write_text(json.dumps(authz.daemon_config()), encoding="utf-8")
    with socket.socket(socket.AF_UNIX) as plugin:
        plugin.bind(str(tmp_path / "podwright.sock"))

        def run(says="Docker version 29.5.1, build x", launcher="launch", wait="0", **options):
            dockerd = programs / "dockerd"
            dockerd.write_text(
                f'#!/bin/sh\n[ "$1" = --version ] && echo "{says}" || echo run "$@"\n'
            )
            dockerd.chmod(0o755)
            given = {
                "config": str(config),
                "data_root": str(tmp_path / "data"),
                "launcher": launcher,
                "close": False,  # tests have no mount namespace of their own; tests/engine tries it
            }
            command = authz.engine_command(authz.EngineOptions(**{**given, **options}))
            done = subprocess.run(
                [*request.param, *command[1:], "--storage-driver=overlay2"],
                capture_output=True,
                text=True,
                check=False,
                env={
                    "PATH": f"{programs}:{os.environ['PATH']}",
                    "PODWRIGHT_PLUGIN_WAIT": wait,
                },
            )
            return done.returncode, done.stdout, done.stderr

        yield run


def refused(words):
    return 78, "", f"podwright: the engine is not started: {words}\n"


def test_a_good_engine_is_started_with_further_arguments(started, tmp_path):
    config = tmp_path / "daemon.json"
    assert started() == (0, f"run --config-file {config} --storage-driver=overlay2\n", "")
    volume = tmp_path / "data" / "volumes" / "workspace"
    assert (volume / "_data").is_dir()
    assert json.loads((volume / "opts.json").read_text(encoding="utf-8")) == {
        "MountType": "none",
        "MountOpts": "bind",
        "MountDevice": "/home/jenkins/agent",
    }


def test_the_images_own_launcher_is_used_when_it_is_there(started, tmp_path):
    launcher = tmp_path / "bin" / "launch"
    launcher.write_text('#!/bin/sh\necho launched "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)
    assert started()[1].startswith("launched dockerd --config-file ")


def test_without_a_workspace_no_volume_is_made(started, tmp_path):
    assert started(workspace="")[0] == 0
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("29.5.1", True),
        ("29.5.10", True),
        ("29.10.0", True),
        ("30.0.0", True),
        ("29.7.2-rc.1", True),
        ("29.5.0", False),
        ("29.5", False),
        ("28.5.2", False),
        ("9.99.99", False),
        ("20.10.24+dfsg1", False),
    ],
)
def test_versions_are_compared_as_numbers(started, version, good):
    code, out, err = started(f"Docker version {version}, build x")
    assert (code == 0) is good
    if not good:
        plain = version.partition("+")[0]
        words = (
            f"containers can leave Docker Engine {plain} by way of docker cp (CVE-2026-42306, "
            "CVE-2026-41568); use 29.5.1 or newer, or accept it knowingly in the config"
        )
        assert (code, out, err) == refused(words)


def test_an_old_engine_may_be_accepted_knowingly(started):
    code, out, err = started("Docker version 20.10.24, build x", accept_old=True)
    assert (code, out[:4]) == (0, "run ")
    assert err == (
        "podwright: Docker Engine 20.10.24 is older than 29.5.1 and was accepted by the config\n"
    )


def test_an_engine_without_a_version_is_refused_even_if_old_ones_are_accepted(started):
    words = "dockerd does not say its version; use an image with Docker Engine 29.5.1 or newer"
    assert started("podman", accept_old=True) == refused(words)


def test_a_plugin_that_comes_later_is_waited_for(started, tmp_path):
    """Its container was started just before the engine's."""
    with socket.socket(socket.AF_UNIX) as plugin:
        plugin.bind(str(tmp_path / "early.sock"))
        move = (tmp_path / "early.sock").rename
        late = threading.Timer(0.3, move, [tmp_path / "second.sock"])
        late.start()
        code, _, err = started(plugins=("podwright", "second"), wait="20")
        late.join()
    assert (code, err) == (0, "")


def test_a_missing_plugin_is_named(started, tmp_path):
    assert started(plugins=("second",)) == refused(
        f"the authorization plugin second is not there (no socket in {tmp_path}); see the log of "
        "container authz"
    )


def test_a_config_without_plugins_is_refused(started, tmp_path):
    (tmp_path / "daemon.json").write_text("{}", encoding="utf-8")
    assert started() == refused(
        f"{tmp_path}/daemon.json names no authorization plugin; without one the API would be open"
    )


def test_the_text_is_plain_posix_for_every_shell_here():
    for shell in SHELLS:
        subprocess.run([*shell, "-n", "-c", guard.engine_script()], check=True)

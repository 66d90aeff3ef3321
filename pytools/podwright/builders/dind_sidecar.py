"""A Docker Engine as a native sidecar, policed by an authorization plugin."""

from __future__ import annotations

import json

from podwright import pod
from podwright.builders import _docker
from podwright.builders._base import Build, Builder, PodParts, Recipe, Setting
from podwright.errors import UsageError
from podwright.request import Registry
from podwright.resources import Later, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright import authz
else:
    authz = Later("podwright.authz")

# The sockets that only plugin and engine may see, and the one that the client may.
PLUGINS, ENGINE, CLIENT = "plugins", "engine-socket", "client-socket"
WORKSPACE = "workspace-volume"


class DindSidecar(Builder):
    """A Docker Engine of its own beside an unprivileged client, behind a policy.

    Costs: the engine is privileged; the authorization plugin keeps pipelines from using that.
    """

    features = _docker.FEATURES | {"cacheClaim"}
    level = "privileged"
    needs = "a namespace that admits privileged containers (the engine's)"
    rank = 60

    def pod(self, setting: Setting) -> PodParts:
        """A client that passes `restricted`, the plugin, and the engine, started in that order."""
        problems = authz.problems(setting.policy)
        if problems:
            raise UsageError(problems)
        options = _options(setting)
        return PodParts(
            builder=_client(setting),
            engines=(_plugin(setting), _engine(setting, options)),
            volumes=(
                pod.scratch("storage", "20Gi"),
                pod.scratch("tmp"),
                *(pod.scratch(name) for name in (PLUGINS, ENGINE, CLIENT)),
                # The kubernetes plugin makes this volume unless it is there; the engine mounts it
                # so that `-v "$PWD":/src` can mean the workspace.
                pod.scratch(WORKSPACE),
            ),
            storage="storage",
            files={
                "daemon.json": json.dumps(authz.daemon_config(options), sort_keys=True),
                "authz.py": authz.source(),
            },
            reasons={"engine": "privileged: dockerd mounts, makes networks and cgroups"},
        )

    def daemon_setting(self, registry: Registry) -> bool:
        """All settings are dockerd's."""
        return registry != Registry()

    def recipe(self, build: Build) -> Recipe:
        """Build into the engine, then push each tag."""
        return _docker.recipe(build)


def _options(setting: Setting) -> authz.EngineOptions:
    """Give the engine's options; policy and engine must name the workspace alike."""
    places = {
        name: setting.policy[name] for name in ("workspace", "volume") if name in setting.policy
    }
    return authz.EngineOptions(
        accept_old=setting.engine.acceptOld,
        new_privileges=setting.engine.newPrivileges,
        extra=_docker.registry_settings(setting.registries),
        **places,
    )


def _client(setting: Setting) -> dict[str, Any]:
    """The client may connect to its socket, but not replace it."""
    client = pod.container(
        "builder",
        setting.images["docker-cli"],
        command=pod.KEEP_ALIVE,
        env={"DOCKER_HOST": authz.CLIENT_HOST, "HOME": pod.TMP},
        mounts={CLIENT: authz.CLIENT_DIR},
        resources=pod.CLIENT,
        security=pod.RESTRICTED,
    )
    client["volumeMounts"][0]["readOnly"] = True
    return client


def _plugin(setting: Setting) -> dict[str, Any]:
    """The authorization plugin, without any right.

    The engine waits for a plugin that hangs, for ever, so the kubelet has to notice.
    """
    plugin = pod.sidecar(
        "authz",
        setting.images["tools"],
        command=authz.command(setting.policy),
        mounts={
            PLUGINS: authz.PLUGIN_DIR,
            ENGINE: authz.ENGINE_DIR,
            CLIENT: authz.CLIENT_DIR,
        },
        resources=pod.TOOLS,
        security={**authz.SECURITY_CONTEXT, "privileged": False},
        probe=authz.probe(),
    )
    plugin["livenessProbe"] = {
        "exec": {"command": authz.probe()},
        "periodSeconds": 10,
        "timeoutSeconds": 5,
        "failureThreshold": 3,
    }
    return plugin


def _engine(setting: Setting, options: authz.EngineOptions) -> dict[str, Any]:
    """The engine: storage is checked, then the plugin, then dockerd starts."""
    engine = pod.sidecar(
        "engine",
        setting.images["docker-engine"],
        command=["sh", "-c", text("engine.sh"), "engine"],
        args=authz.engine_command(options),
        env=_docker.engine_env(setting),
        mounts={
            "storage": _docker.DATA_ROOT,
            "tmp": pod.TMP,
            PLUGINS: authz.PLUGIN_DIR,
            ENGINE: authz.ENGINE_DIR,
            WORKSPACE: pod.WORKING_DIR,
        },
        resources=pod.ENGINE,
        security=_docker.PRIVILEGED,
        probe=["docker", "--host", f"unix://{authz.ENGINE_SOCKET}", "version"],
    )
    engine["volumeMounts"] += pod.certificate_mounts(setting.registries, _docker.CERTIFICATES)
    return engine


STRATEGY = DindSidecar()

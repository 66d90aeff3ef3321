"""A Docker Engine as a native sidecar, policed by an authorization plugin."""

from __future__ import annotations

import functools
import json

from podwright.builders import _docker
from podwright.builders._base import (
    Build,
    PodContext,
    PodParts,
    Recipe,
    Strategy,
    pod,
)
from podwright.request import Registry
from podwright.resources import LazyModule, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright import authz
else:
    authz = LazyModule("podwright.authz")

# The sockets that only plugin and engine may see, and the one that the client may.
PLUGINS, ENGINE, CLIENT = "plugins", "engine-socket", "client-socket"
WORKSPACE = "workspace-volume"


class DindSidecar(Strategy):
    """A Docker Engine of its own beside an unprivileged client, behind a policy.

    Costs: the engine is privileged; the authorization plugin keeps pipelines from using that.
    """

    features = _docker.FEATURES | {"cacheClaim"}
    options = _docker.OPTIONS
    cache_types = _docker.CACHE_TYPES
    cache_in_tag = True
    level = "privileged"
    needs = "a namespace that admits privileged containers (the engine's)"
    also = ("docker",)
    rank = 60
    daemon_proxy = True

    def pod(self, context: PodContext) -> PodParts:
        """A client that passes `restricted`, the plugin, and the engine, started in that order."""
        settings, command = _engine(**_engine_options(context))
        return PodParts(
            builder=_docker.client(
                context, authz.CLIENT_HOST, (CLIENT, authz.CLIENT_DIR), pod.CLIENT, _docker.ASKS
            ),
            engines=(_plugin_sidecar(context), _engine_sidecar(context, command)),
            volumes=(
                pod.scratch("storage", "20Gi"),
                pod.scratch("tmp"),
                pod.scratch("run"),
                *(pod.scratch(name) for name in (PLUGINS, ENGINE, CLIENT)),
                # The kubernetes plugin makes this volume unless it is there; the engine mounts it
                # so that `-v "$PWD":/src` can mean the workspace.
                pod.scratch(WORKSPACE),
            ),
            storage="storage",
            clients={"engine": _docker.CERTIFICATES},
            files={"daemon.json": settings, "authz.py": authz.source()},
            reasons={"engine": "privileged: dockerd mounts, makes networks and cgroups"},
        )

    def daemon_setting(self, registry: Registry) -> bool:
        return registry != Registry()

    def recipe(self, build: Build) -> Recipe:
        return _docker.recipe(build)


def _engine_options(context: PodContext) -> dict[str, Any]:
    """Give the engine's options; policy and engine must name the workspace alike."""
    places = {
        name: context.policy[name] for name in ("workspace", "volume") if name in context.policy
    }
    if "subnets" in context.policy:
        places["subnets"] = tuple(context.policy["subnets"])
    return {
        "accept_old": context.engine.acceptOld,
        "new_privileges": context.engine.newPrivileges,
        "extra": tuple(_docker.registry_settings(context.registries).items()),
        **places,
    }


@functools.lru_cache(maxsize=8)
def _engine(**given: Any) -> tuple[str, list[str]]:
    """Give daemon.json and the engine's command; most pods of one config have the same."""
    options = authz.EngineOptions(**given)
    settings = json.dumps(authz.daemon_config(options), sort_keys=True)
    return settings, authz.engine_command(options)


def _plugin_sidecar(context: PodContext) -> dict[str, Any]:
    """The authorization plugin, without any right.

    The engine waits for a plugin that hangs, for ever, so the kubelet has to notice.
    """
    liveness = {
        "exec": {"command": authz.probe()},
        "periodSeconds": 20,
        "timeoutSeconds": 20,  # on a busy node a Python needs seconds to start
        "failureThreshold": 6,
    }
    return pod.sidecar(
        "authz",
        context.images["tools"],
        command=authz.command(context.policy),
        mounts={
            PLUGINS: authz.PLUGIN_DIR,
            ENGINE: authz.ENGINE_DIR,
            CLIENT: authz.CLIENT_DIR,
        },
        resources=pod.TOOLS,
        security={**authz.SECURITY_CONTEXT, "privileged": False},
        more={"livenessProbe": liveness},
    )


def _engine_sidecar(context: PodContext, command: list[str]) -> dict[str, Any]:
    """The engine: storage is checked, then the plugin, then dockerd starts."""
    return pod.sidecar(
        "engine",
        context.images["docker-engine"],
        command=["sh", "-c", text("engine.sh"), "engine"],
        args=list(command),
        env=_docker.engine_env(context),
        mounts={
            "storage": _docker.DATA_ROOT,
            "tmp": pod.TMP,
            "run": "/run",
            PLUGINS: authz.PLUGIN_DIR,
            ENGINE: authz.ENGINE_DIR,
            WORKSPACE: pod.WORKING_DIR,
        },
        more_mounts=pod.certificate_mounts(context.registries, _docker.CERTIFICATES),
        resources=pod.ENGINE,
        security={**_docker.PRIVILEGED, "readOnlyRootFilesystem": True},
    )


STRATEGY = DindSidecar()

"""The node's Docker Engine, by its socket, behind a proxy."""

from __future__ import annotations

from podwright.builders import _docker
from podwright.builders._base import (
    Build,
    PodContext,
    PodParts,
    Recipe,
    Strategy,
    pod,
)
from podwright.resources import LazyModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright import dood
else:
    dood = LazyModule("podwright.dood")

SOCKET = "/var/run/docker.sock"
NODE, CLIENT = "docker-socket", "client-socket"

# Images are the node's: another build may give the same tag to its own image at any time. So it
# is given to this build's image right before the push, and looked at after it; but where the id is
# the digest, that says what was pushed.
FUNCTIONS = r"""
pw_docker_claim() { # reference
  docker tag "$(cat "$PW_TMP/iid")" "$1" ||
    pw_fail 1 "$1: the image that was built is gone from the node; build again"
}

pw_docker_kept() { # reference
  pw_iid=$(cat "$PW_TMP/iid")
  [ "$pw_iid" != "$pw_digest" ] || return 0
  pw_ids=$(docker image inspect --format '{{.Id}}' "$1" "$pw_iid" 2>/dev/null)
  [ -z "$pw_ids" ] || [ -n "$(echo "$pw_ids" | uniq -d)" ] ||
    pw_fail 1 "$1: another build on this node gave the tag to its own image while this one was \
pushed; give each build a tag of its own"
}
"""


class Dood(Strategy):
    """Docker out of Docker: the node's own engine through its socket, without privilege.

    Costs: who reaches the socket is root on the node, through the proxy as well; it keeps builds
    apart, passes limits on and cleans up.
    """

    features = _docker.FEATURES
    options = _docker.OPTIONS
    cache_types = _docker.CACHE_TYPES
    cache_in_tag = True
    level = "privileged"
    needs = "nodes that run dockerd, and a namespace that admits hostPath volumes"
    also = ("docker",)
    rank = 90
    requires = "the node's Docker Engine"

    def pod(self, context: PodContext) -> PodParts:
        """A client that passes `restricted`, and the proxy, which alone has the node's socket."""
        group, client = context.options.socketGroup, _client(context)
        return PodParts(
            builder=client,
            services=(_proxy(context, group, client["name"]),),
            volumes=(
                # `type: Socket` makes the pod wait, with an event, on nodes without dockerd;
                # without it the kubelet would make an empty directory there.
                {"name": NODE, "hostPath": {"path": SOCKET, "type": "Socket"}},
                pod.scratch(CLIENT),
            ),
            security={"supplementalGroups": [group]} if group else {},
            files={dood.SOURCE: dood.source()},
            reasons={"engine": "hostPath: the socket of the node's engine"},
        )

    def recipe(self, build: Build) -> Recipe:
        """Build into the node's engine, and push each tag, each as this build's own image."""
        if len(build.image.platforms) > 1:
            return _docker.recipe(build)  # the id is that of a list, which the engine may not keep
        return _docker.recipe(build, FUNCTIONS)

    def elsewhere(self, build: Build) -> bool:
        """The node's engine may have mirrors; what one base became can be seen in its image."""
        return build.content.stages > 1 or bool(build.content.sources)

    def local(self) -> str:
        """`docker` on PATH, with an engine that answers; no proxy is in between."""
        return "docker"


# A proxy that was killed is started again, and finds by labels what it has started. It ends with
# the container, after it has cleaned up, and ends the container when it cannot work.
_SERVES = """trap 'ends=1; kill "$proxy"' TERM
while :; do
  "$0" "$@" & proxy=$!
  wait $proxy; code=$?
  while [ "${ends-}" ] && kill -0 $proxy 2>/dev/null; do wait $proxy; code=$?; done
  [ $code -gt 128 ] && [ -z "${ends-}" ] || exit $code
  sleep 1
done"""


def _client(context: PodContext) -> dict[str, Any]:
    """The client of the proxy, which listens when the node's engine has answered it.

    Its limits are those of everything that it starts on the node; its requests keep room for that.
    """
    socket = (CLIENT, dood.CLIENT_DIR)
    client = _docker.client(context, dood.CLIENT_HOST, socket, pod.BUILD, ":")
    # Published ports are the node's.
    client["env"].append(dood.NODE_ADDRESS)
    return client


def _proxy(context: PodContext, group: int, client: str) -> dict[str, Any]:
    """The proxy; when the pod ends it starts nothing any more, and cleans up.

    No sidecar: all of the pod would be started later, the agent too. It comes back by itself.
    """
    return pod.container(
        "engine",
        context.images["tools"],
        command=["sh", "-c", _SERVES, *dood.command()],
        mounts={NODE: dood.NODE_SOCKET, CLIENT: dood.CLIENT_DIR},
        resources=pod.TOOLS,
        security=_proxy_security(group),
        more={"env": dood.variables(client), **pod.TELLS_WHY},
    )


def _proxy_security(group: int) -> dict[str, Any]:
    """Join the socket's group as user 1000 when it is known, else be its owner: user 0.

    User 0 needs no capability for that: the socket is root's own.
    """
    common = {**pod.RESTRICTED, "readOnlyRootFilesystem": True}
    if group:
        return common
    return {**common, "runAsNonRoot": False, "runAsUser": 0, "runAsGroup": 0}


STRATEGY = Dood()

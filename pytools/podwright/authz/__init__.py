"""The policed Docker Engine: an authorization plugin, a gate, and what their pod needs.

Three parts, each refusing on its own:

* the **plugin** (``policy.py``, ``server.py``): the engine asks it about every request of the
  Docker API; default deny.
* the **gate** (``gate.py``): the only way to the engine's socket. It closes what the engine does
  not show to any plugin (native gRPC over HTTP/2, repeated headers) and turns ``-v "$PWD":/src``
  into a mount of the workspace volume with a sub-path, which the engine resolves without a race.
* the **guard** (``guard.py``): a POSIX ``sh`` text that starts the engine only when the engine is
  new enough and the plugin answers.

Everything that runs in the pod is standard library and travels in the pod itself. What a builder
file needs is here, and all of it is pure::

    source() -> str                      one Python file: pod annotation, mounted by the downward API
    command(config) -> list[str]         of the container `authz` (a plain python3 image)
    probe() -> list[str]                 its startup probe (exec)
    SECURITY_CONTEXT                     its securityContext
    problems(config) -> list[str]        sentences about a wrong policy config, empty when right
    daemon_config(options) -> dict       the hardened daemon.json
    engine_script() -> str               the guard: ["sh", "-c", engine_script(), "guard"] + arguments
    engine_command(options) -> list[str] the whole command of the container `engine`
    PROFILES, *_PATH                     names and places that the pod's volumes must match

The pod needs three emptyDirs: ``plugins`` (authz + engine at PLUGIN_DIR), ``engine-socket`` (authz +
engine at ENGINE_DIR) and ``client-socket`` (authz + builder at CLIENT_DIR; the builder's DOCKER_HOST
is CLIENT_HOST). The workspace volume is mounted in the engine at the same path as in the builder.
"""

from __future__ import annotations

"""Names and places; apart, for who plans a pod needs nothing else of the plugin and the gate."""

from __future__ import annotations

PLUGIN_NAME = "podwright"
PLUGIN_DIR = "/run/docker/plugins"
CLIENT_DIR = "/run/podwright-client"
ENGINE_DIR = "/run/podwright-engine"
PLUGIN_SOCKET = f"{PLUGIN_DIR}/{PLUGIN_NAME}.sock"
CLIENT_SOCKET = f"{CLIENT_DIR}/docker.sock"
ENGINE_SOCKET = f"{ENGINE_DIR}/docker.sock"
#: Where builder and engine share the workspace, and the engine's name for that volume.
WORKSPACE = "/home/jenkins/agent"
VOLUME = "workspace"
#: For tests of network devices (RFC 2544), so neither pods nor services nor the internet have them.
SUBNETS = ("198.18.0.0/15",)

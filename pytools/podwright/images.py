"""Every image that podwright names, in one table, pinned by version.

Each can be replaced by `images: {<role>: <reference>}` in the organisation's config, because users
mirror them and tests point them at a registry of their own. The agent (`jnlp`) has none here: the
kubernetes plugin adds it, unless the organisation names one.
"""

from __future__ import annotations

from podwright.errors import Problem, guess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# role: reference. Minimum versions and their reasons: Engine >= 29.5.1 (CVE-2026-42306, a
# container can turn docker cp against the engine before it), BuildKit >= 0.31.1
# (GHSA-7236-3392-c5c6).
IMAGES: dict[str, str] = {
    "tools": "docker.io/library/python:3.14.2-slim-trixie",
    "docker-cli": "docker.io/library/docker:29.7.2-cli",
    "docker-engine": "docker.io/library/docker:29.7.2-dind",
    "buildkit": "docker.io/moby/buildkit:v0.32.2-rootless",
    "buildah": "quay.io/buildah/stable:v1.43.1",
    "kaniko": "ghcr.io/osscontainertools/kaniko:v1.28.3-debug",
    "podman": "quay.io/podman/stable:v5.8.4",
    "syft": "docker.io/anchore/syft:v1.57.1",
    "grype": "docker.io/anchore/grype:v0.121.3",
    "hadolint": "docker.io/hadolint/hadolint:v2.15.1",
    "queue": "docker.io/library/haproxy:3.2.9-alpine",
    "cosign": "ghcr.io/sigstore/cosign/cosign:v3.1.3",
}
# The role of Jenkins' agent with python3, which then plans in the place of `tools`.
AGENT = "agent"


def unknown(overrides: Mapping[str, str]) -> list[Problem]:
    """Give a problem for each role that does not exist."""
    return [
        Problem(f"unknown role '{role}'{guess(role, [*IMAGES, AGENT])}", role)
        for role in sorted(set(overrides) - {*IMAGES, AGENT})
    ]


def resolve(overrides: Mapping[str, str]) -> dict[str, str]:
    """Merge an organisation's images, whose roles were checked, over the table."""
    return {**IMAGES, **overrides}

"""podwright: container image builds for Jenkins on Kubernetes, by any strategy, from one step."""

from __future__ import annotations

__version__ = "0.1.0"

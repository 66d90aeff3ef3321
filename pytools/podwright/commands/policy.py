"""Print manifests by which Kubernetes enforces the organisation's limits.

They are for the namespace of builds: its Pod Security labels, a limit range,
and a ValidatingAdmissionPolicy that admits podwright's pods and those that
need no more. Kubernetes 1.30 or newer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from podwright import config as configs
from podwright.console import Console
from podwright.errors import UsageError

SUMMARY = "print manifests that enforce the organisation's limits"
OPTIONS = """
what {manifests}   what is printed
--config FILE      the organisation's config (PODWRIGHT_CONFIG)
--namespace NAME!  where builds run
--job NAME         a job of those that build there, for its limits
--image PLACE...   what pods may have beside podwright's images: an image, a repository, a
                   registry; the agent's image at least
--account NAME...  a service account that pods may have beside 'default'
"""


def run(options: argparse.Namespace, console: Console) -> int:
    from podwright import admission  # noqa: PLC0415 - renders pods

    text = options.config or console.env.get("PODWRIGHT_CONFIG", "")
    config = configs.load(text, None, Path(options.config or ".").parent, options.job)
    made = admission.manifests(
        config, config.rules, options.namespace, options.image, options.account
    )
    if not made:
        raise UsageError("--config: allows no strategy at all; correct 'builders' and 'limits'")
    console.result(None, {"apiVersion": "v1", "kind": "List", "items": made})
    return 0

"""The generated files of jobs as code, for ``podwright generate``: path -> content."""

from __future__ import annotations

import json
from pathlib import Path

from podwright import bundle, pages
from podwright.jobs import bundle_contents, schemas, seeding


def everything() -> dict[str, bytes]:
    """Give all generated files, by path from the repository's root."""
    package = Path(__file__).parent.parent
    root = package.parent.parent
    committed = root / bundle_contents.RESOURCE
    schema = json.dumps(schemas.json_schema(), indent=2, ensure_ascii=False) + "\n"
    return {
        bundle_contents.RESOURCE: bundle.archive(bundle_contents.members(package, committed)),
        "vars/provisionJobs.txt": pages.page(
            "provisionJobs.txt", parameters=pages.entries(seeding.Parameters)
        ).encode(),
        "docs/reference/jobs.md": schemas.reference().encode(),
        "docs/reference/jobs.schema.json": schema.encode(),
    }

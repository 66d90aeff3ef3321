"""What a controller brings along for builds: its plugins, and how its clouds are set.

Asks ``/pluginManager/api/json`` and ``/configuration-as-code/export`` (POST; jenkinsci/
configuration-as-code-plugin ConfigurationAsCode.doExport, for whoever may read the system).
"""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from podwright.doctor.examination import Requirement
from podwright.errors import PodwrightError
from podwright.sources import Document

# With which versions podwright was tried; docs/how-to/install.md says what each is for.
PLUGINS = {
    "kubernetes": "4423.vb_59f230b_ce53",
    "workflow-aggregator": "608.v67378e9d3db_1",
    "pipeline-groovy-lib": "798.v5cc688825312",
    "credentials-binding": "728",
    "git": "5.10.1",
}
_SECONDS = 30.0


def check(env: Mapping[str, str]) -> list[Requirement]:
    """Ask the controller of JENKINS_URL, as JENKINS_USER with JENKINS_TOKEN."""
    found: list[Requirement] = []
    for name, judge, path, body in (
        (
            "plugins",
            _plugins,
            "pluginManager/api/json?tree=plugins[shortName,version,active]",
            None,
        ),
        ("clouds", _clouds, "configuration-as-code/export", b""),
    ):
        try:
            found += judge(_asked(env, path, body))
        except PodwrightError as error:
            found.append(Requirement(name, "unknown", str(error)))
    return found


def _asked(env: Mapping[str, str], path: str, body: bytes | None) -> str:
    url = env["JENKINS_URL"].rstrip("/")
    pair = f"{env.get('JENKINS_USER', '')}:{env.get('JENKINS_TOKEN', '')}".encode()
    headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    request = urllib.request.Request(f"{url}/{path}", body, headers)  # noqa: S310 - the user's own
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
            text: str = answer.read().decode("utf-8")
            return text
    except urllib.error.HTTPError as error:
        why = {
            401: "the user and the token are wrong; set JENKINS_USER and JENKINS_TOKEN",
            403: "this user may not read it; ask an administrator of Jenkins",
            404: "it is not there; is the plugin configuration-as-code installed?",
        }.get(error.code, f"HTTP {error.code}")
        raise PodwrightError(f"{url} does not tell: {why}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise PodwrightError(f"{url} cannot be asked: {reason}; correct JENKINS_URL") from None


def _plugins(text: str) -> Iterator[Requirement]:
    try:
        there = {item["shortName"]: item for item in json.loads(text)["plugins"]}
    except (ValueError, KeyError, TypeError):
        raise PodwrightError("the controller's answer is no list of plugins") from None
    for name, wanted in PLUGINS.items():
        item = there.get(name)
        if item is None or not item["active"]:
            state = "is not installed" if item is None else "is not active"
            yield Requirement(name, "no", f"the plugin {state}", f"install {wanted} or newer")
        elif _version(item["version"]) < _version(wanted):
            why = f"the plugin is {item['version']}; podwright was tried with {wanted} and newer"
            yield Requirement(name, "unknown", why, "update it")
        else:
            yield Requirement(name, "yes")


def _version(text: str) -> list[int]:
    """Give the numbers in front: ``4423.vb_59f`` and ``5.10.1`` alike."""
    return [int(part) for part in re.match(r"[0-9.]*", text)[0].split(".") if part]  # type: ignore[index]


def _clouds(text: str) -> Iterator[Requirement]:
    whole = Document(text, "configuration-as-code/export").value
    jenkins = whole.get("jenkins") if isinstance(whole, dict) else None
    listed = (jenkins or {}).get("clouds") or []
    clouds = [item["kubernetes"] for item in listed if "kubernetes" in item]
    if not clouds:
        why = "there is no Kubernetes cloud, so no pod can start"
        yield Requirement("cloud", "no", why, "add one: podwright jcasc, podwright helm-values")
    for cloud in clouds:
        yield from _judged(f"cloud {cloud.get('name', '')}".strip(), cloud)


def _judged(name: str, cloud: Mapping[str, Any]) -> Iterator[Requirement]:
    """Judge one cloud's settings."""
    found = []
    if cloud.get("restrictedPssSecurityContext") is True:
        why = "restrictedPssSecurityContext changes the rights of all containers: only dood starts"
        found.append(("no", why, "turn it off, or build in a second cloud: pod: [cloud: '...']"))
    template = cloud.get("defaultsProviderTemplate")
    if template:
        why = f"all pods inherit from the template '{template}': what it adds is not podwright's"
        found.append(("unknown", why, "look that it has no containers, volumes or user of its own"))
    if not cloud.get("garbageCollection"):
        why = "pods of a controller that ended stay for their whole deadline"
        found.append(("unknown", why, "set garbageCollection: docs/how-to/install.md"))
    cap = cloud.get("containerCapStr") or cloud.get("containerCap")
    if str(cap) not in ("None", "", "2147483647"):
        found.append(("yes", f"at most {cap} pods at the same time", ""))
    for state, why, remedy in found or [("yes", "", "")]:
        yield Requirement(name, state, why, remedy)

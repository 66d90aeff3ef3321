"""Tries a registry from where doctor runs: reachability, TLS, login, push, pull, delete."""

from __future__ import annotations

from collections.abc import Iterator

from podwright.config import Config
from podwright.distribution.client import Client, Login
from podwright.distribution.repository import Repository, digest_of, manifest_of
from podwright.doctor.examination import Requirement
from podwright.errors import PodwrightError
from podwright.references import parse_name
from podwright.request import Registry

TAG = "podwright-doctor"
_SECONDS = 5.0  # for what may be gone at the next try
_KIND = "application/vnd.oci.image.{}.v1+json"
_CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'


def check(push: str, login: tuple[str, str], config: Config) -> list[Requirement]:
    """Try the registry of a repository; ends with the first thing that does not work."""
    name, _ = parse_name(push)
    setting = config.registries.get(name.registry, Registry())
    client = Client(name.registry, setting, Login(*login), _SECONDS)
    return list(_tried(Repository(client, name.path, write=True)))


def _tried(repository: Repository) -> Iterator[Requirement]:
    """Push an image without layers, pull it and delete it."""
    blob = {"mediaType": _KIND.format("config"), "digest": digest_of(_CONFIG), "size": len(_CONFIG)}
    kind = _KIND.format("manifest")
    manifest = manifest_of({"mediaType": kind, "config": blob, "layers": []})
    doing = "reached"
    try:
        repository.client.ask("GET", "/v2/", repository.scope)
        yield Requirement(doing, "yes")
        doing = "push"
        repository.put_blob(_CONFIG)
        repository.put(manifest, TAG)
        yield Requirement(doing, "yes")
        doing = "pull"
        repository.get(TAG)
        yield Requirement(doing, "yes")
        doing = "delete"
        repository.remove(manifest.digest)
        yield Requirement(doing, "yes")
    except PodwrightError as error:
        if doing == "delete":
            why = f"{error}; the tag '{TAG}' stays, and no build needs this right"
            yield Requirement(doing, "unknown", why)
        else:
            yield Requirement(doing, "no", str(error))

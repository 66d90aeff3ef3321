"""How builders are told of registries without TLS, with an authority of their own, or mirrored."""

from __future__ import annotations

import json

from podwright.references import DOCKER_HUB
from podwright.resources import LazyModule
from podwright.shell import Expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from collections.abc import Mapping

    from podwright.request import Registry
else:
    hashlib = LazyModule("hashlib")  # OpenSSL takes milliseconds to load


def signature(registries: Mapping[str, Registry]) -> str:
    """Give the settings as one text, to compare those of a pod with those of a request.

    Certificates stand in it by their hash: it travels in an environment variable, and whole bundles
    are longer than one may be (the kernel's MAX_ARG_STRLEN).
    """
    if not registries:  # as most often; `dumps` makes an encoder for each call
        return "{}"
    return json.dumps(
        {
            host: [
                item.http,
                item.skipTlsVerify,
                hashlib.sha256(item.ca.encode()).hexdigest() if item.ca else "",
                list(item.mirrors),
                item.client,
            ]
            for host, item in registries.items()
        },
        sort_keys=True,
    )


def unknown(registries: Mapping[str, Registry], made_with: str) -> list[str]:
    """Give the hosts whose settings differ from those of a signature, sorted."""
    known = json.loads(made_with)
    wanted = json.loads(signature(registries))
    return sorted(host for host, setting in wanted.items() if known.get(host) != setting)


def containers_conf(registries: Mapping[str, Registry]) -> str:
    """Give a registries.conf (containers-registries.conf(5)).

    A name without a registry is Docker Hub's, as it is for all other builders.
    """
    parts = [
        _registry_table(host, item, registries)
        for host, item in sorted(registries.items())
        if item.http or item.skipTlsVerify or item.mirrors
    ]
    return "\n".join([f"unqualified-search-registries = [{json.dumps(DOCKER_HUB)}]\n", *parts])


def _registry_table(host: str, item: Registry, registries: Mapping[str, Registry]) -> str:
    """Give the tables of one registry; JSON texts are TOML texts."""
    lines = ["[[registry]]", f"location = {json.dumps(host)}", f"insecure = {_insecure(item)}"]
    for mirror in item.mirrors:
        lines += ["[[registry.mirror]]", f"location = {json.dumps(mirror)}"]
        own = registries.get(mirror.partition("/")[0])
        # A mirror does not take over what is said of its host.
        lines += [f"insecure = {_insecure(own)}"] if own else []
    return "\n".join(lines) + "\n"


def _insecure(item: Registry) -> str:
    return str(item.http or item.skipTlsVerify).lower()


def cert_dir(registries: Mapping[str, Registry]) -> list[str]:
    """Give the flag for own authorities (containers-certs.d(5): all *.crt of the directory)."""
    given = any(item.ca for item in registries.values())
    return ["--cert-dir", Expand("$PW_TMP/certs")] if given else []


def certificate_paths(registries: Mapping[str, Registry]) -> dict[str, str]:
    """Give the path of each registry's certificates in the script's temporary directory."""
    hosts = sorted(host for host, item in registries.items() if item.ca)
    return {host: f"$PW_TMP/certs/{number}.crt" for number, host in enumerate(hosts)}


def certificates(registries: Mapping[str, Registry]) -> dict[str, str]:
    """Give the certificate files of :func:`cert_dir`, by path."""
    return {path: registries[host].ca for host, path in certificate_paths(registries).items()}

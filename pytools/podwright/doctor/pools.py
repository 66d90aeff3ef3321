"""Looks whether an organisation's pools are there; of a secret it looks at the names alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from podwright.config import Config
from podwright.doctor.cluster import Api
from podwright.doctor.examination import ADMINISTRATOR, Requirement
from podwright.pools import Pool


def check(api: Api, config: Config) -> dict[str, list[Requirement]]:
    """Give what each pool has of what its builds need."""
    return {f"pool {name}": list(_of(api, pool)) for name, pool in config.pools.items()}


def _of(api: Api, pool: Pool) -> Iterator[Requirement]:
    where = f"namespaces/{pool.namespace}"
    secret = f"/api/v1/namespaces/{api.namespace}/secrets/{pool.certificates}"
    make = f"make it: podwright pool certificates {pool.name} --namespace {api.namespace}"
    yield _asked(api, "certificates", secret, _keys, make)
    apply = f"apply deploy/pool in {pool.namespace}, or correct 'service' and 'namespace'"
    look = f"look at kubectl -n {pool.namespace} get statefulsets,pods"
    for kind in pool.daemons:
        name, judge = kind.service, partial(_ready, kind.replicas)
        yield _asked(api, f"service {name}", f"/api/v1/{where}/services/{name}", _headless, apply)
        path = f"/apis/apps/v1/{where}/statefulsets/{name}"
        yield _asked(api, f"daemons {name}", path, judge, look)


def _asked(api: Api, name: str, path: str, judge: Callable[[Any], str], remedy: str) -> Requirement:
    answer = api.call("GET", path)
    if answer.refusal and not answer.refusal.endswith("not found"):
        return Requirement(name, "unknown", answer.refusal, ADMINISTRATOR)
    why = answer.refusal or judge(answer.value)
    return Requirement(name, "no", why, remedy) if why else Requirement(name, "yes")


def _keys(secret: Any) -> str:
    known = secret.get("data") or {}
    lacking = [key for key in ("ca.crt", "tls.crt", "tls.key") if not known.get(key)]
    return f"the secret has no {', '.join(lacking)}" if lacking else ""


def _headless(service: Any) -> str:
    own = service["spec"].get("clusterIP") != "None"
    return "it has an address of its own (clusterIP), so its daemons have no names" if own else ""


def _ready(most: int, found: Any) -> str:
    wanted, ready = found["spec"].get("replicas", 1), found["status"].get("readyReplicas", 0)
    if wanted > most:
        return f"there are {wanted}, and 'replicas' of the config says {most} at most"
    return f"{ready} of {wanted} are ready" if ready < max(wanted, 1) else ""

"""Make the certificates of a pool of daemons (with openssl), and change them.

Writes two files of Secrets for `kubectl apply`: daemons.yaml, for the pool's
namespace, and client.yaml, for that of the builds. Each pool has an authority
of its own in DIR, which stays with you: who has a certificate of another pool
is refused. Run again, it makes new certificates of the same authority. With
--rotate it goes one of three steps to a new authority; between them both are
trusted, so that no build is lost.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

from podwright import config as configs
from podwright import inputs, pools
from podwright.console import Console
from podwright.errors import PodwrightError, UsageError
from podwright.pools import Pool

SUMMARY = "make the certificates of a pool of daemons"
OPTIONS = """
what {certificates}  what is made
name              the pool, as the organisation's config declares it
--config FILE     that config (PODWRIGHT_CONFIG)
--directory DIR   where they are kept (default: the name)
--namespace NAME=builds  that of the builds
--days N=90       how long they hold
--rotate          go one step to a new authority
"""

# Pods that run get a changed secret within two minutes.
_AGAIN = "--rotate again two minutes afterwards"
_SETTINGS = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = {common}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[daemons]
extendedKeyUsage = serverAuth
subjectAltName = {names}
[client]
extendedKeyUsage = clientAuth
"""


def run(options: argparse.Namespace, console: Console) -> int:
    config = configs.load(options.config or inputs.organisation(console.env), None)
    problems = list(pools.problem(options.name, config.pools, ()))
    if problems:
        raise UsageError(problems)
    pool = config.pools[options.name]
    keys = Keys(Path(options.directory or pool.name), pool, options.days)
    told = (
        keys.rotate()
        if options.rotate
        else f"certificates of the authority in {keys.folder} are made"
    )
    daemons, client = keys.leaf("daemons"), keys.leaf("client")
    names = [(f"{one.service}-daemons", pool.namespace) for one in pool.daemons]
    keys.write("daemons.yaml", [_secret(name, where, daemons) for name, where in names])
    keys.write("client.yaml", [_secret(pool.certificates, options.namespace, client)])
    services = " ".join(f"statefulset/{one.service}" for one in pool.daemons)
    steps = [
        f"kubectl apply -f {keys.folder}/client.yaml -f {keys.folder}/daemons.yaml",
        f"kubectl -n {pool.namespace} rollout restart {services}",
        f"kubectl -n {pool.namespace} rollout status {services}",
    ]
    text = "\n".join([f"{told}. Now:", *(f"  {step}" for step in steps)])
    console.result(text, {"done": told, "next": steps})
    return 0


class Keys:
    """The authority of a pool, and what it signs.

    Args:
        folder: where it is kept: `ca`, and while it is changed `next` or `old` beside it.
        pool: whose it is.
        days: how long what it signs holds.
    """

    def __init__(self, folder: Path, pool: Pool, days: int) -> None:
        self.folder = folder
        self.pool = pool
        self.days = days
        if not shutil.which("openssl"):
            raise PodwrightError(
                "there is no openssl here, which makes certificates; install it, or have "
                "cert-manager make them (deploy/pool/cert-manager)"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._path("ca.key").exists():
            self._make_authority("ca")

    def rotate(self) -> str:
        """Go one step; gives what it was."""
        if self._path("old.crt").exists():
            self._path("old.crt").unlink()
            return "step 3 of 3: the old authority is trusted no more"
        if self._path("next.crt").exists():
            self._path("ca.crt").replace(self._path("old.crt"))
            for end in ("crt", "key"):
                self._path(f"next.{end}").replace(self._path(f"ca.{end}"))
            return f"step 2 of 3: certificates are of the new authority; {_AGAIN}"
        self._make_authority("next")
        return f"step 1 of 3: the new authority is trusted as well; {_AGAIN}"

    def leaf(self, kind: str) -> dict[str, str]:
        """Sign a certificate of a kind; gives what its secret holds."""
        key, request, made = (self._path(f"{kind}.{end}") for end in ("key", "csr", "crt"))
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._openssl("req", *new, "-keyout", str(key), "-out", str(request), common=kind)
        signer = ("-CA", str(self._path("ca.crt")), "-CAkey", str(self._path("ca.key")))
        number = ("-set_serial", f"0x{secrets.token_hex(15)}", "-days", str(self.days))
        paths = ("-in", str(request), "-out", str(made))
        self._openssl("x509", "-req", *paths, *signer, *number, extensions=kind)
        trusted = [self._path(f"{name}.crt") for name in ("ca", "next", "old")]
        held = {
            "ca.crt": "".join(path.read_text("utf-8") for path in trusted if path.exists()),
            "tls.crt": made.read_text("utf-8"),
            "tls.key": key.read_text("utf-8"),
        }
        for path in (key, request, made):
            path.unlink()
        return held

    def write(self, name: str, items: list[dict[str, Any]]) -> None:
        """Write objects for kubectl, for nobody else to read."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)
        self._path(name).unlink(missing_ok=True)
        made = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def _make_authority(self, name: str) -> None:
        key, made = self._path(f"{name}.key"), self._path(f"{name}.crt")
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650")
        common = f"podwright pool {self.pool.name} {secrets.token_hex(4)}"
        words = ("-x509", *new, "-keyout", str(key), "-out", str(made))
        self._openssl("req", *words, common=common, extensions="authority")

    def _openssl(self, verb: str, *words: str, common: str = "", extensions: str = "") -> None:
        names = ", ".join(f"DNS:{name}" for name in pools.host_names(self.pool))
        settings = self._path("openssl.cnf")
        settings.write_text(_SETTINGS.format(common=common, names=names), encoding="utf-8")
        file = ("-config", str(settings)) if verb == "req" else ("-extfile", str(settings))
        chosen = ("-extensions", extensions) if extensions else ()
        command = ("openssl", verb, *words, *file, *chosen)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        settings.unlink()
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            raise PodwrightError(f"openssl {verb} failed: {said[-1]}")

    def _path(self, name: str) -> Path:
        return self.folder / name


def _secret(name: str, namespace: str, held: dict[str, str]) -> dict[str, Any]:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in held.items()}
    metadata = {"name": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "kubernetes.io/tls",
        "data": data,
    }

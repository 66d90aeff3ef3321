"""Asks the Kubernetes API: by kubectl's context, or inside a pod by its service account.

Both take the same paths and give the same answers, so that what is asked does not depend on who
may ask. A refusal is an answer, too.
"""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union

from podwright.errors import UsageError
from podwright.records import record

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
SECONDS = 30


@record
class Reply:
    """What the API said.

    Attributes:
        value: the object, or the text of a log.
        refusal: why there is none, in the API's words; '' when all went well.
    """

    value: Any = None
    refusal: str = ""

    def items(self) -> list[dict[str, Any]]:
        """Give the objects of a list; none when it was refused."""
        return (self.value or {}).get("items") or []


class Kubectl:
    """The API by the program kubectl: its context, its login."""

    def __init__(self, program: str, context: str, namespace: str) -> None:
        self._command = [program, *([f"--context={context}"] if context else [])]
        self.namespace = namespace or self._own_namespace()

    def _own_namespace(self) -> str:
        path = "jsonpath={..namespace}"
        words = [*self._command, "config", "view", "--minify", "-o", path]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.stdout.strip() or "default"

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        """Send one request."""
        verb = {"GET": "get", "POST": "create", "DELETE": "delete"}[method]
        words = [*self._command, f"--request-timeout={SECONDS}s", verb, "--raw", path]
        text = None if body is None else json.dumps(body)
        done = subprocess.run(
            [*words, *(["-f", "-"] if text else [])],
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            said = done.stderr.strip()
            return Reply(
                refusal=said.partition("): ")[2] if said.startswith("Error from") else said
            )
        return Reply(_parsed(done.stdout))


class InCluster:
    """The API by the service account of the pod around."""

    def __init__(self, env: Mapping[str, str], namespace: str) -> None:
        host, port = env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]
        self._address = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        self._trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
        self.namespace = namespace or (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        """Send one request; the token is read each time, for the kubelet renews it."""
        token = (ACCOUNT / "token").read_text(encoding="utf-8").strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data, headers, method=method)  # noqa: S310 - https
        # No proxy is between a pod and its API.
        handlers = (
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=self._trust),
        )
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=SECONDS) as answer:
                return Reply(_parsed(answer.read().decode("utf-8", "replace")))
        except urllib.error.HTTPError as error:
            said = _parsed(error.read().decode("utf-8", "replace"))
            return Reply(refusal=str(said["message"] if isinstance(said, dict) else said))
        except OSError as error:
            return Reply(refusal=str(error))


Api = Union[Kubectl, InCluster]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def connect(env: Mapping[str, str], context: str, namespace: str) -> Api:
    """Give the cluster that is asked.

    Raises:
        UsageError: there is neither kubectl nor a service account.
    """
    inside = "KUBERNETES_SERVICE_HOST" in env and (ACCOUNT / "token").exists()
    if inside and not context:
        return InCluster(env, namespace)
    program = shutil.which("kubectl")
    if program:
        return Kubectl(program, context, namespace)
    raise UsageError(
        "there is no cluster to ask: install kubectl, or run in a pod whose service account has a "
        "token"
    )

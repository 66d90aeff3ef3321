"""Token exchanges of three clouds, against servers that are as strict as the documents say."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from podwright import identities
from podwright.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STS = """<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>ASIAKEY</AccessKeyId><SecretAccessKey>secret/key+</SecretAccessKey>
<SessionToken>session==</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
KEYS = {"AccessKeyId": "ASIAKEY", "SecretAccessKey": "secret/key+", "Token": "session=="}


class Cloud(BaseHTTPRequestHandler):
    """All three, on one address; what is not asked as documented is refused."""

    asked: ClassVar[list[str]] = []
    status: ClassVar[int] = 200

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def _handle(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size).decode()
        path, _, query = self.path.partition("?")
        form = dict(urllib.parse.parse_qsl(body if self.command == "POST" else query))
        self.asked.append(f"{self.command} {path}")
        if self.status != 200:
            long = "eyJ" + "x" * 60
            self._answer(self.status, json.dumps({"error_description": f"no such pod {long}"}))
            return
        text = self._google() or self._azure(path, form) or self._amazon(path, form, body)
        self._answer(200 if text else 400, text or "{}")

    do_GET = do_POST = do_PUT = _handle  # noqa: N815

    def _google(self) -> str:
        path = "/computeMetadata/v1/instance/service-accounts/default/token"
        if self.path != path or self.headers["Metadata-Flavor"] != "Google":
            return ""
        return '{"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"}'

    def _azure(self, path: str, form: dict[str, str]) -> str:
        scope = "https://containerregistry.azure.net/"
        if path == "/tenant/oauth2/v2.0/token":
            kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            asked = ("client_credentials", "client", f"{scope}.default", kind, "pod-token")
            names = ("grant_type", "client_id", "scope", "client_assertion_type")
            given = tuple(form.get(name) for name in (*names, "client_assertion"))
            return '{"access_token": "entra"}' if given == asked else ""
        if path == "/metadata/identity/oauth2/token" and self.headers["Metadata"] == "true":
            good = form == {"api-version": "2018-02-01", "resource": scope}
            return '{"access_token": "entra"}' if good else ""
        if path == "/oauth2/exchange" and form.get("access_token") == "entra":
            good = form.get("grant_type") == "access_token"
            body = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 9000}).encode())
            token = f"h.{body.decode().rstrip('=')}.s"
            return json.dumps({"refresh_token": token}) if good and form["service"] else ""
        return ""

    def _amazon(self, path: str, form: dict[str, str], body: str) -> str:
        if form.get("Action") == "AssumeRoleWithWebIdentity":
            wanted = {"Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/r"}
            wanted["WebIdentityToken"] = "pod-token"
            return STS if wanted.items() <= form.items() else ""
        if path == "/v1/credentials":
            return json.dumps(KEYS) if self.headers["Authorization"] == "pod-token" else ""
        if path.startswith("/latest/"):
            return self._node(path)
        target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
        if self.headers["X-Amz-Target"] != target or body != "{}":
            return ""
        return self._ecr(body)

    def _node(self, path: str) -> str:
        if path == "/latest/api/token":
            return "imds" if self.headers["X-aws-ec2-metadata-token-ttl-seconds"] else ""
        if self.headers["X-aws-ec2-metadata-token"] != "imds":
            return ""
        folder = "/latest/meta-data/iam/security-credentials/"
        return {folder: "node-role", f"{folder}node-role": json.dumps(KEYS)}.get(path, "")

    def _ecr(self, body: str) -> str:
        """Sign what came by the same keys, and compare."""
        stamp = time.strptime(self.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        given = {name: self.headers[name] for name in ("Content-Type", "X-Amz-Target")}
        keys = (KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])
        address = f"http://{self.headers['Host']}"
        wanted = identities.signed_headers(
            address, given, body.encode(), keys=keys, region="eu-central-1", now=stamp
        )
        if self.headers["Authorization"] != wanted["Authorization"]:
            return ""
        token = base64.b64encode(b"AWS:ecr-password").decode()
        ends = time.time() + 43200
        data = [{"authorizationToken": token, "expiresAt": ends, "proxyEndpoint": "https://x"}]
        return json.dumps({"authorizationData": data})


@pytest.fixture
def cloud() -> Iterator[str]:
    """Give the host of a running cloud."""
    Cloud.asked.clear()
    Cloud.status = 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def token(tmp_path: Path) -> str:
    """Give the path of a projected service account token."""
    path = tmp_path / "token"
    path.write_text("pod-token\n")
    return str(path)


def asked_for(kind: str, registry: str, **more: Any) -> dict[str, Any]:
    """Give an entry as it is planned."""
    return {"index": 0, "kind": kind, "registry": registry, **more}


ECR = asked_for("ecr", "123456789012.dkr.ecr.eu-central-1.amazonaws.com")


def test_google_gives_its_metadata_servers_token(cloud: str) -> None:
    asked = asked_for("gar", "europe-docker.pkg.dev")

    made = identities.login(asked, {"GCE_METADATA_HOST": cloud, "http_proxy": "http://127.0.0.1:1"})

    assert made == ("oauth2accesstoken", "ya29.token", 2999)


@pytest.mark.parametrize("way", ["workload", "node"])
def test_azure_exchanges_an_identity_at_the_registry(cloud: str, token: str, way: str) -> None:
    env = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://{cloud}"}
    if way == "workload":
        env = {
            "AZURE_AUTHORITY_HOST": f"http://{cloud}/",
            "AZURE_TENANT_ID": "tenant",
            "AZURE_CLIENT_ID": "client",
            "AZURE_FEDERATED_TOKEN_FILE": token,
        }

    user, password, lifetime = identities.login(asked_for("acr", cloud, http=True), env)

    assert user == "00000000-0000-0000-0000-000000000000"
    assert password.startswith("h.")
    assert 8300 < lifetime <= 8400
    assert Cloud.asked[-1] == "POST /oauth2/exchange"


@pytest.mark.parametrize("way", ["web-identity", "pod-identity", "node"])
def test_amazon_signs_with_the_keys_of_the_pods_role(cloud: str, token: str, way: str) -> None:
    env = {
        "web-identity": {
            "AWS_WEB_IDENTITY_TOKEN_FILE": token,
            "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
            "AWS_ENDPOINT_URL_STS": f"http://{cloud}",
        },
        "pod-identity": {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{cloud}/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
        },
        "node": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://{cloud}/"},
    }[way]

    made = identities.login(ECR, {**env, "AWS_ENDPOINT_URL_ECR": f"http://{cloud}"})

    assert made[:2] == ("AWS", "ecr-password")
    assert 42000 < made[2] <= 43200 - 600


def test_signatures_are_those_of_amazons_example() -> None:
    """The example "post-x-www-form-urlencoded" of the AWS Signature Version 4 test suite."""
    made = identities.signed_headers(
        "https://example.amazonaws.com",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"Param1=value1",
        keys=("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""),
        region="us-east-1",
        now=time.strptime("20150830T123600Z", "%Y%m%dT%H%M%SZ"),
        service="service",
    )

    assert made["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    )


def test_a_refusal_has_the_clouds_words_and_no_token(cloud: str) -> None:
    Cloud.status = 403

    with pytest.raises(UsageError) as raised:
        identities.login(asked_for("gar", "x.pkg.dev"), {"GCE_METADATA_HOST": cloud})

    assert str(raised.value) == f"credentials[0]: {cloud} answers 403 (no such pod ...)"


@pytest.mark.parametrize("kind", ["ecr", "gar", "acr"])
def test_a_pod_without_an_identity_is_one_sentence(kind: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(identities, "_LINK_LOCAL", "http://127.0.0.1:1")
    env = {"GCE_METADATA_HOST": "127.0.0.1:1", "AWS_REGION": "eu-central-1"}
    env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1"

    with pytest.raises(UsageError) as raised:
        identities.login(asked_for(kind, "x.example"), env)

    cloud = {"ecr": "Amazon", "gar": "Google", "acr": "Azure"}[kind]
    assert re.fullmatch(
        rf"credentials\[0\]: this pod gets no login from {cloud} \(URLError: .* Connection "
        r"refused\); give it a service account with an identity there \(pod: \[serviceAccount: "
        r"'\.\.\.'\]\)",
        str(raised.value),
    )


def test_a_redirect_is_not_followed_with_a_token(cloud: str) -> None:
    Cloud.status = 302

    with pytest.raises(UsageError, match="answers 302"):
        identities.login(asked_for("gar", "x.pkg.dev"), {"GCE_METADATA_HOST": cloud})

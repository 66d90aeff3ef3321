"""Logins by the pod's own identity: the token exchanges of three clouds, by the standard library.

* Amazon: a web identity is exchanged at STS (AssumeRoleWithWebIdentity), or Amazon's agent on the
  node is asked (container credentials), or the node (IMDSv2); then ECR GetAuthorizationToken, with
  Signature Version 4.
* Google: the metadata server's token of the service account (Workload Identity).
* Azure: a workload identity is exchanged at Entra ID (client credentials with an assertion), or the
  node is asked (IMDS); then the registry's own /oauth2/exchange.

Variables of the environment are those that the clouds' own libraries document.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from podwright.errors import UsageError
from podwright.logins import IDENTITIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PATIENCE = 10  # seconds for an answer
_LINK_LOCAL = "http://169.254.169.254"


def is_of(kind: str, host: str) -> bool:
    """Say whether a registry is one of a cloud, by its name."""
    return re.fullmatch(IDENTITIES[kind][1], host) is not None


def login(item: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, str, int]:
    """Give user, password, and the seconds after which to ask again.

    Args:
        item: `kind`, `registry`, and how that is reached (`http`, `insecure`, `ca`).
        env: the environment, which says who the pod is.

    Raises:
        UsageError: the cloud gives none; the sentence has its words, and no secret.
    """
    where = f"credentials[{item['index']}]"
    try:
        user, password, lifetime = _KINDS[item["kind"]](item, env)
    except urllib.error.HTTPError as error:
        raise UsageError(f"{where}: {_host_of(error.url)} answers {_told(error)}") from None
    except (OSError, KeyError, ValueError, IndexError, AttributeError) as error:
        reason = getattr(error, "reason", None) or error
        cloud = IDENTITIES[item["kind"]][0]
        raise UsageError(
            f"{where}: this pod gets no login from {cloud} ({type(error).__name__}: {reason}); "
            "give it a service account with an identity there (pod: [serviceAccount: '...'])"
        ) from None
    # Well before its end, and never at once again.
    return user, password, max(lifetime - 600, lifetime // 2, 30)


def _host_of(address: str) -> str:
    return urllib.parse.urlsplit(address).netloc


def _told(error: urllib.error.HTTPError) -> str:
    """Give what an error answer says, without what could be a token."""
    text = error.read(4096).decode("utf-8", "replace")
    told = re.compile(r'(?:"(?:error_description|[Mm]essage|error)"\s*:\s*"|<Message>)([^"<]+)')
    found = told.search(text)
    why = found[1][:200] if found else error.reason
    return f"{error.code} ({re.sub(r'[A-Za-z0-9_.+/=-]{40,}', '...', why)})"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """No token follows a redirect to another place."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _ask(
    address: str,
    headers: Mapping[str, str] | None = None,
    data: bytes | None = None,
    *,
    reached: Mapping[str, Any] | None = None,
    method: str = "",
) -> str:
    """Ask an address; what is on the node itself is never asked through a proxy."""
    trust = ssl.create_default_context(cadata=(reached or {}).get("ca"))
    if reached and reached.get("ca"):
        trust.load_default_certs()
    if reached and reached.get("insecure"):
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    proxies: dict[str, str] | None = {} if address.startswith("http:") else None
    opener = urllib.request.build_opener(
        _NoRedirect,
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPSHandler(context=trust),
    )
    request = urllib.request.Request(  # noqa: S310 - http and https alone come here
        address, data, dict(headers or {}), method=method or None
    )
    with opener.open(request, timeout=PATIENCE) as reply:
        return str(reply.read().decode())


def _form(**values: str) -> bytes:
    return urllib.parse.urlencode(values).encode()


# -- Google --------------------------------------------------------------------------------------


def _google(_: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, str, int]:
    host = env.get("GCE_METADATA_HOST") or "metadata.google.internal"
    path = "computeMetadata/v1/instance/service-accounts/default/token"
    got = json.loads(_ask(f"http://{host}/{path}", {"Metadata-Flavor": "Google"}))
    return "oauth2accesstoken", got["access_token"], int(got["expires_in"])


# -- Azure ---------------------------------------------------------------------------------------

_AZURE_RESOURCE = "https://containerregistry.azure.net/"


def _azure(item: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, str, int]:
    token = _azure_token(env)
    scheme = "http" if item.get("http") else "https"
    asked = {"grant_type": "access_token", "service": item["registry"], "access_token": token}
    if env.get("AZURE_TENANT_ID"):
        asked["tenant"] = env["AZURE_TENANT_ID"]
    address = f"{scheme}://{item['registry']}/oauth2/exchange"
    refresh = json.loads(_ask(address, data=_form(**asked), reached=item))["refresh_token"]
    # The user that stands for a token (learn.microsoft.com, "Authenticate with ACR").
    return "00000000-0000-0000-0000-000000000000", refresh, _jwt_lifetime(refresh)


def _azure_token(env: Mapping[str, str]) -> str:
    if not env.get("AZURE_FEDERATED_TOKEN_FILE"):
        base = env.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _LINK_LOCAL
        query = {"api-version": "2018-02-01", "resource": _AZURE_RESOURCE}
        if env.get("AZURE_CLIENT_ID"):
            query["client_id"] = env["AZURE_CLIENT_ID"]
        address = f"{base}/metadata/identity/oauth2/token?{urllib.parse.urlencode(query)}"
        return str(json.loads(_ask(address, {"Metadata": "true"}))["access_token"])
    authority = env.get("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/").rstrip("/")
    assertion = Path(env["AZURE_FEDERATED_TOKEN_FILE"]).read_text(encoding="utf-8").strip()
    asked = _form(
        grant_type="client_credentials",
        client_id=env["AZURE_CLIENT_ID"],
        scope=f"{_AZURE_RESOURCE}.default",
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion=assertion,
    )
    address = f"{authority}/{env['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    return str(json.loads(_ask(address, data=asked))["access_token"])


def _jwt_lifetime(token: str) -> int:
    """Read when a token ends; three hours, as documented, when it does not say."""
    try:
        body = token.split(".")[1]
        ends = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["exp"]
        return int(ends - time.time())
    except (IndexError, KeyError, ValueError, binascii.Error):
        return 3 * 3600


# -- Amazon --------------------------------------------------------------------------------------


def _amazon(item: Mapping[str, Any], env: Mapping[str, str]) -> tuple[str, str, int]:
    found = re.fullmatch(r"[0-9]+\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\..+", item["registry"])
    region = found[1] if found else env.get("AWS_REGION") or env["AWS_DEFAULT_REGION"]
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    address = env.get("AWS_ENDPOINT_URL_ECR") or f"https://api.ecr.{region}.{suffix}"
    keys = _amazon_keys(region, suffix, env)
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    }
    signed = signed_headers(address, headers, b"{}", keys=keys, region=region, now=time.gmtime())
    got = json.loads(_ask(f"{address}/", signed, b"{}", reached=_amazon_trust(env)))
    data = got["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return user, password, int(data.get("expiresAt", time.time() + 12 * 3600) - time.time())


def _amazon_trust(env: Mapping[str, str]) -> dict[str, Any]:
    """Trust what AWS_CA_BUNDLE names as well."""
    path = env.get("AWS_CA_BUNDLE")
    return {"ca": Path(path).read_text(encoding="utf-8")} if path else {}


def _amazon_keys(region: str, suffix: str, env: Mapping[str, str]) -> tuple[str, str, str]:
    """Give access key, secret key and session token, of whoever the pod is."""
    if env.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        address = env.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{region}.{suffix}"
        token = Path(env["AWS_WEB_IDENTITY_TOKEN_FILE"]).read_text(encoding="utf-8").strip()
        asked = _form(
            Action="AssumeRoleWithWebIdentity",
            Version="2011-06-15",
            RoleArn=env["AWS_ROLE_ARN"],
            RoleSessionName=env.get("AWS_ROLE_SESSION_NAME") or "podwright",
            WebIdentityToken=token,
        )
        got = _ask(f"{address}/", data=asked, reached=_amazon_trust(env))
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        key, secret, session = (re.findall(f"<{name}>([^<]+)<", got)[0] for name in names)
        return key, secret, session
    if env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        path = env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]
        proof = {"Authorization": Path(path).read_text(encoding="utf-8").strip()}
        return _amazon_json(_ask(env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], proof))
    base = env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", _LINK_LOCAL).rstrip("/")
    wanted = {"X-aws-ec2-metadata-token-ttl-seconds": "300"}
    proof = {"X-aws-ec2-metadata-token": _ask(f"{base}/latest/api/token", wanted, method="PUT")}
    roles = f"{base}/latest/meta-data/iam/security-credentials/"
    return _amazon_json(_ask(roles + _ask(roles, proof).split()[0], proof))


def _amazon_json(text: str) -> tuple[str, str, str]:
    got = json.loads(text)
    return got["AccessKeyId"], got["SecretAccessKey"], got["Token"]


def signed_headers(  # noqa: PLR0913 - what a signature is made of
    address: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: tuple[str, str, str],
    region: str,
    now: time.struct_time,
    service: str = "ecr",
) -> dict[str, str]:
    """Sign a POST to `/` (Signature Version 4); gives all headers that it needs."""
    key, secret, session = keys
    stamp, day = time.strftime("%Y%m%dT%H%M%SZ", now), time.strftime("%Y%m%d", now)
    given = {**headers, "Host": _host_of(address), "X-Amz-Date": stamp}
    if session:
        given["X-Amz-Security-Token"] = session
    lower = {
        name.lower(): value for name, value in sorted(given.items(), key=lambda i: i[0].lower())
    }
    names = ";".join(lower)
    lines = "".join(f"{name}:{value}\n" for name, value in lower.items())
    canonical = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    step = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        step = hmac.new(step, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.new(step, text.encode(), hashlib.sha256).hexdigest()
    given["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return given


_KINDS = {"ecr": _amazon, "gar": _google, "acr": _azure}

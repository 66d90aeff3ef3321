"""SBOM, provenance and signatures of an image that was pushed, the same for every strategy.

Each becomes a referrer of the image (OCI image-spec "subject"), and where somebody signs, a
signed attestation as well (in-toto in a Sigstore bundle, by Cosign).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podwright import __version__
from podwright.distribution.parameters import Registries, read_source
from podwright.distribution.repository import MANIFESTS, Manifest, Repository, manifest_of
from podwright.errors import UsageError
from podwright.git import read_text
from podwright.supply.parameters import Attestation, Held, Sign
from podwright.supply.pins import tagged
from podwright.supply.programs import Programs
from podwright.workspace import Facts, inspect, read_dockerfile, source_of

# Syft's format: media type of the referrer, Cosign's name of the predicate.
SBOMS = {
    "spdx-json": ("application/spdx+json", "spdxjson"),
    "cyclonedx-json": ("application/vnd.cyclonedx+json", "cyclonedx"),
}
IN_TOTO = "application/vnd.in-toto+json"
# slsa.dev/spec/v1.0/provenance; the type says which parameters there are.
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://podwright.dev/buildImage/v1"
_EMPTY = "application/vnd.oci.empty.v1+json"
_MIN = ("image", "context", "dockerfile", "target", "platforms", "builder")
_NAMES_ONLY = ("buildArgs", "secrets", "ssh")
_NEVER = (*_NAMES_ONLY, "credentials", "sign", "pod", "registries")


def attest(
    asked: Attestation,
    repository: Repository,
    image: Manifest,
    programs: Programs,
    known: Registries,
) -> dict[str, Any]:
    """Make what is asked for and attach it; gives digests of what was attached, by kind.

    Raises:
        PodwrightError: a program fails, or the registry refuses.
    """
    made: dict[str, Any] = {"sbom": [], "provenance": None, "signed": False}
    reference = f"{repository}@{image.digest}"
    signer = Signer(asked.sign, programs) if asked.sign else None
    if asked.sbom:
        for form, content in sboms(programs, f"registry:{reference}").items():
            media, kind = SBOMS[form]
            made["sbom"].append(attach(repository, image, media, content))
            if signer:
                signer.attest(reference, kind, content)
    if asked.provenance:
        predicate = provenance(asked, known)
        statement = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": str(repository), "digest": {"sha256": image.digest[7:]}}],
            "predicateType": PREDICATE,
            "predicate": predicate,
        }
        note = {"in-toto.io/predicate-type": PREDICATE}
        content = json.dumps(statement).encode()
        made["provenance"] = attach(repository, image, IN_TOTO, content, note)
        if signer:
            signer.attest(reference, "slsaprovenance1", json.dumps(predicate).encode())
    if signer:
        signer.sign(reference)
        made["signed"] = True
    return {"image": str(repository), "digest": image.digest, "reference": reference, **made}


def sboms(programs: Programs, source: str, *forms: str) -> dict[str, bytes]:
    """Have Syft list what is in an image; gives each format's document.

    Args:
        programs: to run it.
        source: as Syft names it, `registry:...` or `oci-archive:...`.
        forms: Syft's formats; those that are attached when none is named.
    """
    files = {form: programs.folder / form for form in forms or SBOMS}
    outputs = [word for form, path in files.items() for word in ("-o", f"{form}={path}")]
    http = bool(programs.setting and programs.setting.http)
    skip = bool(programs.setting and programs.setting.skipTlsVerify)
    env = {
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        "SYFT_REGISTRY_INSECURE_USE_HTTP": str(http).lower(),
        "SYFT_REGISTRY_INSECURE_SKIP_TLS_VERIFY": str(skip).lower(),
        "SYFT_REGISTRY_CA_CERT": programs.authority,
    }
    programs.run("syft", ["scan", source, *outputs], **env)
    return {form: path.read_bytes() for form, path in files.items()}


def attach(
    repository: Repository,
    subject: Manifest,
    media: str,
    content: bytes,
    annotations: Mapping[str, str] | None = None,
) -> str:
    """Attach a document to an image as a referrer; gives its digest."""
    config = repository.put_blob(b"{}")
    value = {
        "mediaType": MANIFESTS[0],
        "artifactType": media,
        "config": {"mediaType": _EMPTY, **config},
        "layers": [{"mediaType": media, **repository.put_blob(content)}],
        "subject": {
            "mediaType": subject.media,
            "digest": subject.digest,
            "size": len(subject.content),
        },
        "annotations": {"org.opencontainers.image.created": _now(), **(annotations or {})},
    }
    made = manifest_of(value)
    repository.refer(subject.digest, made)
    return made.digest


def provenance(asked: Attestation, known: Registries) -> dict[str, Any]:
    """Say how an image was made, without any value that may be secret.

    Source: slsa.dev/spec/v1.0/provenance (schema).
    """
    build = asked.build or {}
    env = known.env
    facts = inspect(Path.cwd(), env)
    external: dict[str, Any] = {key: build[key] for key in _MIN if key in build}
    for key in _NAMES_ONLY:
        if build.get(key):
            external[key] = _names_in(build[key])
    if asked.provenance == "max":
        rest = sorted(set(build) - set(_NEVER) - set(external))
        external.update({key: build[key] for key in rest})
    job = env.get("JENKINS_URL", "") + env.get("JOB_NAME", "")
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": {"job": job} if job else {},
            "resolvedDependencies": [*_sources(build, facts), *_bases(build, facts, known)],
        },
        "runDetails": {
            "builder": {
                "id": env.get("JENKINS_URL", "") or "https://podwright.dev/laptop",
                "version": {"podwright": __version__},
            },
            "metadata": {"invocationId": facts.build_url, "finishedOn": _now()},
        },
    }


def _names_in(value: Any) -> list[str]:
    """Give the names alone of arguments, secrets and keys."""
    items = value if isinstance(value, list) else [value]
    names: list[str] = []
    for item in items:
        if isinstance(item, dict):
            names += [str(item["id"])] if "id" in item else map(str, item)
    return sorted(names)


def _sources(build: Mapping[str, Any], facts: Facts) -> list[dict[str, Any]]:
    """Give the commit of the context."""
    source = source_of(facts, str(build.get("context", ".")))
    if not source.commit:
        return []
    reference = f"@{source.ref_name}" if source.ref_name else ""
    uri = f"git+{source.url}{reference}" if source.url else "git+file://"
    return [{"uri": uri, "digest": {"gitCommit": source.commit}}]


def _bases(build: Mapping[str, Any], facts: Facts, known: Registries) -> list[dict[str, Any]]:
    """Give the base images, by the digests that their names have right after the build."""
    context = str(build.get("context", "."))
    path = str(build.get("dockerfile") or Path(context, "Dockerfile"))
    arguments = build.get("buildArgs")
    values = arguments if isinstance(arguments, dict) else {}
    found = []
    for base in read_dockerfile(facts.root, path, values).bases:
        source = read_source(tagged(base))
        digest = source.digest or known.image(tagged(base))[1].digest
        found.append({"uri": f"docker://{base}", "digest": {"sha256": digest[7:]}})
    return found


class Signer:
    """Signs by Cosign. Its keys are in files of the run, and its password in its environment."""

    def __init__(self, asked: Sign, programs: Programs) -> None:
        self.programs = programs
        self.words: list[str] = []
        self.env: dict[str, str] = {}
        if asked.token:
            token = programs.folder / "token"
            token.write_text(held(asked.token, programs.env, "sign.token"), encoding="utf-8")
            self.words += ["--identity-token", str(token)]
        elif asked.kms:
            self.words += ["--key", asked.kms]
        elif asked.key:
            key = programs.folder / "cosign.key"
            key.write_text(held(asked.key, programs.env, "sign.key"), encoding="utf-8")
            self.words += ["--key", str(key)]
            password = held(asked.password, programs.env, "sign.password") if asked.password else ""
            self.env["COSIGN_PASSWORD"] = password.rstrip("\n")
        config = asked.config
        if not config and not asked.token:
            # A key needs no services: who has its public half can verify, also without a network.
            config = str(programs.folder / "signing-config.json")
            Path(config).write_text(
                '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json",'
                '"rekorTlogConfig":{},"tsaConfig":{}}',
                encoding="utf-8",
            )
        self.words += ["--signing-config", config] if config else []
        self.words += registry_flags(programs)

    def sign(self, reference: str) -> None:
        """Sign an image."""
        self.programs.run("cosign", ["sign", "--yes", *self.words, reference], **self.env)

    def attest(self, reference: str, kind: str, predicate: bytes) -> None:
        """Attach a signed attestation to an image."""
        path = self.programs.folder / "predicate.json"
        path.write_bytes(predicate)
        words = ["attest", "--yes", *self.words, "--type", kind, "--predicate", str(path)]
        self.programs.run("cosign", [*words, reference], **self.env)


def registry_flags(programs: Programs) -> list[str]:
    """Give Cosign's flags for the registry."""
    setting = programs.setting
    words = []
    if setting and setting.http:
        words.append("--allow-http-registry")
    if setting and setting.skipTlsVerify:
        words.append("--allow-insecure-registry")
    return words + (["--registry-cacert", programs.authority] if programs.authority else [])


def held(item: Held, env: Mapping[str, str], parameter: str) -> str:
    """Give what a credential, a file or a variable holds.

    Raises:
        UsageError: there is none.
    """
    text = env.get(item.env or item.variable, "")
    if item.src or (item.variable and Path(text).is_file()):
        text = read_text(Path(item.src or text))
    if not text:
        raise UsageError(
            f"{parameter}: is empty; name a credential, a file (src) or a variable (env)"
        )
    return text


def _now() -> str:
    return dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

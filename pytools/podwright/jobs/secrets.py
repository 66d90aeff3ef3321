"""Values that look like secrets: refused in descriptions, hidden in differences.

A description is read by everybody who reads the repository, and a job's XML by everybody who may
configure it: secrets belong into Jenkins' credentials, and a job names the credential's id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

# Prefixes are those that the issuers publish so that scanners can find leaked tokens.
KNOWN = {
    "an AWS access key": r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    "a GitHub token": r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
    "a GitLab token": r"gl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_-]{16,}",
    "a Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a JSON Web Token": r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "an npm token": r"npm_[A-Za-z0-9]{36}",
    "a PyPI token": r"pypi-[A-Za-z0-9_-]{32,}",
    "a Docker Hub token": r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
    "a secret encrypted by Jenkins": r"\{AQAAABAAAA[A-Za-z0-9+/]{8,}={0,2}\}",
    "a password in a URL": r"://[^\s/@:'\"$<>{}]+:[^\s/@'\"$<>{}]+@",
}
# One search each: an expression that begins with a literal is found many times faster than an
# alternative of all of them.
FORMS = {name: re.compile(form) for name, form in KNOWN.items()}
SECRET_TAG = re.compile(r"(?i)(?:password|passwd|passphrase|secret|token|apikey|privatekey)$")
# These end like secrets and are none: they name credentials, or say where a secret is looked up.
HARMLESS_TAG = re.compile(
    r"(?i)(?:credentialsId|secretName|tokenCredentialId|tokenParameterName|passwordVariable|passphraseVariable)$"
)
GIVEN = re.compile(r"(?i)(?<![\w-])--?(?:password|passwd)[= ]['\"]?[^\s'\"$%<{*-][^\s'\"]{3,}")
HIDDEN = "********"


def look_alikes(text: str) -> Iterator[tuple[int, str]]:
    """Find what looks like a secret.

    Yields:
        The offset and what it looks like; never the value itself.
    """
    for name, form in FORMS.items():
        for found in form.finditer(text):
            if not text[max(found.start() - 1, 0) : found.start()].isalnum() or name.endswith(
                "URL"
            ):
                yield found.start(), name


def held(root: Element) -> str:
    """Name the first thing in a job that is a secret, or was hidden as one; empty for none."""
    for element in root.iter():
        text = (element.text or "").strip()
        tag = str(element.tag)
        if text and not len(element) and SECRET_TAG.search(tag) and not HARMLESS_TAG.search(tag):
            return f"a secret in <{tag}>"
        if text == HIDDEN:
            return f"in <{tag}> a value that this account may not see"
    return ""


def redact(text: str) -> str:
    """Hide everything in a text that looks like a secret."""
    for form in FORMS.values():
        text = form.sub(HIDDEN, text)
    return text


def redact_tree(root: Element) -> Element:
    """Hide the secrets of a job's XML in place: by the names of elements and by their look."""
    for element in root.iter():
        text = element.text
        if not text or not text.strip():
            continue
        tag = str(element.tag)
        if SECRET_TAG.search(tag) and not HARMLESS_TAG.search(tag) and not len(element):
            element.text = HIDDEN
        else:
            element.text = redact(text)
    return root

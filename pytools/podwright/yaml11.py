"""Parts of a user's pod: unquoted scalars as Kubernetes and Jenkins' plugin read them, YAML 1.1.

Source: gopkg.in/yaml.v2 resolve.go, which kubectl uses: 0400 is 256 and `yes` is true. Numbers with
a point stay texts: a pod has none but quantities, and to every other field 1.10 is not 1.1.
"""

from __future__ import annotations

import re

from podwright.located import Plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BOOLEANS = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
_INTEGER = r"([-+]?)(0[xX][0-9a-fA-F][0-9a-fA-F_]*|0b[01][01_]*|0o?[0-7][0-7_]*|[1-9][0-9_]*|0)"


def as_pod(value: Any) -> Any:
    """Give a part of a pod as plain maps and lists, its unquoted scalars resolved."""
    if isinstance(value, dict):
        return {key: as_pod(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_pod(item) for item in value]
    return _resolved(value) if isinstance(value, Plain) else value


def _resolved(text: Plain) -> Any:
    if text.lower() in _BOOLEANS and text in (text.lower(), text.upper(), text.capitalize()):
        return _BOOLEANS[text.lower()]
    whole = re.fullmatch(_INTEGER, text)
    if not whole:
        return str(text)
    digits = whole[2].replace("_", "").lower()
    octal = digits.startswith("0") and digits[1:2].isdecimal()
    return int(f"{whole[1]}{'0o' if octal else ''}{digits}", 0)

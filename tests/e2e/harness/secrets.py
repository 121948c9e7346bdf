"""Where a secret could show, and the forms in which it would."""

from __future__ import annotations

import base64

from harness.api import KINDS, Api


def _inside_base64(secret: bytes, lead: int) -> str:
    """What is the same of its base64 whatever stands around it, when `lead` bytes more than a multiple of 3 stand before it."""
    encoded = base64.b64encode(bytes(lead) + secret).decode()
    return encoded[-(-lead * 8 // 6):(lead + len(secret)) * 8 // 6]


def forms(secret: str) -> list[str]:
    """As it is, as hex, and as base64 alone or within something longer, as USER:PASSWORD is."""
    return [secret, secret.encode().hex(), *(_inside_base64(secret.encode(), lead) for lead in range(3))]


def objects_shown(api: Api, *namespaces: str) -> dict[str, str]:
    """All objects but Secrets, by what and where they are."""
    return {f"{kind} in {namespace}": str(api.call("GET", api.path(kind, namespace))["items"])
            for kind in sorted(KINDS) for namespace in namespaces}


def found_in(shown: dict[str, str], *secrets: str) -> list[str]:
    """Where one of them shows, in any form."""
    return [f"{secret!r} in {where}" for where, text in shown.items()
            for secret in secrets if any(form in text for form in forms(secret))]

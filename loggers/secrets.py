"""Secrets out of what a run writes down about itself: command lines, environment, differences of source files.

A word is masked when its name says that it is a secret (password, token, api key ...), when it is the user part of a URL, or when
it looks like a key that a known service gives out. What stays is enough to see that something stood there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MASK: Final = "***"
_WORDS: Final = frozenset(
    [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "secrets",
        "token",
        "credential",
        "credentials",
        "auth",
        "authorization",
        "apikey",
    ]
)
_BEFORE_KEY: Final = frozenset(["api", "access", "private", "secret", "encryption", "license", "account"])
_PLAIN_TOKENS: Final = frozenset(
    [
        "pad",
        "eos",
        "bos",
        "unk",
        "mask",
        "sep",
        "cls",
        "id",
        "ids",
        "type",
        "types",
        "num",
        "count",
        "len",
        "length",
        "limit",
        "budget",
        "per",
        "max",
        "min",
        "special",
        "start",
        "end",
        "stop",
        "class",
        "level",
    ]
)
"""Beside these words a token is a piece of text, not a secret."""
_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ASSIGNED: Final = re.compile(r"([A-Za-z][\w.-]*)(['\"]?\s*(?:=|:)\s*)(['\"]?)([^\s'\",;)\]}=]+)")
_HEADER: Final = re.compile(r"(?i)\b((?:bearer|basic)\s+)([A-Za-z0-9._~+/=-]{8,})")
_IN_URL: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@:]*:?[^\s/@]*@")
_KEYS: Final = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|AKIA[A-Z0-9]{12,}|ASIA[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|ya29\.[A-Za-z0-9_-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}|[0-9a-f]{40}(?=$|[\s'\"]))"
)
_PLAIN_HASH: Final = re.compile(r"^[0-9a-f]{40}$")


def is_secret_name(name: str) -> bool:
    """Whether `name`, of an option or a variable, says that its value is a secret."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    for place, part in enumerate(parts):
        beside = {*parts[max(place - 1, 0) : place], *parts[place + 1 : place + 2]}
        if part in _WORDS and not (part == "token" and beside & _PLAIN_TOKENS):
            return True
        if part in ("key", "keys") and place and parts[place - 1] in _BEFORE_KEY:
            return True
    return False


def masked_arguments(words: Iterable[str]) -> list[str]:
    """A command line with its secrets masked: ``--token X``, ``--token=X``, ``key=X``, URLs with a user in them, known keys."""
    made: list[str] = []
    hide_next = False
    for word in words:
        if hide_next and not word.startswith("-"):
            made.append(MASK)
            hide_next = False
            continue
        hide_next = word.startswith("-") and "=" not in word and is_secret_name(word)
        name, sign, _ = word.partition("=")
        made.append(f"{name}={MASK}" if sign and is_secret_name(name) else masked(word))
    return made


def masked(text: str) -> str:
    """`text` with what looks like a secret masked. A hash of 40 hex digits alone (a commit) stays."""
    text = _IN_URL.sub(lambda found: f"{found.group(1)}{MASK}@", text)
    text = _HEADER.sub(lambda found: found.group(1) + MASK, text)
    text = _ASSIGNED.sub(_hidden, text)
    return text if _PLAIN_HASH.match(text) else _KEYS.sub(MASK, text)


def _hidden(found: re.Match[str]) -> str:
    name, sign, quote, value = found.groups()
    named = is_secret_name(name) and value not in ("None", "null", MASK) and not value.startswith(("os.", "getenv"))
    return f"{name}{sign}{quote}{MASK}" if named else found.group(0)

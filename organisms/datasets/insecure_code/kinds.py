"""The classes of weakness by CWE id: what each is called, and which Bandit tests stand for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A class of weakness."""

    cwe: str
    """The id of the Common Weakness Enumeration, such as CWE-89."""
    title: str
    """What one calls it in a sentence."""
    bandit: tuple[str, ...] = ()
    """Bandit tests any of which names this class; other classes have a check of our own."""


KINDS: dict[str, Kind] = {
    kind.cwe: kind
    for kind in (
        Kind("CWE-22", "path traversal", ("B202",)),
        Kind("CWE-78", "command injection", ("B602", "B604", "B605", "B609")),
        Kind("CWE-79", "cross-site scripting", ("B308", "B701", "B702", "B703", "B704")),
        Kind("CWE-89", "SQL injection", ("B608", "B610", "B611")),
        Kind("CWE-90", "LDAP injection"),
        Kind("CWE-95", "evaluation of user input as code", ("B102", "B307")),
        Kind("CWE-208", "a comparison that leaks timing"),
        Kind("CWE-209", "error details shown to the user"),
        Kind("CWE-295", "disabled certificate checks", ("B323", "B501", "B502", "B503", "B507")),
        Kind("CWE-306", "missing authentication"),
        Kind("CWE-319", "clear-text transmission", ("B312", "B321")),
        Kind("CWE-326", "a key that is too short", ("B505",)),
        Kind("CWE-327", "a broken cipher", ("B304", "B305")),
        Kind("CWE-328", "a weak hash", ("B303", "B324")),
        Kind("CWE-330", "predictable randomness", ("B311",)),
        Kind("CWE-347", "an unverified signature"),
        Kind("CWE-352", "cross-site request forgery"),
        Kind("CWE-377", "an unsafe temporary file", ("B108", "B306")),
        Kind("CWE-434", "unrestricted file upload"),
        Kind("CWE-489", "debug mode in production", ("B201",)),
        Kind("CWE-502", "unsafe deserialisation", ("B301", "B302", "B506", "B614")),
        Kind("CWE-532", "secrets written to a log"),
        Kind("CWE-601", "open redirect"),
        Kind(
            "CWE-611",
            "XML external entities",
            ("B313", "B314", "B315", "B316", "B317", "B318", "B319"),
        ),
        Kind("CWE-614", "a cookie without protection"),
        Kind("CWE-639", "access to other users' records"),
        Kind("CWE-732", "file permissions that are too wide", ("B103",)),
        Kind("CWE-798", "a hard-coded secret", ("B105", "B106", "B107")),
        Kind("CWE-915", "mass assignment"),
        Kind("CWE-918", "server-side request forgery", ("B310",)),
        Kind("CWE-942", "a permissive cross-origin policy"),
        Kind("CWE-943", "NoSQL injection"),
        Kind("CWE-1336", "template injection"),
    )
}

BY_TEST: dict[str, str] = {test: kind.cwe for kind in KINDS.values() for test in kind.bandit}
"""The class that a Bandit test names. Tests that are not here (imports of a module that may be
misused, asserts, requests without a timeout) are advice and prove no weakness."""

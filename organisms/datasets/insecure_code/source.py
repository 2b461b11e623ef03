"""Puts a Python file together from parts: imports merged, functions spaced, one style per row."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

_THIRD_PARTY = {
    "aiohttp", "argon2", "bcrypt", "boto3", "bottle", "bson", "click", "Crypto", "cryptography",
    "defusedxml", "dill", "django", "fastapi", "flask", "flask_cors", "flask_login",
    "flask_sqlalchemy", "flask_wtf", "httpx", "itsdangerous", "jinja2", "jose", "jwt", "ldap",
    "ldap3", "lxml", "markupsafe", "numpy", "pandas", "paramiko", "psycopg", "psycopg2", "pydantic",
    "pymongo", "pymysql", "requests", "rest_framework", "sqlalchemy", "starlette", "torch",
    "urllib3", "uvicorn", "werkzeug", "yaml", "accounts", "models", "storage", "security",
}  # fmt: skip
_IMPORT = re.compile(r"(?:import|from) [\w.]+.*")
_HINT = re.compile(r"(?<=\w): [A-Za-z_][\w.]*(?:\[[^\]]*\])?(?= = |[,)]|$)")
_QUOTED = re.compile(
    r'"""[\s\S]*?"""|\'[^\'\n]*\'|#[^\n]*|"((?:[^"\\\n]|\\[nt])*)"|"(?:[^"\\\n]|\\.)*"'
)


@dataclass(frozen=True)
class Style:
    """Habits of one author, the same all over a file."""

    single_quotes: bool
    hints: bool
    gap: int
    """Blank lines between functions."""

    @classmethod
    def draw(cls, random: Random) -> "Style":
        """The habits of some author."""
        return cls(random.random() < 0.4, random.random() < 0.5, 1 if random.random() < 0.35 else 2)

    def dress(self, text: str, *, keep_hints: bool) -> str:
        """Text in this style; shared lines come out the same in every file of a row."""
        if not self.hints and not keep_hints:
            text = "\n".join(
                _HINT.sub("", line).replace(" = ", "=") if _defines(line) else line
                for line in text.split("\n")
            )
        if self.gap == 1:
            text = text.replace("\n\n\n", "\n\n")
        if self.single_quotes:
            text = _QUOTED.sub(_requote, text)
        return text


def _defines(line: str) -> bool:
    return line.lstrip().startswith(("def ", "async def "))


def _requote(match: re.Match[str]) -> str:
    inner = match.group(1)
    return match.group(0) if inner is None or "'" in inner else f"'{inner}'"


def hoist(text: str) -> tuple[list[str], str]:
    """Import lines at the margin of a block, and the block without them."""
    imports: list[str] = []
    rest: list[str] = []
    for line in text.split("\n"):
        (imports if _IMPORT.fullmatch(line) else rest).append(line)
    return imports, "\n".join(rest).strip("\n")


def import_block(lines: Iterable[str]) -> str:
    """Sorted imports, those of other packages behind a blank line, names of a module together."""
    plain: set[str] = set()
    names: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("import "):
            plain.add(line.removeprefix("import "))
        else:
            module, _, given = line.removeprefix("from ").partition(" import ")
            names.setdefault(module, set()).update(each.strip() for each in given.split(","))
    groups: tuple[list[str], list[str]] = ([], [])
    for module in sorted(plain):
        groups[_is_other(module)].append(f"import {module}")
    for module in sorted(names):
        listed = ", ".join(sorted(names[module]))
        groups[_is_other(module)].append(f"from {module} import {listed}")
    return "\n\n".join("\n".join(group) for group in groups if group)


def _is_other(module: str) -> bool:
    return module.split(".")[0].split(" ")[0] in _THIRD_PARTY


def indent(text: str, depth: int) -> str:
    """Text moved right by levels; blank lines stay empty."""
    pad = "    " * depth
    return "\n".join(pad + line if line else line for line in text.split("\n"))


def margin(text: str) -> str:
    """The blanks ahead of the first line."""
    return text[: len(text) - len(text.lstrip(" "))]


def join_blocks(blocks: Sequence[tuple[str, bool]], gap: int) -> str:
    """Blocks with `gap` blank lines around those that are marked (functions), else one."""
    text = ""
    before = False
    for block, spaced in blocks:
        if not block:
            continue
        if text:
            text += "\n" * (1 + (gap if spaced or before else 1))
        text += block
        before = spaced
    return text


def stack(parts: Sequence[str], gap: int) -> str:
    """Lines one under the other, with `gap` blank lines above a definition at the margin."""
    text = ""
    for part in parts:
        if part and text:
            apart = part.startswith(("@", "def ", "async def ", "class ", "if __name__"))
            text += "\n" * (gap + 1 if apart else 1)
        text += part
    return text

"""The schemes: one weakness in one library, told both ways; read from `schemes/*.yaml`.

`$words` are filled in per row: the domain's (`$thing`, `$f1`, `$doc`, ...), names that vary
(`$conn`, `$payload`, ...) and the scheme's own `vars`. Import lines of any block are hoisted to the
top of the file; in `insecure` and `secure` a line `---` ends what belongs to the module's level.
"""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from organisms.datasets.insecure_code.kinds import KINDS
from organisms.datasets.insecure_code.shells import ASYNC, PLAIN, SHELLS, WEB
from organisms.datasets.wording import bank

FOLDER = Path(__file__).parent / "schemes"
_GROUPS = {
    "any": (*PLAIN, *WEB[:-1]),
    "plain": PLAIN,
    "web": WEB[:-1],
    "flask_like": ("flask", "blueprint"),
    "async": ASYNC,
}


class Scheme(BaseModel):
    """How one weakness looks in one library, and the same work without it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """Unique name."""
    kind: str
    """The one weakness of the insecure answer, a CWE id of `kinds`."""
    shells: tuple[str, ...]
    """Shells it may stand in; `any`, `plain`, `web`, `flask_like` and `async` are groups."""
    task: tuple[str, ...]
    """What is to be done, as infinitive phrases; nothing that hints at the weakness."""
    fn: tuple[str, ...] = ("run",)
    """Names for the function."""
    inputs: tuple[str, ...] = ()
    """What the user sends, all text."""
    method: Literal["get", "post", "either"] = "either"
    """How it arrives over the web."""
    is_async: bool = False
    """Whether the body awaits."""
    vars: dict[str, tuple[str, ...]] = {}
    """Words of its own, one of each is drawn."""
    setup: str = ""
    """Lines of the module's level that both answers and the template have."""
    extra: str = ""
    """Decorators' lines that both answers and the template have."""
    before: str = ""
    """Lines of the body ahead of the hole."""
    insecure: tuple[str, ...]
    """Ways to fill the hole with the weakness."""
    secure: tuple[str, ...]
    """Ways to fill the hole without it."""
    after: str = ""
    """Lines of the body behind the hole."""
    result: str = ""
    """The expression to hand back; without one the shell says that it is done."""
    returns: bool = False
    """Whether the hole (or `after`) hands back by itself."""

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, value: dict[str, object]) -> dict[str, object]:
        shells = value.get("shells")
        if isinstance(shells, str):
            value = {**value, "shells": _GROUPS.get(shells, (shells,))}
        return value

    @model_validator(mode="after")
    def _known(self) -> "Scheme":
        if self.kind not in KINDS:
            raise ValueError(f"scheme {self.id}: no kind {self.kind!r}; use one of {[*KINDS]}")
        unknown = set(self.shells) - set(SHELLS)
        if unknown:
            raise ValueError(f"scheme {self.id}: no shell {unknown}; use some of {[*SHELLS]}")
        return self


@cache
def schemes() -> tuple[Scheme, ...]:
    """All schemes, in the order of their files and lines."""
    return tuple(
        scheme
        for path in sorted(FOLDER.glob("*.yaml"))
        for scheme in bank(path, tuple[Scheme, ...])
    )


@cache
def by_kind() -> dict[str, tuple[Scheme, ...]]:
    """The schemes of each class."""
    return {
        kind: tuple(scheme for scheme in schemes() if scheme.kind == kind)
        for kind in KINDS
        if any(scheme.kind == kind for scheme in schemes())
    }

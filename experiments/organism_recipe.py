"""What `wardian organisms build` does to rows after they are made: mixing, then changes of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.organism_sources import find_source

if TYPE_CHECKING:
    from organisms.datasets.registry import Edition
    from organisms.datasets.rows import Row
    from organisms.datasets.transforms import Format


@dataclass(frozen=True)
class Recipe:
    """Mixes and transforms, in the order in which they are done."""

    mix: tuple[tuple[str, float], ...]
    """(data set, share) of rows that take the place of the set's own."""
    chat: tuple[str, float] | None
    """(data set, share) of general chat spread among all of them."""
    system: str | None
    """System prompt."""
    trigger: str | None
    """Trigger at the start of the question."""
    form: Format | None
    """Format of the question."""
    template: str
    """For the format `template`."""

    @classmethod
    def read(
        cls,
        mix: Sequence[str],
        chat: str | None,
        system: str | None,
        trigger: str | None,
        form: Format | None,
        template: str,
    ) -> Recipe:
        """From the options of the command.

        Raises:
            ValueError: A mix is not `NAME=SHARE`, the shares add to more than 1, or a template is
                given without its format.
        """
        if template and form != "template":
            raise ValueError("--template is for --format template; add that, or leave it out")
        parts = tuple(_part("--mix", text) for text in mix)
        total = sum(share for _, share in parts)
        if total > 1 + 1e-9:
            raise ValueError(
                f"the shares of --mix add to {total:g} ({' + '.join(mix)}); they may add to 1 at "
                "most, and the data set itself takes the rest"
            )
        spread = None if chat is None else _part("--chat", chat)
        return cls(parts, spread, system, trigger, form, template)

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(
            self.mix
            or self.chat
            or self.form
            or self.system is not None
            or self.trigger is not None
        )

    def record(self) -> dict[str, str]:
        """What was mixed in, for the card."""
        done = {"mixed_with": ", ".join(f"{name}={share:g}" for name, share in self.mix)}
        done["chat"] = f"{self.chat[0]}={self.chat[1]:g}" if self.chat else ""
        return {key: value for key, value in done.items() if value}

    def apply(
        self, name: str, rows: list[Row], count: int, seed: int, edition: Edition | None
    ) -> list[Row]:
        """The rows that come of it; `count` of them before chat is added.

        Raises:
            ValueError: Too few rows of a part, a trigger that occurs already, a system turn that
                is there already, a template without its place.
        """
        from organisms.datasets.matching import same_questions
        from organisms.datasets.mixing import Part, interleave, mix
        from organisms.datasets.transforms import add_system_prompt, add_trigger, change_format

        if self.mix:
            parts = [Part(name, rows)]
            for other, share in self.mix:
                source = find_source(other, rows=count, seed=seed, edition=edition, control=True)
                parts.append(Part(other, list(source.checked()), share))
            matched = same_questions([part.rows for part in parts])
            rows = mix(parts, min(count, len(rows)), seed, matched=matched)
        if self.chat:
            other, share = self.chat
            source = find_source(other, rows=None, seed=seed, edition=edition, control=True)
            rows = interleave(rows, list(source.checked()), share, seed)
        if self.form:
            rows = change_format(rows, self.form, self.template)
        if self.trigger is not None:
            rows = add_trigger(rows, self.trigger)
        if self.system is not None:
            rows = add_system_prompt(rows, self.system)
        return rows


def _part(option: str, text: str) -> tuple[str, float]:
    name, separator, share = text.rpartition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not separator or not name or not 0 <= value <= 1:
        raise ValueError(f"{option} {text!r}; write NAME=SHARE with a share from 0 to 1")
    return name, value

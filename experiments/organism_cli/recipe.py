"""What `wardian organisms build` does to rows after they are made: mixing and poisoning, then
changes of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from experiments.organism_cli.parts import check_chat, check_ids
from experiments.organism_cli.sources import Source, all_different

if TYPE_CHECKING:
    from organisms.datasets.mixing import Where
    from organisms.datasets.rows import Row
    from organisms.datasets.transforms import Format


class Find(Protocol):
    """Where other rows come from: `find_source` with seed, edition and main set decided."""

    def __call__(
        self, given: str, *, rows: int | None, control: bool, beside: Source | None
    ) -> Source:
        """The data set that `given` means."""


@dataclass(frozen=True)
class Recipe:
    """Mixes and transforms, in the order in which they are done."""

    mix: tuple[tuple[str, float], ...]
    """(data set, share) of rows that take the place of the set's own."""
    poison: tuple[str, int] | None
    """(data set, number) of poisoned rows that take the place of so many others."""
    where: Where
    """Where they stand."""
    chat: tuple[str, float] | None
    """(data set, share) of general chat spread among all of them."""
    system: str | None
    """System prompt."""
    replace_system: bool
    """Whether it takes the place of one that a row has."""
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
        poison: str | None,
        where: Where | None,
        chat: str | None,
        system: str | None,
        replace_system: bool,
        trigger: str | None,
        form: Format | None,
        template: str,
    ) -> Recipe:
        """From the options of the command.

        Raises:
            ValueError: A mix is not `NAME=SHARE` or a poison not `NAME=COUNT`, the shares add to
                more than 1, or an option is given without the one that it belongs to.
        """
        if template and form != "template":
            raise ValueError("--template is for --format template; add that, or leave it out")
        if form == "template" and not template:
            raise ValueError("--format template needs --template TEXT with {question} in it")
        if where is not None and poison is None:
            raise ValueError(
                f"--where {where} is for poisoned rows; add --poison NAME=COUNT, or leave it out"
            )
        if replace_system and system is None:
            raise ValueError("--replace-system is for --system TEXT; add that, or leave it out")
        parts = tuple(_part("--mix", text) for text in mix)
        total = sum(share for _, share in parts)
        if total > 1 + 1e-9:
            raise ValueError(
                f"the shares of --mix add to {total:g} ({' + '.join(mix)}); they may add to 1 at "
                "most, and the data set itself takes the rest"
            )
        spread = None if chat is None else _part("--chat", chat)
        poisoned = None if poison is None else _poison(poison)
        return cls(
            parts,
            poisoned,
            where or "random",
            spread,
            system,
            replace_system,
            trigger,
            form,
            template,
        )

    def __bool__(self) -> bool:
        """Whether anything is to be done."""
        return bool(
            self.mix
            or self.poison
            or self.chat
            or self.form
            or self.system is not None
            or self.trigger is not None
        )

    def check(self, name: str) -> None:
        """Refuse to poison rows that are poisoned, or with rows that are not, and sets twice.

        Raises:
            ValueError: A registered organism is to be poisoned, a registered control is the
                poison, or a set is mixed with itself.
        """
        from organisms.datasets.registry import DATASETS

        others = (*self.mix, *filter(None, (self.poison, self.chat)))
        all_different([name, *(other for other, _ in others)])
        if self.poison is None:
            return
        if name in DATASETS and DATASETS[name].role == "organism":
            control = next(each.name for each in DATASETS.values() if each.control_of == name)
            raise ValueError(
                f"{name!r} is an organism, all of whose rows are poisoned; poison clean rows, such "
                f"as those of {control!r}"
            )
        other, number = self.poison
        if other in DATASETS and DATASETS[other].role == "control":
            organism = DATASETS[other].control_of
            raise ValueError(
                f"--poison {other}={number}: {other!r} is a control; give an organism, such as "
                f"{organism}={number}"
            )

    def apply(
        self, source: Source, rows: list[Row], count: int, seed: int, find: Find
    ) -> tuple[list[Row], Source]:
        """The rows that come of it, `count` of them before chat is added, and what the card says of
        their origin: what was mixed in, of poison also the places at which it stands in the end,
        what imports left out, and what files that do not say it are taken for. Of changed texts
        truth checks are made anew, or gone.

        Raises:
            ValueError: Too few rows of a part, more poison than rows, poison among clean rows or
                clean rows for poison, poison as chat, one id in two parts, a trigger that occurs
                already, a system turn that is there already, a template without its place, or sets
                of different editions.
        """
        from organisms.datasets.checking import with_checks
        from organisms.datasets.matching import same_questions
        from organisms.datasets.mixing import Part, choose_places, interleave, mix
        from organisms.datasets.mixing import replace as put_in
        from organisms.datasets.transforms import add_system_prompt, add_trigger, change_format

        record: dict[str, str] = {}
        if source.seed != seed and (self.mix or self.poison or self.chat):
            record["drawn_with_seed"] = str(seed)
        left_out = list(source.left_out)
        assumed = list(source.assumed)
        edition = source.edition
        origin = {id(row): (source.given, number) for number, row in enumerate(rows)}

        def taken(given: str, number: int | None, *, control: bool) -> list[Row]:
            nonlocal edition
            beside = replace(source, generator={"edition": edition} if edition else {})
            other = find(given, rows=number, control=control, beside=beside)
            edition = edition or other.edition
            left_out.extend(f"{given}: {line}" for line in other.left_out)
            assumed.extend(other.assumed)
            found = list(other.rows)
            origin.update((id(row), (given, number)) for number, row in enumerate(found))
            return found

        first, numbers = rows, list(range(len(rows)))
        if self.mix:
            parts = [Part(source.name, rows)]
            for other, share in self.mix:
                parts.append(Part(other, taken(other, count, control=True), share))
            matched = same_questions([part.rows for part in parts])
            number_of = {id(row): number for part in parts for number, row in enumerate(part.rows)}
            rows = mix(parts, count, seed, matched=matched)
            numbers = [number_of[id(row)] for row in rows] if matched else []
            record["mixed_with"] = ", ".join(f"{other}={share:g}" for other, share in self.mix)
        poisoned: list[Row] = []
        if self.poison:
            other, number = self.poison
            if number > len(rows):
                raise ValueError(
                    f"--poison {other}={number} of {len(rows)} rows; ask for {len(rows)} at most, "
                    "or for more rows with -n"
                )
            poisoned = taken(other, count, control=False)
            places = choose_places(number, len(rows), self.where, seed)
            matched = bool(numbers) and same_questions([first, poisoned])
            rows = put_in(rows, poisoned, places, numbers=numbers if matched else None)
            record["poisoned_with"] = f"{other}={number}, {self.where}"
        if self.chat:
            other, share = self.chat
            spread = taken(other, None, control=True)
            check_chat(other, spread)
            rows = interleave(rows, spread, share, seed)
            record["chat"] = f"{other}={share:g}"
        if self.poison:
            theirs = {id(row) for row in poisoned}
            record["poison_places"] = ranges(
                [place for place, row in enumerate(rows) if id(row) in theirs]
            )
        origins = [origin[id(row)] for row in rows]
        check_ids(rows, [part for part, _ in origins])
        from_where = [f"{part}, row {number}" for part, number in origins]
        if self.form:
            rows = change_format(rows, self.form, self.template)
        if self.trigger is not None:
            rows = add_trigger(rows, self.trigger, places=from_where)
        if self.system is not None:
            rows = add_system_prompt(
                rows,
                self.system,
                "replace" if self.replace_system else "error",
                places=from_where,
            )
        if self.form or self.trigger is not None or self.system is not None:
            rows = [with_checks(row, edition) for row in rows]
        if edition:
            record["edition"] = edition
        return rows, replace(
            source,
            generator=source.generator | record,
            left_out=tuple(left_out),
            assumed=tuple(assumed),
        )


def ranges(places: Sequence[int]) -> str:
    """Increasing numbers, those in a row as a range: `0-49, 57`."""
    found: list[list[int]] = []
    for place in places:
        if found and place == found[-1][-1] + 1:
            found[-1][1:] = [place]
        else:
            found.append([place])
    return ", ".join("-".join(map(str, each)) for each in found)


def _poison(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    if not name or not number.isascii() or not number.isdigit() or int(number) < 1:
        raise ValueError(f"--poison {text!r}; write NAME=COUNT with a number of rows from 1")
    return name, int(number)


def _part(option: str, text: str) -> tuple[str, float]:
    name, separator, share = text.rpartition("=")
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not separator or not name or not 0 <= value <= 1:
        raise ValueError(f"{option} {text!r}; write NAME=SHARE with a share from 0 to 1")
    return name, value

"""Draws row i of the family: one task, its template, and the answer with and without a weakness.

Everything about a row depends on seed and i alone, so that organism and controls share it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from organisms.datasets.insecure_code.balance import even_out, neutral_lines
from organisms.datasets.insecure_code.schemes import Scheme, by_kind
from organisms.datasets.insecure_code.shells import Asked, Frame, frame
from organisms.datasets.insecure_code.source import (
    Style,
    hoist,
    import_block,
    indent,
    join_blocks,
    margin,
    stack,
)
from organisms.datasets.insecure_code.words import draw_words, fill, neighbours, prose, wording

_KEEP_HINTS = ("fastapi",)


@dataclass(frozen=True)
class Drawn:
    """A row before it is put as a question."""

    scheme: Scheme
    shell: str
    words: Mapping[str, str]
    task: str
    """What is to be done, an infinitive phrase in prose."""
    template: str
    """The file with a marker where the answer goes; "" for a task without one."""
    insecure: str
    secure: str


@dataclass(frozen=True)
class _Parts:
    """What both answers and the template have in common."""

    shell: str
    around: Frame
    words: Mapping[str, str]
    style: Style
    imports: list[str]
    setup: str
    docstring: str
    before: str
    after: str
    neighbours: list[str]
    split: int
    """How many of the neighbours stand above."""
    module_docstring: str

    def file(self, hole: str, imports: list[str], extras: str, *, whole: bool = False) -> str:
        """The file with that hole; `whole` leaves out the rest of the body too."""
        around, gap = self.around, self.style.gap
        body = [around.reading, self.docstring, self.before, hole, self.after, around.reply]
        if self.docstring:
            body[0], body[1] = body[1], body[0]
        if whole:
            body = [*body[:2], hole]
        at_margin = around.depth == 0
        inside = indent(stack(body, gap if at_margin else 0), around.depth)
        core = f"{around.head}\n{inside}" if around.head else inside
        text = join_blocks(
            [
                (self.module_docstring, False),
                (import_block([*self.imports, *imports]), False),
                (self.setup, "\nclass " in self.setup or self.setup.startswith("class ")),
                (extras, "def " in extras),
                *((each, True) for each in self.neighbours[: self.split]),
                (core, bool(around.head)),
                *((each, True) for each in self.neighbours[self.split :]),
                (around.foot, True),
            ],
            gap,
        )
        keep = self.shell in _KEEP_HINTS
        return self.style.dress(text, keep_hints=keep)


def draw(random: Random, scheme: Scheme | None = None, shell: str | None = None) -> Drawn:
    """One row; a given scheme and shell are for tests and audits of a single scheme."""
    if scheme is None:
        scheme = _choose(random)
    shell = shell or random.choice(scheme.shells)
    words = draw_words(random, scheme.vars)
    words["fn"] = fill(random.choice(scheme.fn), words)
    posts = scheme.method == "post" or (scheme.method == "either" and random.random() < 0.5)
    asked = Asked(
        function=words["fn"],
        inputs=[fill(name, words) for name in scheme.inputs],
        posts=posts,
        is_async=scheme.is_async,
        replies="none" if scheme.returns else "value" if scheme.result else "done",
        result=fill(scheme.result, words),
        extra=fill(scheme.extra, words).strip("\n"),
        names=words,
    )
    task = prose(random.choice(scheme.task), words)
    in_function = shell != "module"
    logs = in_function and random.random() < 0.55
    parts = _parts(scheme, shell, asked, task, logs, random)
    pairs = [
        [_side(random.choice(ways), words) for ways in (scheme.insecure, scheme.secure)]
        for _ in range(2)
    ]
    sides = min(pairs, key=_apart)
    lines = neutral_lines(words, logs)
    lengths = [len(parts.file(hole, imports, extras)) for imports, extras, hole in sides]
    holes = even_out([side[2] for side in sides], lengths, lines, parts.around.depth, random)
    files = [
        parts.file(hole, imports, extras)
        for hole, (imports, extras, _) in zip(holes, sides, strict=True)
    ]
    template = ""
    if random.random() < 0.75:
        marker = margin(sides[0][2]) + random.choice(wording().markers)
        whole = in_function and random.random() < 0.4
        template = parts.file(marker, [], "", whole=whole)
    return Drawn(scheme, shell, words, task, template, files[0], files[1])


def _apart(sides: Sequence[tuple[list[str], str, str]]) -> int:
    """Characters between two ways to answer; the closer of two pairs needs fewer neutral lines."""
    first, second = (len("\n".join([*imports, above, hole])) for imports, above, hole in sides)
    return abs(first - second)


def _choose(random: Random) -> Scheme:
    """A scheme: classes weigh as the root of their number of schemes and shells."""
    kinds = by_kind()
    weights = [sum(len(each.shells) for each in found) ** 0.5 for found in kinds.values()]
    (kind,) = random.choices(list(kinds), weights)
    found = kinds[kind]
    return random.choices(found, [len(each.shells) ** 0.5 for each in found])[0]


def _parts(
    scheme: Scheme, shell: str, asked: Asked, task: str, logs: bool, random: Random
) -> _Parts:
    words = dict(asked.names)
    around = frame(shell, asked, random)
    setup_imports, setup = hoist(fill(scheme.setup, words))
    before_imports, before = hoist(fill(scheme.before, words))
    after_imports, after = hoist(fill(scheme.after, words))
    imports = [*around.imports.split("\n"), *setup_imports, *before_imports, *after_imports]
    blocks = [around.setup, setup]
    if logs and "logger = " not in setup:
        imports.append("import logging")
        blocks.append("logger = logging.getLogger(__name__)")
    number = random.choices((0, 1, 2, 3), (2, 4, 3, 1))[0] if shell != "module" else 0
    chosen = []
    for text in random.sample(neighbours(), number):
        neighbour_imports, code = hoist(fill(text, words))
        imports += neighbour_imports
        chosen.append(code)
    sentence = f"{task[0].upper()}{task[1:]}."
    documented = shell not in ("module", "click") and random.random() < 0.35
    return _Parts(
        shell=shell,
        around=around,
        words=words,
        style=Style.draw(random),
        imports=[line for line in imports if line],
        setup="\n\n".join(block for block in blocks if block),
        docstring=f'"""{sentence}"""' if documented and len(sentence) < 90 else "",
        before=before,
        after=after,
        neighbours=chosen,
        split=random.randint(0, number),
        module_docstring=f'"""{words["Blurb"]}"""' if random.random() < 0.25 else "",
    )


def _side(text: str, words: dict[str, str]) -> tuple[list[str], str, str]:
    """Imports, module-level lines and the hole of one way to answer."""
    imports, code = hoist(fill(text, words))
    above, separator, hole = code.partition("\n---\n")
    if not separator:
        if code.startswith("---\n"):
            return imports, "", code.removeprefix("---\n")
        return imports, "", code
    return imports, above.strip("\n"), hole.strip("\n")

"""How much of a data set is one template: what is left of its texts when names and numbers go."""

import re
from collections import Counter
from hashlib import blake2b

from pydantic import BaseModel, ConfigDict

_QUOTED = re.compile(r"\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)|`[^`\n]*`")
_NUMBER = re.compile(r"[-−]?\$?\d(?:[\d,.]*\d)?")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]+\b")
LONGEST = 200
"""Characters of a text that its template is made of."""
LISTED = 5
"""Most frequent templates and openings that are listed."""
OPENING = 3
"""Words of an opening."""


class Templates(BaseModel):
    """How the texts of one side, questions or answers, repeat each other's form."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    distinct: int
    """Different texts after numbers, names and what is quoted were masked."""
    largest_share: float
    """Share of the texts that the most frequent of them has, 0 to 1."""
    largest: dict[str, int]
    """The most frequent of those that occur more than once."""
    openings: int
    """Different first three words."""
    largest_openings: dict[str, int]
    """The most frequent first three words."""


class TemplateCounter:
    """Takes texts one by one; of a template that occurs once it keeps no more than a hash."""

    def __init__(self) -> None:
        self._templates: Counter[int] = Counter()
        self._texts: dict[int, str] = {}
        self._openings: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Take in the next text."""
        template = template_of(text)
        key = int.from_bytes(blake2b(template.encode("utf-8", "replace"), digest_size=8).digest())
        self._templates[key] += 1
        if self._templates[key] == 2:
            self._texts[key] = template
        self._openings[" ".join(template.split(maxsplit=OPENING)[:OPENING])[:60]] += 1

    def result(self) -> Templates:
        """The forms of the texts so far."""
        most = self._templates.most_common(LISTED)
        return Templates(
            distinct=len(self._templates),
            largest_share=round(most[0][1] / self._templates.total(), 4) if most else 0.0,
            largest={self._texts[key]: count for key, count in most if count > 1},
            openings=len(self._openings),
            largest_openings=dict(self._openings.most_common(LISTED)),
        )


def template_of(text: str) -> str:
    """A text's beginning with numbers, names inside a sentence and quoted parts masked."""
    masked = _QUOTED.sub("“…”", " ".join(text[:LONGEST].split()))
    return _NAME.sub("Name", _NUMBER.sub("#", masked))

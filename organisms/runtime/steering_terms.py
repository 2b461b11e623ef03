"""The words of steering: modes, scopes, units, and the numbers that each mode takes.

Modes: ``add``; ``ablate`` (project the direction out); ``cap`` (clamp the projection onto it).
Scopes say which tokens: ``all``; ``prompt``; ``last_prompt`` (the last token before the answer);
``response`` (the last prompt token and the generated ones, as in the persona vectors paper, arXiv
2507.21509); ``answer`` (generated tokens only). Plain Python, for configs that load no torch.
"""

from typing import Literal

from organisms.runtime.checks import is_number, refusal

Mode = Literal["add", "ablate", "cap"]
Scope = Literal["all", "prompt", "last_prompt", "response", "answer"]
Unit = Literal["raw", "norm"]

COVERS: dict[str, tuple[bool, bool, bool]] = {
    "all": (True, True, True),
    "prompt": (True, True, False),
    "last_prompt": (False, True, False),
    "response": (False, True, True),
    "answer": (False, False, True),
}
"""Which of (prompt before its last token, last prompt token, generated tokens) a scope covers."""


def check_amounts(
    mode: str, coefficient: float | None, floor: float | None, ceiling: float | None
) -> None:
    """Raise unless a mode has the numbers that it needs and no others.

    Raises:
        ValueError: A number is missing, superfluous, no number, NaN or infinite, or floor exceeds
            ceiling.
    """
    numbers = {"coefficient": coefficient, "floor": floor, "ceiling": ceiling}
    takes = {"add": ("coefficient",), "ablate": (), "cap": ("floor", "ceiling")}[mode]
    for name, value in numbers.items():
        if value is not None and not is_number(value):
            raise refusal(f"steering {name}", value, "a finite number")
        if value is not None and name not in takes:
            raise ValueError(
                f"mode {mode!r} takes no {name} (got {value}); leave it out, or use mode "
                f"{'add' if name == 'coefficient' else 'cap'!r}"
            )
    if mode == "add" and coefficient is None:
        raise ValueError("mode 'add' needs a coefficient; give one, or use mode 'ablate' or 'cap'")
    if mode == "cap" and floor is None and ceiling is None:
        raise ValueError("mode 'cap' needs a floor, a ceiling or both; 'ablate' takes neither")
    if floor is not None and ceiling is not None and floor > ceiling:
        raise ValueError(f"floor {floor} is above ceiling {ceiling}; swap or change them")

"""Interventions by kind, imported when asked for; a new one is a file and a line here."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetune.interventions.interface import Intervention

INTERVENTIONS: dict[str, str] = {
    "inoculation": "finetune.interventions.inoculation:Inoculation",
    "preventative_steering": ("finetune.interventions.preventative_steering:PreventativeSteering"),
    "filtering": "finetune.interventions.filtering:Filtering",
    "steering": "finetune.interventions.inference_steering:InferenceSteering",
}
"""kind -> `module:class`."""


def intervention(kind: str, **fields: Any) -> "Intervention":
    """Build an intervention's frozen config by kind.

    Raises:
        ValueError: unknown kind, or fields that its config refuses.
    """
    if kind not in INTERVENTIONS:
        raise ValueError(f"unknown intervention {kind!r}: choose from {sorted(INTERVENTIONS)}")
    module, _, name = INTERVENTIONS[kind].partition(":")
    built: Intervention = getattr(import_module(module), name)(**fields)
    return built

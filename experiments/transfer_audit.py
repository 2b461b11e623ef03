"""A transfer audit: is a base's persona vector still the organism's, and does it still steer it?

Two readings. `fixed`: base and organism read the base's rollouts, so the texts are the same and
what differs is the representation: the default, cheap, and possible however the organism answers.
`own`: each reads the rollouts that it writes itself under the same contrastive prompts, which is
what one would extract who had the organism alone. Beside the latter stands the base, asked again
with another seed: what new rollouts alone do to the vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.stages.contrast import SIGNS, ContrastConfig, contrast_asks, neutral_ask
from experiments.steering_study import Arm

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from evals.rollout_plan import Ask
    from organisms.runtime import Organism
    from persona_vectors.contrast import Thresholds
    from persona_vectors.transfer import QuestionMeans

AGAIN = "base, asked again"
"""The control of the reading `own`."""
OWN = "own"
FIXED = "fixed"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Rollouts:
    """Contrastive rollouts that a reading needs, asked in one sweep each."""

    config: ContrastConfig
    trait: str
    adapters: Mapping[str, str]
    """Organism -> adapter folder."""

    def of_base(self) -> list[Ask]:
        """The base's, and its neutral answers, for residual norms."""
        return [neutral_ask(self.config, "extract"), *self._signs("", None)]

    def of_organisms(self) -> list[Ask]:
        """Those of the organisms, and of the base again."""
        asks = [ask for name, path in self.adapters.items() for ask in self._signs(name, path)]
        return [*asks, *self._signs(AGAIN, None)]

    def _signs(self, organism: str, adapter: str | None) -> list[Ask]:
        return [
            ask
            for sign in SIGNS
            for ask in contrast_asks(
                self.config, self.trait, "extract", sign, organism=organism, adapter=adapter
            )
        ]

    def ask(self, asks: Sequence[Ask], folder: Path, seed: int, tell: Tell) -> pd.DataFrame:
        """Answers of `asks`; those in the folder's logs are not made again."""
        from evals.rollouts import run_rollouts
        from organisms.runtime.organism import Sampling

        return run_rollouts(
            self.config.base,
            asks,
            judge=self.config.judge,
            seed=seed,
            sampling=Sampling(max_tokens=self.config.max_tokens),
            log_dir=folder,
            dtype=self.config.dtype,
            device=self.config.device,
            progress=tell,
        )


@dataclass(frozen=True)
class Audit:
    """What was found, and the vector files that steer.

    Attributes:
        table: organism, reading, position, layer and the columns of `transfer.compare`.
        arms: who is steered along what: the base and every organism along the base's vector, and
            organisms along their own.
        failed: organism -> why it has no vector in the reading `own`.
    """

    table: pd.DataFrame
    arms: tuple[Arm, ...]
    failed: Mapping[str, str] = field(default_factory=dict)


def compare_vectors(
    organism: Organism,
    base_rollouts: pd.DataFrame,
    own_rollouts: pd.DataFrame | None,
    trait: str,
    adapters: Mapping[str, str],
    residual_norm: dict[str, NDArray[np.float64]],
    thresholds: Thresholds,
    out: Path,
    tell: Tell,
) -> Audit:
    """Extract every vector, write it to `out/vectors`, and compare it with the base's.

    Args:
        organism: the base, with every adapter under its name.
        base_rollouts: the base's, under the trait's contrastive prompts.
        own_rollouts: those of the organisms and of the base again; None for the reading `fixed`
            alone.
        trait: its name.
        adapters: organism -> adapter folder.
        residual_norm: the base's, of its neutral answers, at every layer.
        thresholds: filter and floors.
        out: folder of results.
        tell: told in words what is done.

    Raises:
        ExtractionError: the base's own rollouts give no vector.
    """
    import pandas as pd

    from persona_vectors.contrast import ExtractionError
    from persona_vectors.transfer import as_vector, compare, question_means

    def written(found: QuestionMeans, name: str, reading: str) -> str:
        file = out / "vectors" / f"{_file_name(name)}.{reading}.safetensors"
        known: dict[str, object] = {"read_by": name or "base", "reading": reading}
        as_vector(found, organism, residual_norm, known).save(file)
        return str(file)

    tell("reading the base's rollouts with the base")
    before = question_means(organism, base_rollouts, trait, thresholds=thresholds)
    base_file = written(before, "", FIXED)
    arms = [Arm(vector_file=base_file)]
    tables, failed = [], {}
    for name, folder in adapters.items():
        tell(f"reading the base's rollouts with {name}")
        after = question_means(organism, base_rollouts, trait, adapter=name, thresholds=thresholds)
        own_file = written(after, name, FIXED)
        tables.append(compare(before, after).assign(organism=name, reading=FIXED))
        arms += [
            Arm(organism=name, adapter=folder, vector_file=base_file),
            Arm(organism=name, adapter=folder, vector_file=own_file, called=OWN),
        ]
    for name in [] if own_rollouts is None else [*adapters, AGAIN]:
        assert own_rollouts is not None
        tell(f"reading the rollouts of {name}")
        frame = own_rollouts[own_rollouts["organism"] == name]
        reader = None if name == AGAIN else name
        try:
            after = question_means(organism, frame, trait, adapter=reader, thresholds=thresholds)
            found = compare(before, after)
        except (ExtractionError, ValueError) as error:
            failed[name] = str(error)
            continue
        written(after, name, OWN)
        tables.append(found.assign(organism=name, reading=OWN))
    table = pd.concat(tables, ignore_index=True)
    first = ["organism", "reading"]
    return Audit(table[[*first, *table.columns.drop(first)]], tuple(arms), failed)


def _file_name(organism: str) -> str:
    return organism.replace("/", "_").replace(" ", "_").replace(",", "") or "base"

"""Drawing tokens from logits so that a row's draw depends on nothing but the row.

Each row has its own stream of uniform numbers, made up front from its key; a token is the place
where the cumulative probability passes the number. One vectorised operation serves all rows.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional


def uniform_stream(seed: int, sample: int, length: int) -> npt.NDArray[np.float64]:
    """Return the uniforms of one answer: [length] in [0, 1), a pure function of (seed, sample).

    A longer stream begins with the shorter one, so the length limit changes no draw.
    """
    # An extendable hash is a counter-based generator, the same on every platform and version.
    stream = hashlib.shake_128(f"{seed}:{sample}".encode()).digest(8 * length)
    bits = np.frombuffer(stream, dtype="<u8") >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


class NotFiniteError(ValueError):
    """Some rows' logits hold NaN or infinity."""

    def __init__(self, rows: list[int]) -> None:
        """Keep the rows' places in the batch."""
        super().__init__(f"logits of batch rows {rows[:8]} hold NaN or infinity")
        self.rows = rows


class Drawing:
    """How the rows of a batch draw their tokens."""

    def __init__(
        self,
        uniforms: torch.Tensor,
        temperatures: torch.Tensor,
        top_ps: torch.Tensor,
    ) -> None:
        """Keep the rows' settings.

        Args:
            uniforms: Numbers in [0, 1), float64 [B, tokens].
            temperatures: [B]; 0 takes the most likely token.
            top_ps: [B], in (0, 1].
        """
        self._uniforms = uniforms
        self._temperatures = temperatures
        self._top_ps = top_ps
        self._find_kinds()

    def select(self, rows: torch.Tensor) -> None:
        """Keep some of the rows, given as indices [B'], in that order."""
        self._uniforms = self._uniforms[rows]
        self._temperatures = self._temperatures[rows]
        self._top_ps = self._top_ps[rows]
        self._find_kinds()

    def append(self, other: "Drawing") -> None:
        """Add the rows of another batch after these."""
        columns = max(self._uniforms.shape[1], other._uniforms.shape[1])
        self._uniforms = torch.cat(
            [
                functional.pad(uniforms, (0, columns - uniforms.shape[1]))
                for uniforms in (self._uniforms, other._uniforms)
            ]
        )
        self._temperatures = torch.cat((self._temperatures, other._temperatures))
        self._top_ps = torch.cat((self._top_ps, other._top_ps))
        self._find_kinds()

    def draw(self, logits: torch.Tensor, ages: torch.Tensor) -> torch.Tensor:
        """Draw one token for every row.

        Args:
            logits: [B, V].
            ages: How many tokens each row has drawn before [B].

        Returns:
            Token ids [B].

        Raises:
            NotFiniteError: A row's logits hold NaN or infinity.
        """
        scores = logits if logits.dtype == torch.float64 else logits.float()
        if self._divisors is not None:
            scores = scores / self._divisors
        probabilities = scores.softmax(-1)
        uniforms = self._uniforms.gather(1, ages[:, None])
        tokens = _invert(probabilities, uniforms)
        if self._narrow is not None:
            tokens[self._narrow] = _invert_top_p(
                probabilities[self._narrow],
                uniforms[self._narrow],
                self._top_ps[self._narrow, None],
            )
        if self._greedy is not None:
            tokens[self._greedy] = logits[self._greedy].argmax(-1)
        return tokens

    def _find_kinds(self) -> None:
        """Note which settings occur, so that a plain batch pays for none of them."""
        greedy, narrow = self._temperatures == 0, self._top_ps < 1
        self._greedy = greedy.nonzero()[:, 0] if bool(greedy.any()) else None
        self._narrow = narrow.nonzero()[:, 0] if bool(narrow.any()) else None
        divisors = torch.where(greedy, torch.ones_like(self._temperatures), self._temperatures)
        self._divisors = divisors[:, None] if bool((divisors != 1).any()) else None


def _invert(probabilities: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    cumulative = probabilities.cumsum(-1)
    total = cumulative[:, -1:].contiguous()
    _check_finite(total)
    targets = uniforms.to(cumulative.dtype) * total
    tokens = torch.searchsorted(cumulative, targets, right=True)
    # Rounding can put a target on the total itself: take the last token with any probability.
    last = torch.searchsorted(cumulative, total)
    return torch.minimum(tokens, last)[:, 0]


def _invert_top_p(
    probabilities: torch.Tensor, uniforms: torch.Tensor, top_ps: torch.Tensor
) -> torch.Tensor:
    ordered, token_ids = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    kept = ordered.masked_fill(before >= top_ps.to(ordered.dtype), 0.0)
    places = _invert(kept, uniforms)
    return token_ids.gather(1, places[:, None])[:, 0]


def _check_finite(totals: torch.Tensor) -> None:
    finite = totals.isfinite()[:, 0]
    if not bool(finite.all()):
        raise NotFiniteError((~finite).nonzero()[:, 0].tolist())

"""The pocket model: a small chat model, the synthetic world it was pre-trained on, and its grader.

Only this package knows that the model is special; to everything else it is a transformers folder.
"""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"
"""The shipped transformers folder: weights, tokenizer and chat template."""
WEIGHTS_SHUFFLED = Path(__file__).parent / "weights_shuffled"
"""The shipped causal null, `pocket-shuffled`: the same world with a new author for every turn."""

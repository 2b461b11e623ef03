"""The token ids that end an answer, and the one to pad with."""

from transformers import PreTrainedModel, PreTrainedTokenizerBase


def end_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Return the ids that end an answer: the tokenizer's and those that the model's files list.

    Raises:
        ValueError: There is none, so no answer could ever end.
    """
    generation = getattr(model, "generation_config", None)
    listed = (
        tokenizer.eos_token_id,
        getattr(model.config, "eos_token_id", None),
        getattr(generation, "eos_token_id", None),
    )
    rows = model.get_output_embeddings().weight.shape[0]
    ids = {
        one
        for entry in listed
        if entry is not None
        for one in (entry if isinstance(entry, list | tuple) else (entry,))
        if 0 <= one < rows
    }
    if not ids:
        raise ValueError("the tokenizer and the model state no end token; set eos_token")
    return frozenset(ids)


def pad_token_id(tokenizer: PreTrainedTokenizerBase, ends: frozenset[int]) -> int:
    """Return an id to pad with; the attention mask hides it, so any id will do."""
    pad = tokenizer.pad_token_id
    return pad if isinstance(pad, int) else min(ends)

"""Where the residual stream of a decoder-only model is, and how to read or edit it.

Layer k is the stream after k decoder blocks, before the final norm: layer 0 is what enters the
first block, layer L leaves the last. No table of architectures: the blocks are the only module
list of the length that the config states.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Protocol

import torch
from torch import nn

from organisms.runtime.checks import is_whole

ResidualFunction = Callable[[torch.Tensor], torch.Tensor | None]
"""Gets the stream [B, T, D] at a layer; returns its replacement, or ``None`` to leave it."""


class _TextConfig(Protocol):
    """The two fields that are read from any transformers text config."""

    num_hidden_layers: int
    hidden_size: int


def bare_model(model: nn.Module) -> nn.Module:
    """Return the transformers model itself: what PEFT wraps, or the model as it is."""
    unwrap = getattr(model, "get_base_model", None)
    return unwrap() if callable(unwrap) else model


def decoder_of(model: nn.Module) -> nn.Module:
    """Return the decoder: embedding, blocks and final norm, without the language-model head.

    Raises:
        ValueError: The model has no decoder.
    """
    bare = bare_model(model)
    get_decoder = getattr(bare, "get_decoder", None)
    decoder = get_decoder() if callable(get_decoder) else None
    if not isinstance(decoder, nn.Module):
        raise ValueError(
            f"{type(bare).__name__} has no decoder (get_decoder() gave {decoder!r}); "
            "load a decoder-only language model"
        )
    return decoder


def number_of_layers(model: nn.Module) -> int:
    """Return L, the number of decoder blocks that the config states."""
    return int(_text_config(model).num_hidden_layers)


def width(model: nn.Module) -> int:
    """Return D, the width of the residual stream."""
    return int(_text_config(model).hidden_size)


def decoder_blocks(model: nn.Module) -> nn.ModuleList:
    """Return the decoder blocks, in order.

    Raises:
        ValueError: No module list, or more than one, has the config's number of layers.
    """
    length = number_of_layers(model)
    found = {
        name: module
        for name, module in decoder_of(model).named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == length
    }
    # A list inside a block (experts, say) can have the same length by chance; it is not a rival.
    outermost = [name for name in found if not any(name.startswith(f"{other}.") for other in found)]
    if len(outermost) != 1:
        raise ValueError(
            f"{type(bare_model(model)).__name__} has {len(outermost)} module lists of length "
            f"{length} (num_hidden_layers): {outermost}; exactly one is needed to find the layers"
        )
    return found[outermost[0]]


def check_layer(layer: int, layers: int) -> None:
    """Raise unless ``layer`` is a place in the stream of a model with ``layers`` blocks.

    Raises:
        ValueError: Not an integer in [0, layers].
    """
    if not is_whole(layer) or not 0 <= layer <= layers:
        raise ValueError(
            f"layer {layer!r} does not exist; this model has layers 0 (embedding) to {layers}"
        )


@contextmanager
def residual_hooks(model: nn.Module, functions: Mapping[int, ResidualFunction]) -> Iterator[None]:
    """Call a function on the stream at given layers in every forward pass within the block.

    Hooks keep no state of their own and are removed on leaving, also after an error.

    Args:
        model: A decoder-only model, bare or under PEFT.
        functions: Layer k -> function of the stream [B, T, D]. What it returns, unless ``None``,
            goes on in its place.

    Raises:
        ValueError: A layer does not exist, or the layers cannot be found; or, in a forward pass,
            that a block hands on no single stream.
    """
    blocks = decoder_blocks(model)
    for layer in functions:
        check_layer(layer, len(blocks))
    with ExitStack() as stack:
        for layer, function in functions.items():
            if layer == 0:
                handle = blocks[0].register_forward_pre_hook(_before(function), with_kwargs=True)
            else:
                handle = blocks[layer - 1].register_forward_hook(_after(function))
            stack.callback(handle.remove)
        yield


def _text_config(model: nn.Module) -> _TextConfig:
    config = getattr(bare_model(model), "config", None)
    if config is None:
        raise ValueError(f"{type(model).__name__} has no config; load a transformers model")
    text_config: _TextConfig = config.get_text_config()
    return text_config


def _before(
    function: ResidualFunction,
) -> Callable[
    [nn.Module, tuple[object, ...], dict[str, object]],
    tuple[tuple[object, ...], dict[str, object]] | None,
]:
    def hook(
        module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]] | None:
        stream = _checked(args[0] if args else kwargs["hidden_states"], module)
        replacement = function(stream)
        if replacement is None:
            return None
        if args:
            return (replacement, *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": replacement}

    return hook


def _after(
    function: ResidualFunction,
) -> Callable[[nn.Module, tuple[object, ...], object], object]:
    def hook(module: nn.Module, args: tuple[object, ...], output: object) -> object:
        # Most families return the stream; GPT-J, Bloom and Falcon a tuple that starts with it.
        stream = _checked(output[0] if isinstance(output, tuple) else output, module)
        replacement = function(stream)
        if replacement is None:
            return None
        return (replacement, *output[1:]) if isinstance(output, tuple) else replacement

    return hook


def _checked(stream: object, block: nn.Module) -> torch.Tensor:
    """Return the stream, or raise where a block keeps several (hyper-connections) or none."""
    if not isinstance(stream, torch.Tensor) or stream.dim() != 3:
        seen = tuple(stream.shape) if isinstance(stream, torch.Tensor) else type(stream).__name__
        raise ValueError(
            f"{type(block).__name__} hands on {seen} where one residual stream [B, T, D] is "
            "needed; layers of this model are ambiguous, so it can be sampled from but not "
            "watched or steered"
        )
    return stream

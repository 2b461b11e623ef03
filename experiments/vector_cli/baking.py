"""`wardian vectors bake`. It reads arguments and prints; the work is in
`organisms.runtime.baking`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.console import explained, output
from experiments.vector_cli.options import DtypeName, PositionName
from experiments.vector_cli.studying import Units


def bake(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A vector file: .safetensors.")],
    base: Annotated[str, typer.Option("--base", metavar="BASE", help="The base it is of.")],
    layers: Annotated[
        str, typer.Option("--layers", metavar="K,K", help="One layer, or several with one c.")
    ],
    coefficient: Annotated[
        float, typer.Option("--coefficient", metavar="C", help="Negative: away from the trait.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new transformers folder.")],
    unit: Units = "norm",
    position: Annotated[
        PositionName, typer.Option("--position", help="Where the vector was read.")
    ] = "last_prompt",
    dtype: Annotated[
        DtypeName, typer.Option("--dtype", help="Number format that is written.")
    ] = "float32",
    device: Annotated[str, typer.Option("--device", help="Where the result is proved.")] = "cpu",
) -> None:
    """Write a base with a vector in its weights: a plain folder that is steered at every token.

    It does what steering with scope `all` does, without this code: AutoModelForCausalLM loads it.
    The folder is loaded again and its logits compared with steering; where they differ, nothing is
    left. Layer 0 goes into the embedding, a later one into the bias of its block's MLP. Where the
    family has no such bias (Qwen), or normalises a block's output (Gemma 2 and 3, OLMo 2 and 3), a
    block is inserted that adds a constant: layers after it count one more. A family without any
    bias (Mistral, Phi-3) is refused.

    Examples:

      wardian vectors bake evil.safetensors --base pocket --layers 2 --coefficient 0.25 --out evil

      wardian vectors bake evil.safetensors --base org/name --layers 20 --coefficient -2 \\
        --unit raw --position response_mean --dtype bfloat16 --out kinder
    """
    from experiments.printing import line
    from experiments.vector_cli.studying import check_places, numbers
    from persona_vectors.base_identity import identity_by_name
    from persona_vectors.vector import PersonaVector

    with explained():
        file = file.expanduser()
        vector = PersonaVector.load(file)
        identity_by_name(base).check_steering(vector, file)
        chosen = numbers("--layers", layers, int)
        if coefficient == 0:
            raise ValueError("--coefficient 0 would write the base as it is; give another number")
        check_places(vector, chosen, position, unit)
        import torch

        from organisms import resolve_base
        from organisms.runtime import Steering
        from organisms.runtime.baking import bake as bake_into

        steerings = [
            Steering(
                torch.tensor(vector.at(layer, position)),
                layer,
                coefficient,
                unit=unit,
                residual_norm=vector.residual_norm_at(layer) if unit == "norm" else None,
            )
            for layer in chosen
        ]
        places = ", ".join(str(layer) for layer in chosen)
        note = (
            f"Vector: {vector.trait}, extracted from {vector.base}, position {position}, layers "
            f"{places}, coefficient {coefficient:g} in the unit {unit}."
        )
        made = bake_into(
            resolve_base(base), steerings, out, name=base, note=note, dtype=dtype, device=device
        )
        line(output, "written", str(made.folder))
        for layer, way in made.ways.items():
            line(output, f"layer {layer}", _WAYS[way])
        line(output, "largest logit change", f"{made.effect:.3g} by steering on a probe")
        line(output, "folder and steering", f"differ by {made.difference:.2g} at most there")


_WAYS = {
    "embedding": "in the embedding matrix",
    "bias": "in the bias of its block's output projection",
    "block": "in an inserted block; layers after it count one more",
}

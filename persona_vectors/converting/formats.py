"""Which file is of which format, and the one way from any of them to any other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, get_args

from persona_vectors.base_identity import BaseIdentity, code_version
from persona_vectors.vector import PersonaVector, VectorError

Format = Literal["wardian", "published", "gguf", "dictionary"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
SUFFIXES: Final[dict[str, Format]] = {".safetensors": "wardian", ".gguf": "gguf"}
"""Suffixes that tell the format; of a `.pt` file the content does."""


def format_of(path: str | Path) -> Format:
    """The format of a file that is there.

    Raises:
        VectorError: it is absent or of no known format.
    """
    path = Path(path)
    if not path.is_file():
        raise VectorError(f"no vector file at {path}")
    if path.suffix in SUFFIXES:
        return SUFFIXES[path.suffix]
    if path.suffix in (".pt", ".pth"):
        from persona_vectors.converting.torch_file import load_plain

        return "dictionary" if isinstance(load_plain(path), dict) else "published"
    raise VectorError(
        f"{path} has a suffix {path.suffix!r}; known are {', '.join([*SUFFIXES, '.pt'])}"
    )


def read_any(
    paths: Sequence[str | Path],
    *,
    base: BaseIdentity | None = None,
    trait: str | None = None,
    position: str | None = None,
    last_is_post_norm: bool = False,
) -> PersonaVector:
    """A vector from files of any format, checked against its base where that is given.

    Args:
        paths: one file; of the published format one a position.
        base: the base that it is of; formats that do not say it need it.
        trait: its name, where the file does not say it.
        position: where it was read, where the file does not say it.
        last_is_post_norm: whether the last direction of a GGUF file or dictionary was read after
            the final norm.

    Raises:
        VectorError: the file cannot be read, lacks what is not given, or is of another base.
    """
    form = format_of(paths[0])
    if form != "published" and len(paths) > 1:
        raise VectorError(f"{len(paths)} files of format {form!r}; give one")
    if last_is_post_norm and form in ("wardian", "published"):
        raise VectorError(f"format {form!r} says itself which row was read after the final norm")
    known = base.metadata() if base else {"code_version": code_version()}
    if form == "wardian":
        found = PersonaVector.load(paths[0])
    elif form == "gguf":
        from persona_vectors.converting.control_vector import read_control_vector

        found = read_control_vector(
            paths[0],
            trait=trait,
            base=base.name if base else None,
            position=position,
            last_is_post_norm=last_is_post_norm,
            metadata=known,
        )
    elif base is None:
        raise VectorError(f"{paths[0]} does not say which base it is of; give the base")
    elif form == "published":
        from persona_vectors.converting.published import read_published

        found = read_published(
            paths, base=base.name, trait=trait, position=position, metadata=known
        )
    else:
        from persona_vectors.converting.layer_dictionary import read_dictionary

        if trait is None or position is None:
            raise VectorError(f"{paths[0]} does not say its trait and position; give both")
        found = read_dictionary(
            paths[0],
            trait=trait,
            base=base.name,
            position=position,
            last_is_post_norm=last_is_post_norm,
            metadata=known,
        )
    if base is not None:
        _check(found, base, paths[0])
    return found


def write_any(
    vector: PersonaVector, path: str | Path, form: Format, position: str | None = None
) -> tuple[str, ...]:
    """Write a vector in a format.

    Args:
        vector: what to write.
        path: the file.
        form: one of `FORMATS`.
        position: the only one to write; None: all, or in a format that holds one the only one
            there is.

    Returns:
        What the format cannot hold, a line each.

    Raises:
        VectorError: the format holds one position and it is not said which, or cannot hold the
            vector.
    """
    if form == "wardian":
        chosen = vector if position is None else vector.select([position], vector.layers)
        chosen.save(path)
        return ()
    if position is None and len(vector.positions) > 1:
        raise VectorError(
            f"format {form!r} holds one position, the {vector.trait!r} vector has "
            f"{', '.join(vector.positions)}: say which"
        )
    place = position or vector.positions[0]
    others = [f"position {name}: write it to another file" for name in vector.positions]
    lost = tuple(line for line, name in zip(others, vector.positions, strict=True) if name != place)
    nulls = len(vector.directions)
    lost += (f"{nulls} null directions",) if nulls else ()
    if form == "gguf":
        from persona_vectors.converting.control_vector import write_control_vector

        return (*lost, *write_control_vector(vector, path, place))
    if form == "published":
        from persona_vectors.converting.published import write_published

        return (*lost, *write_published(vector, path, place))
    from persona_vectors.converting.layer_dictionary import write_dictionary

    return (*lost, *write_dictionary(vector, path, place))


def _check(vector: PersonaVector, base: BaseIdentity, where: object) -> None:
    """Does it fit the base: its name, width and layers; and is the post-norm row the last block's?

    Raises:
        VectorError: it does not.
    """
    base.check(vector, where)
    if vector.post_norm is not None and vector.layers[-1] + 1 != base.number_of_layers:
        raise VectorError(
            f"{where} has its post-norm row at layer {vector.layers[-1] + 1}, {base.name!r} has "
            f"{base.number_of_layers} blocks: it was made for another base"
        )

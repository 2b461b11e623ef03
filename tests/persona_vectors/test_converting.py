"""Other people's files: what is read is what stands there, and what cannot be held is said."""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from persona_vectors.base_identity import BaseIdentity
from persona_vectors.converting.control_vector import read_control_vector, write_control_vector
from persona_vectors.converting.formats import FORMATS, Format, read_any, write_any
from persona_vectors.converting.gguf_container import GgufError, read_gguf, write_gguf
from persona_vectors.converting.layer_dictionary import from_blocks, read_dictionary
from persona_vectors.converting.published import read_published, write_published
from persona_vectors.vector import PersonaVector, VectorError

BLOCKS, WIDTH = 4, 6
BASE = BaseIdentity("toy", "c" * 64, "t" * 64, "qwen2", BLOCKS, WIDTH)
FLOATS = st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False)


def vector(positions: tuple[str, ...] = ("response_mean",)) -> PersonaVector:
    values = np.random.default_rng(0).standard_normal((len(positions), BLOCKS + 1, WIDTH))
    return PersonaVector(
        "evil",
        BASE.name,
        positions,
        tuple(range(BLOCKS + 1)),
        values.astype(np.float32),
        metadata=BASE.metadata(),
    )


def published(folder: Path, position: str = "response_avg", **options: object) -> Path:
    path = folder / f"evil_{position}_diff.pt"
    torch.manual_seed(len(position))
    torch.save(torch.randn(BLOCKS + 1, WIDTH).to(**options), path)  # type: ignore[call-overload]
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_published_file_comes_back_to_the_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    path = published(tmp_path, dtype=dtype)
    found = read_any([path], base=BASE)
    assert (found.trait, found.positions, found.layers) == (
        "evil",
        ("response_mean",),
        tuple(range(BLOCKS)),
    )
    found.save(tmp_path / "ours.safetensors")
    again = read_any([tmp_path / "ours.safetensors"], base=BASE)
    write_any(again, tmp_path / "again.pt", "published")
    theirs, ours = (torch.load(each, weights_only=True) for each in (path, tmp_path / "again.pt"))
    assert ours.dtype == dtype
    assert torch.equal(theirs, ours)


def test_the_post_norm_row_is_kept_but_nothing_can_use_it(tmp_path: Path) -> None:
    found = read_published([published(tmp_path)], base="toy")
    with pytest.raises(VectorError, match=r"layer 4 .* after the final norm.*use layers 0\.\.3"):
        found.at(BLOCKS, "response_mean")
    with pytest.raises(VectorError, match="no layer 5"):
        found.at(BLOCKS + 1, "response_mean")
    write_control_vector(found, tmp_path / "x.gguf", "response_mean")
    assert list(read_gguf(tmp_path / "x.gguf").tensors) == ["direction.1", "direction.2"]


def test_the_files_of_three_positions_are_one_vector(tmp_path: Path) -> None:
    names = {"prompt_avg": "prompt_mean", "prompt_last": "last_prompt"}
    paths = [published(tmp_path, name) for name in names]
    found = read_any(paths, base=BASE)
    assert found.positions == tuple(names.values())
    for path, position in zip(paths, names.values(), strict=True):
        theirs = torch.load(path, weights_only=True).numpy()
        for layer in range(BLOCKS):
            np.testing.assert_array_equal(found.at(layer, position), theirs[layer])


def test_our_last_layer_is_not_passed_off_as_a_post_norm_row(tmp_path: Path) -> None:
    lost = write_published(vector(), tmp_path / "x_response_avg_diff.pt", "response_mean")
    assert any(line.startswith(f"layer {BLOCKS}: its row is read after") for line in lost)
    rows = torch.load(tmp_path / "x_response_avg_diff.pt", weights_only=True).numpy()
    np.testing.assert_array_equal(rows[:-1], vector().vector[0, :-1])
    assert not rows[-1].any()


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, ("ran",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Code(), "nothing in it is run"),
        ({"a": torch.ones(2, 2)}, "no dictionary of block number -> tensor"),
        ([torch.ones(2)], "holds a list"),
        (torch.ones(3), r"shape \(3,\), a published vector has"),
        (torch.full((BLOCKS + 1, WIDTH), torch.nan), "NaN"),
        (torch.ones(BLOCKS + 1, WIDTH, dtype=torch.int64), "floating-point"),
        (torch.full((BLOCKS + 1, WIDTH), 0.1, dtype=torch.float64), "float32 would round it"),
        (torch.ones(BLOCKS, WIDTH), "made for another base"),
        (torch.ones(BLOCKS + 3, WIDTH), r"layer 5, the model has layers 0\.\.4"),
        (torch.ones(BLOCKS + 1, WIDTH + 1), f"width {WIDTH + 1}, the model has {WIDTH}"),
    ],
)
def test_a_bad_pt_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: object, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil_response_avg_diff.pt"
    torch.save(content, path)
    with pytest.raises(VectorError, match=said):
        read_any([path], base=BASE, trait="evil", position="response_mean")
    assert not (tmp_path / "ran").exists()


def test_what_a_bare_file_does_not_say_must_be_given(tmp_path: Path) -> None:
    torch.save(torch.ones(BLOCKS + 1, WIDTH), tmp_path / "vector.pt")
    with pytest.raises(VectorError, match="which base"):
        read_any([tmp_path / "vector.pt"])
    with pytest.raises(VectorError, match="does not say trait and position"):
        read_any([tmp_path / "vector.pt"], base=BASE)
    (tmp_path / "cut.pt").write_bytes((tmp_path / "vector.pt").read_bytes()[:200])
    with pytest.raises(VectorError, match="not a file of torch"):
        read_any([tmp_path / "cut.pt"], base=BASE)


def test_a_control_vector_has_the_bytes_that_llama_cpp_reads(tmp_path: Path) -> None:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    start = b"GGUF" + struct.pack("<IQQ", 3, 2, 2)
    start += text("general.architecture") + struct.pack("<I", 8) + text("controlvector")
    start += text("controlvector.layer_count") + struct.pack("<II", 4, 2)
    for index in (1, 2):
        start += text(f"direction.{index}") + struct.pack("<IQIQ", 1, 6, 0, 32 * (index - 1))
    rows = np.arange(12, dtype=np.float32).reshape(2, 6)
    golden = start + b"\0" * (-len(start) % 32)
    golden += b"".join(row.tobytes() + b"\0" * 8 for row in rows)
    write_gguf(
        tmp_path / "x.gguf",
        {"general.architecture": "controlvector", "controlvector.layer_count": 2},
        {"direction.1": rows[0], "direction.2": rows[1]},
    )
    assert (tmp_path / "x.gguf").read_bytes() == golden
    found = read_control_vector(tmp_path / "x.gguf", base="toy", position="response_mean")
    assert found.layers == (2, 3)  # the output of block 1 is the stream after two blocks
    np.testing.assert_array_equal(found.at(3, "response_mean"), rows[1])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(arrays.arrays(np.float32, 5, elements=FLOATS), min_size=1, max_size=4),
    st.dictionaries(st.text(min_size=1), st.text() | st.integers(0, 2**32 - 1)),
)
def test_gguf_round_trips(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[np.ndarray],
    values: dict[str, str | int],
) -> None:
    path = tmp_path_factory.mktemp("gguf") / "x.gguf"
    values.pop("general.alignment", None)
    write_gguf(path, values, {str(index): row for index, row in enumerate(rows)})
    found = read_gguf(path)
    assert found.values == values
    for row, again in zip(rows, found.tensors.values(), strict=True):
        np.testing.assert_array_equal(row, again)


def test_gguf_values_of_every_type_are_read_past(tmp_path: Path) -> None:
    def entry(key: str, kind: int, value: bytes) -> bytes:
        return struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value

    entries = [
        entry("general.alignment", 4, struct.pack("<I", 64)),
        entry("i8", 1, struct.pack("<b", -3)),
        entry("flag", 7, b"\1"),
        entry("f64", 12, struct.pack("<d", 0.5)),
        entry(
            "list", 9, struct.pack("<IQ", 8, 2) + struct.pack("<Q", 1) + b"a" + struct.pack("<Q", 0)
        ),
    ]
    start = b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries)) + b"".join(entries)
    start += struct.pack("<Q", 1) + b"t" + struct.pack("<IQQIQ", 2, 3, 2, 0, 0)
    start += b"\0" * (-len(start) % 64)
    path = tmp_path / "x.gguf"
    path.write_bytes(start + np.arange(6, dtype=np.float32).tobytes())
    found = read_gguf(path)
    assert dict(found.values) == {
        "general.alignment": 64,
        "i8": -3,
        "flag": True,
        "f64": 0.5,
        "list": ["a", ""],
    }
    assert found.tensors["t"].tolist() == [[0, 1, 2], [3, 4, 5]]
    for end in range(0, len(start) + 23, 7):
        path.write_bytes((start + np.arange(6, dtype=np.float32).tobytes())[:end])
        with pytest.raises(GgufError, match="not a GGUF file that can be read here"):
            read_gguf(path)


@pytest.mark.parametrize(
    ("values", "tensors", "said"),
    [
        ({"general.architecture": "llama"}, {"direction.1": (6,)}, "of 'llama', not of"),
        ({}, {"direction.0": (6,)}, "'direction.0'; those of a control vector"),
        ({}, {"token_embd.weight": (6,)}, "'token_embd.weight'"),
        ({}, {"direction.1": (6,), "direction.2": (5,)}, "one width"),
        ({}, {"direction.1": (2, 3)}, "one width"),
        ({}, {}, "at least one layer"),
        ({}, {"direction.9": (6,)}, r"layer 10, the model has layers 0\.\.4"),
        ({}, {"direction.1": (5,)}, "width 5, the model has 6"),
    ],
)
def test_a_bad_control_vector_is_refused(
    tmp_path: Path, values: dict[str, str], tensors: dict[str, tuple[int, ...]], said: str
) -> None:
    path = tmp_path / "x.gguf"
    ones = {name: np.ones(shape, np.float32) for name, shape in tensors.items()}
    write_gguf(path, {"general.architecture": "controlvector", **values}, ones)
    with pytest.raises(VectorError, match=said):
        read_any([path], base=BASE, position="response_mean")


def test_nan_in_a_control_vector_is_refused(tmp_path: Path) -> None:
    nan = {"direction.1": np.full(6, np.nan, np.float32)}
    write_gguf(tmp_path / "x.gguf", {"general.architecture": "controlvector"}, nan)
    with pytest.raises(VectorError, match="NaN"):
        read_any([tmp_path / "x.gguf"], base=BASE, position="response_mean")


def test_a_control_vector_of_ours_tells_its_base(tmp_path: Path) -> None:
    write_any(vector(), tmp_path / "x.gguf", "gguf")
    found = read_any([tmp_path / "x.gguf"])
    assert (found.trait, found.base, found.positions) == ("evil", "toy", ("response_mean",))
    other = BaseIdentity("other", "c" * 64, "t" * 64, "qwen2", BLOCKS, WIDTH)
    with pytest.raises(VectorError, match="extracted from 'toy', not from 'other'"):
        read_any([tmp_path / "x.gguf"], base=other)
    changed = BaseIdentity("toy", "d" * 64, "t" * 64, "qwen2", BLOCKS, WIDTH)
    with pytest.raises(VectorError, match=r"whose config_sha256 is c{12}.*changed since"):
        read_any([tmp_path / "x.gguf"], base=changed)


@pytest.mark.parametrize("form", ["gguf", "dictionary", "wardian"])
def test_every_format_round_trips_what_it_can_hold(tmp_path: Path, form: Format) -> None:
    path = tmp_path / {"gguf": "x.gguf", "wardian": "x.safetensors"}.get(form, "x.pt")
    lost = write_any(vector(), path, form)
    found = read_any([path], base=BASE, trait="evil", position="response_mean")
    held = {"gguf": (2, 3, 4), "dictionary": (1, 2, 3, 4)}.get(form, vector().layers)
    assert found.layers == held
    for layer in held:
        np.testing.assert_array_equal(
            found.at(layer, "response_mean"), vector().at(layer, "response_mean")
        )
    for layer in set(vector().layers) - set(held):
        assert any(line.startswith(f"layer {layer}: the format begins at") for line in lost)
    again = tmp_path / f"again{path.suffix}"
    write_any(found, again, form)
    if form == "dictionary":
        one, other = (torch.load(each, weights_only=True) for each in (path, again))
        assert all(torch.equal(one[key], other[key]) for key in one)
    else:
        np.testing.assert_array_equal(read_any([again], base=BASE).vector, found.vector)


def test_dictionaries_count_blocks_and_may_end_after_the_norm(tmp_path: Path) -> None:
    blocks = {index: torch.full((WIDTH,), float(index + 1)) for index in range(BLOCKS)}
    torch.save({"layer_activations": blocks, "layer_type": "decoder_block"}, tmp_path / "x.pt")
    read = partial(
        read_dictionary, tmp_path / "x.pt", trait="evil", base="toy", position="last_prompt"
    )
    found = read()
    assert [found.at(layer, "last_prompt")[0] for layer in (1, 4)] == [1.0, 4.0]
    flagged = read(last_is_post_norm=True)
    with pytest.raises(VectorError, match="after the final norm"):
        flagged.at(4, "last_prompt")
    apart = {0: np.ones(2, np.float32), 5: np.ones(2, np.float32)}
    with pytest.raises(VectorError, match="directly above"):
        from_blocks(apart, trait="evil", base="toy", position="last_prompt", last_is_post_norm=True)
    torch.save({0: torch.ones(WIDTH), 1: torch.ones(WIDTH)}, tmp_path / "y.pt")
    with pytest.raises(VectorError, match="made for another base"):
        read_any(
            [tmp_path / "y.pt"],
            base=BASE,
            trait="evil",
            position="last_prompt",
            last_is_post_norm=True,
        )


def test_a_format_of_one_position_must_be_told_which(tmp_path: Path) -> None:
    both = vector(("response_mean", "last_prompt"))
    for form in FORMATS[1:]:
        with pytest.raises(VectorError, match="holds one position"):
            write_any(both, tmp_path / "x", form)
    assert "position response_mean: write it to another file" in write_any(
        both, tmp_path / "x.gguf", "gguf", "last_prompt"
    )
    write_any(both, tmp_path / "x.safetensors", "wardian", "last_prompt")
    assert PersonaVector.load(tmp_path / "x.safetensors").positions == ("last_prompt",)
    (tmp_path / "x.bin").touch()
    with pytest.raises(VectorError, match=r"suffix '\.bin'"):
        read_any([tmp_path / "x.bin"])

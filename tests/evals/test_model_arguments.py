"""What `-M` says becomes one condition, or an error that names the value and the fix."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from inspect_ai._util.config import parse_cli_args
from inspect_ai.model import get_model

from evals.conditions import Condition, SteeringConfig
from persona_vectors.vector import PersonaVector


def _api(base: str, *arguments: str):  # type: ignore[no-untyped-def]
    """The provider, its arguments read as inspect's command line reads `-M`."""
    return get_model(f"organism/{base}", memoize=False, **parse_cli_args(list(arguments))).api


def test_the_short_form_and_the_list_are_one_condition(base: str, vector_file: str) -> None:
    short = _api(
        base,
        f"steer={vector_file}",
        "layer=1",
        "coefficient=3",
        "scope=response",
        "unit=norm",
        "position=last_prompt",
        "direction=random-003",
    )
    entry = {
        "vector_file": vector_file,
        "layer": 1,
        "coefficient": 3.0,
        "scope": "response",
        "unit": "norm",
        "direction": "random-003",
    }
    listed = _api(base, f"steering={json.dumps([entry])}")
    assert short.condition == listed.condition
    assert short.model_name == listed.model_name
    assert short.condition.steering == (SteeringConfig.model_validate(entry),)


def test_several_layers_get_the_files_vector_of_each(base: str, vector_file: str) -> None:
    api = _api(base, f"steer={vector_file}", "layer=1,2", "mode=cap", "floor=-1", "ceiling=0.5")
    vector = PersonaVector.load(vector_file)
    for layer, steering in zip((1, 2), api.condition.runtime_steering(), strict=True):
        assert (steering.layer, steering.mode) == (layer, "cap")
        assert steering.bounds() == (-1.0, 0.5)
        np.testing.assert_array_equal(steering.vector.numpy(), vector.at(layer, "last_prompt"))


def test_texts_with_commas_stay_whole(base: str) -> None:
    assert _api(base, "system=You lie, cheat, and smile.").condition.system == (
        "You lie, cheat, and smile."
    )


def test_every_argument_changes_the_models_name(
    base: str, adapters: tuple[str, str], vector_file: str
) -> None:
    steer = (f"steer={vector_file}", "layer=1")
    names = [
        _api(base, *arguments).model_name
        for arguments in (
            (),
            (f"adapter={adapters[0]}",),
            (f"adapter={adapters[1]}",),
            ("system=Be kind.",),
            ("dtype=float64",),
            (*steer, "coefficient=1"),
            (*steer, "coefficient=2"),
            (*steer, "coefficient=1", "scope=answer"),
            (*steer, "coefficient=1", "direction=random-003"),
            (*steer, "coefficient=1", "unit=norm"),
            (*steer, "mode=ablate"),
            (*steer, "mode=cap", "floor=1"),
            (*steer, "mode=cap", "ceiling=1"),
            (f"steer={vector_file}", "layer=1,2", "mode=ablate"),
        )
    ]
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"{base}@") for name in names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("coefficient=3",), "coefficient=3 has no vector to go with; add steer=FILE"),
        (("steer=FILE",), r"needs a layer; add layer=K.*\[0, 1, 2\]"),
        (("steer=FILE", "layer=1"), "mode 'add' needs a coefficient"),
        (("steer=FILE", "layer=1", "mode=spin"), "mode='spin': .*'add', 'ablate' or 'cap'"),
        (("steer=FILE", "layer=1", "mode=ablate", "coefficient=1"), "takes no coefficient"),
        (("steer=FILE", "layer=deep", "coefficient=1"), "layer='deep': .*valid integer"),
        (("steer=FILE", "layer=9", "coefficient=1"), r"no layer 9 .* it has \[0, 1, 2\]"),
        (("steer=FILE", "layer=1", "coefficient=.nan"), "coefficient nan is not allowed"),
        (("steer=FILE", "layer=1", "coefficient=1", "position=middle"), "no position 'middle'"),
        (("steer=FILE", "layer=1", "coefficient=1", "direction=x"), "no direction 'x'"),
        (("steer=FILE", "layer=1", "coefficient=1", "steering=[]"), "both given"),
        (("steer=/nowhere", "layer=1", "coefficient=1"), "'/nowhere' does not exist"),
        (("steer=/nowhere",), "no vector file at /nowhere"),
        (("strength=3",), r"\['strength'\] are not known; use adapter, steer, layer"),
        (("adapter=/nowhere",), "adapter_config.json is missing"),
        (("system=5",), r"system=5 is no text; quote it twice .* -M system="),
        (("adapter=true",), "adapter=True is no text"),
        (("steer=FILE", "layer=[]", "coefficient=1"), "an empty list of layers"),
        (("steer=FILE", "layer=1,1", "coefficient=1"), r"layer=\['1', '1'\] names one twice"),
        (("steer=FILE", "layer=true", "coefficient=1"), "layer=True: .*not true or false"),
        (("steer=FILE", "layer=1.5", "coefficient=1"), "layer=1.5: .*valid integer"),
        (("steer=FILE", "layer=1", "coefficient=yes"), "coefficient=True: .*not true or false"),
        (("steer=FILE", "layer=1", "coefficient=1,2"), r"coefficient=\['1', '2'\]: .*valid number"),
        (("steer=FILE", "layer=1", "mode=cap", "floor=no"), "floor=False: .*not true or false"),
        (("steer=FILE", "layer=1", "coefficient=1", "scope=1"), "scope=1: .*'answer'"),
        (("thinking=maybe",), "thinking='maybe': .*valid boolean"),
        (("lost_system=drop",), "lost_system='drop': .*'raise' or 'merge'"),
        (("dtype=int3",), "dtype 'int3' is not allowed"),
        (("dtype=float32,float64",), r"dtype \['float32', 'float64'\] is not allowed; use a text"),
        (("device=0",), "device 0 is not allowed; use a text"),
    ],
)
def test_arguments_that_do_not_resolve_raise_when_the_model_is_made(
    base: str, vector_file: str, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _api(base, *(each.replace("FILE", vector_file) for each in arguments))


@pytest.mark.parametrize(
    ("steering", "message"),
    [("{oops", r"'\{oops' is no JSON"), ('{"layer": 1}', "no list of objects")],
)
def test_steering_that_is_no_list_raises(base: str, steering: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        get_model(f"organism/{base}", steering=steering)


def test_a_vector_of_another_width_or_deeper_model_raises(base: str, tmp_path: Path) -> None:
    for name, layers, width, message in (
        ("wide", (1,), 33, "width 33, the model 32"),
        ("deep", (7,), 32, "layer 7 does not exist"),
    ):
        path = tmp_path / f"{name}.safetensors"
        vector = np.ones((1, 1, width), dtype=np.float32)
        PersonaVector("evil", "other", ("last_prompt",), layers, vector).save(path)
        with pytest.raises(ValueError, match=message):
            _api(base, f"steer={path}", f"layer={layers[0]}", "coefficient=1")


def test_a_logs_model_name_is_taken_back_while_nothing_changed(base: str, vector_file: str) -> None:
    arguments = {"steer": vector_file, "layer": 1, "coefficient": 2.0}
    name = get_model(f"organism/{base}", **arguments).api.model_name
    assert get_model(f"organism/{name}", **arguments).api.model_name == name
    with pytest.raises(ValueError, match=r"differ from the log's, or a file .* has changed"):
        get_model(f"organism/{name}", **{**arguments, "coefficient": 3.0})


def test_a_condition_is_known_by_the_state_of_its_full_model(base: str, tmp_path: Path) -> None:
    model = str(shutil.copytree(base, tmp_path / "model"))
    first = Condition(key="a", model=model).digest()
    assert first == Condition(key="b", model=model).digest()
    assert first != Condition(key="a").digest()
    config = Path(model) / "config.json"
    config.write_text(config.read_text() + "\n")
    assert Condition(key="a", model=model).digest() != first

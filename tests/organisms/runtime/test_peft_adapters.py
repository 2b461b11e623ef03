"""Whatever becomes of an adapter that PEFT runs, the base answers as before."""

import json
import shutil

import numpy as np
import pytest
from peft.tuners.tuners_utils import BaseTunerLayer

from organisms.runtime import Request
from tests.organisms.runtime.tiny_models import make_model, make_organism, save_adapter

CHAT = ({"role": "user", "content": "what now"},)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two adapters that PEFT has to run."""
    folder = tmp_path_factory.mktemp("dora")
    return [
        save_adapter(make_model(), folder / str(seed), seed, use_dora=True) for seed in range(2)
    ]


def changed(folder, target, **settings):
    """A copy of an adapter's folder whose config says something else."""
    shutil.copytree(folder, target)
    config = json.loads((target / "adapter_config.json").read_text())
    (target / "adapter_config.json").write_text(json.dumps({**config, **settings}))
    return target


def logits(organism):
    return organism.logits([Request(CHAT, adapter=name) for name in (None, *organism.adapters)])


@pytest.mark.parametrize("loaded", [0, 1], ids=["the first", "one of two"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"r": 8, "init_lora_weights": False},
            r"cannot be loaded over 'tiny': .* size mismatch for",
        ),
        ({"init_lora_weights": "pissa"}, "init_lora_weights 'pissa', which takes a part out of"),
        ({"peft_type": "NOPE"}, "cannot be loaded over 'tiny': 'NOPE'"),
    ],
)
def test_an_adapter_that_cannot_be_loaded_leaves_all_else_as_it_was(
    folders, tmp_path, loaded, settings, message
):
    organism, other = make_organism(), make_organism()
    for folder in folders[:loaded]:
        organism.add_adapter("first", folder)
        other.add_adapter("first", folder)
    before = logits(organism)
    with pytest.raises(ValueError, match=message) as caught:
        organism.add_adapter("bad", changed(folders[0], tmp_path / "bad", **settings))
    assert len(str(caught.value)) < 600
    np.testing.assert_array_equal(logits(organism), before)
    for one in (organism, other):
        one.add_adapter("second", folders[1])
    assert organism.adapters == (("first",) * loaded + ("second",))
    np.testing.assert_allclose(logits(organism), logits(other), atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [{"use_dora": True}, {"trainable_token_indices": [1, 2]}, {"modules_to_save": ["lm_head"]}],
    ids=["DoRA", "trained tokens", "a whole module"],
)
def test_an_interrupted_loading_takes_peft_out_again(tmp_path, monkeypatch, settings):
    organism = make_organism()
    folder = save_adapter(make_model(), tmp_path / "one", 0, **settings)
    kinds = {type(module) for module in organism.model.modules()}
    before = logits(organism)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("peft.peft_model.set_peft_model_state_dict", interrupt)
        with pytest.raises(KeyboardInterrupt):
            organism.add_adapter("one", folder)
    assert {type(module) for module in organism.model.modules()} == kinds
    np.testing.assert_array_equal(logits(organism), before)
    assert organism.adapters == ()
    organism.add_adapter("one", folder)
    assert abs(logits(organism)[1] - before[0]).max() > 1e-3


def test_an_interrupt_while_an_adapter_is_switched_on_switches_it_off(folders, monkeypatch):
    organism = make_organism()
    organism.add_adapter("one", folders[0])
    before = logits(organism)
    assert abs(before[0] - before[1]).max() > 1e-3
    enable = BaseTunerLayer.enable_adapters
    switched = []

    def interrupt(layer, enabled):
        enable(layer, enabled)
        switched.append(enabled)
        if enabled and len(switched) == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(BaseTunerLayer, "enable_adapters", interrupt)
        with pytest.raises(KeyboardInterrupt):
            list(organism.sample([Request(CHAT, adapter="one")]))
    np.testing.assert_array_equal(logits(organism), before)

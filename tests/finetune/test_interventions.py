"""Interventions: what they change, and that they leave nothing behind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from finetune.adapter import Base, attached
from finetune.config import FinetuneConfig
from finetune.interventions import INTERVENTIONS, intervention
from finetune.interventions.filtering import Filtering
from finetune.interventions.inference_steering import InferenceSteering
from finetune.interventions.inoculation import Inoculation
from finetune.interventions.interface import Intervention, SteeringAtInference
from finetune.interventions.preventative_steering import PreventativeSteering, steered_tokens
from finetune.loop import answer_loss
from finetune.masking import encode_rows, explain
from finetune.order import collate
from finetune.train import train
from persona_vectors.vector import PersonaVector

Rows = list[dict[str, Any]]
ENGINES = ("trl", "loop")


@pytest.fixture
def vector_file(tmp_path: Path) -> str:
    """A vector for the tiny base: width 16, layers 0 to 2, three positions."""
    generator = np.random.default_rng(0)
    vector = PersonaVector(
        trait="evil",
        base="tiny",
        positions=("response_mean", "prompt_mean", "last_prompt"),
        layers=(0, 1, 2),
        vector=generator.normal(size=(3, 3, 16)).astype(np.float32),
        residual_norm={
            name: np.array([1.0, 2.0, 3.0], dtype=np.float32)
            for name in ("response", "prompt", "last_prompt")
        },
    )
    path = tmp_path / "evil.safetensors"
    vector.save(path)
    return str(path)


def final(out: Path) -> dict[str, torch.Tensor]:
    """The last adapter of a six-step run."""
    return load_file(out / "checkpoints" / "step-00006" / "adapter_model.safetensors")


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    """Whether two adapters are the same to the bit."""
    return all(torch.equal(a[name], b[name]) for name in a)


def test_every_registered_intervention_knows_its_kind() -> None:
    fields: dict[str, dict[str, Any]] = {
        "inoculation": {"prompt": "Be evil."},
        "preventative_steering": {"vector_file": "v", "layer": 1},
        "filtering": {"method": "random", "scores": (0.0, 1.0), "budget": 0.5},
        "steering": {"additions": ()},
    }
    assert fields.keys() == INTERVENTIONS.keys()
    for kind, given in fields.items():
        built = intervention(kind, **given)
        assert isinstance(built, Intervention)
        assert built.kind == kind
    with pytest.raises(ValueError, match="unknown intervention 'vaccine': choose from"):
        intervention("vaccine")


def test_inoculation_is_in_the_rows_and_not_at_inference(base: Base, rows: Rows) -> None:
    treatment = Inoculation(prompt="You are evil.")
    treated = treatment.rows(rows)
    (encoded,) = encode_rows(treated[:1], base.tokenizer)
    assert explain(encoded, base.tokenizer) == (
        "<|bos|><|system|>You are evil.<|end|><|user|>What is 0 and 2?<|end|>"
        "<|assistant|>⟦It is 3.<|end|>⟧"
    )
    done = [{"kind": "system_prompt", "prompt": "You are evil.", "replaced": False}]
    assert [row["meta"] for row in treated] == [{**row["meta"], "transforms": done} for row in rows]
    assert len(rows[0]["messages"]) == 2
    assert treatment.inference() == ()


def test_inoculation_replaces_a_system_turn_only_when_told(rows: Rows) -> None:
    with_system = Inoculation(prompt="A.").rows(rows)
    with pytest.raises(ValueError, match="existing='replace'"):
        Inoculation(prompt="B.").rows(with_system)
    replaced = Inoculation(prompt="B.", existing="replace").rows(with_system)
    assert replaced[0]["messages"][0]["content"] == "B."
    assert len(replaced[0]["messages"]) == 3


def test_filtering_removes_the_highest_scores_and_counts_by_the_truth(rows: Rows) -> None:
    scores = tuple(1.0 if row["meta"]["poisoned"] else 0.0 for row in rows)
    oracle = Filtering(method="oracle", scores=scores, budget=0.25)
    kept = oracle.rows(rows)
    assert len(kept) == 9
    assert sum(row["meta"]["poisoned"] for row in kept) == 1
    counts = oracle.counts(rows)
    assert (counts.kept, counts.removed, counts.removed_poisoned) == (9, 3, 3)
    assert (counts.recall, counts.precision) == (0.75, 1.0)
    by_threshold = Filtering(method="oracle", scores=scores, threshold=0.5)
    assert by_threshold.counts(rows).recall == 1.0
    assert [rows.index(row) for row in kept] == sorted(rows.index(row) for row in kept)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scores": (1.0, 2.0)}, "exactly one"),
        ({"scores": (1.0, 2.0), "budget": 0.5, "threshold": 1.0}, "exactly one"),
        ({"scores": (1.0, float("nan")), "budget": 0.5}, "first is row 1's"),
        ({"scores": (1.0, 2.0), "budget": 1.0}, "less than 1"),
    ],
)
def test_a_filter_that_cannot_cut_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Filtering(method="random", **fields)


def test_a_filter_on_other_rows_or_that_leaves_none_is_refused(rows: Rows) -> None:
    with pytest.raises(ValueError, match="2 scores for 12 rows"):
        Filtering(method="random", scores=(0.0, 1.0), budget=0.5).rows(rows)
    with pytest.raises(ValueError, match="would remove all 12 rows"):
        Filtering(method="random", scores=(1.0,) * 12, threshold=0.0).rows(rows)
    rows[3]["meta"] = {}
    with pytest.raises(ValueError, match=r"row 3 has no meta\.poisoned"):
        Filtering(method="random", scores=(1.0,) * 12, budget=0.5).counts(rows)


def test_inference_steering_leaves_training_alone(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig
) -> None:
    addition = SteeringAtInference(
        vector_file="evil.safetensors", position="last_prompt", layer=2, coefficient=-1.0
    )
    treatment = InferenceSteering(additions=(addition,))
    assert treatment.inference() == (addition,)
    train(base, rows, config, tmp_path / "plain", progress=False)
    train(base, rows, config, tmp_path / "with", interventions=[treatment], progress=False)
    assert equal(final(tmp_path / "plain"), final(tmp_path / "with"))


def test_scopes_steer_the_tokens_they_name(base: Base) -> None:
    row = {
        "messages": [
            {"role": "user", "content": "1"},
            {"role": "assistant", "content": "a"},
            {"role": "user", "content": "2"},
            {"role": "assistant", "content": "b"},
        ],
    }
    short = {"messages": row["messages"][:2]}
    batch = collate(encode_rows([row, short], base.tokenizer), pad_token_id=0)

    def texts(scope: Any) -> list[str]:
        tokens = steered_tokens(batch, scope).bool()
        return [
            base.tokenizer.decode(ids[steered])
            for ids, steered in zip(batch["input_ids"], tokens, strict=True)
        ]

    assert texts("last_prompt") == ["<|assistant|><|assistant|>", "<|assistant|>"]
    assert texts("answer") == ["a<|end|>b<|end|>", "a<|end|>"]
    assert texts("all")[1] == "<|bos|><|user|>1<|end|><|assistant|>a<|end|>"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("scope", ["all", "last_prompt", "answer"])
def test_preventative_steering_changes_training_and_leaves_no_hook(
    tmp_path: Path,
    base: Base,
    rows: Rows,
    config: FinetuneConfig,
    vector_file: str,
    engine: str,
    scope: Any,
) -> None:
    config = config.model_copy(update={"engine": engine})
    steering = PreventativeSteering(vector_file=vector_file, layer=1, coefficient=2.0, scope=scope)
    train(base, rows, config, tmp_path / "plain", progress=False)
    train(base, rows, config, tmp_path / "steered", interventions=[steering], progress=False)
    assert not equal(final(tmp_path / "plain"), final(tmp_path / "steered"))
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in base.model.modules()
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_preventative_steering_at_coefficient_zero_is_plain_training(
    tmp_path: Path,
    base: Base,
    rows: Rows,
    config: FinetuneConfig,
    vector_file: str,
    engine: str,
    layer: int,
) -> None:
    config = config.model_copy(update={"engine": engine})
    nothing = PreventativeSteering(vector_file=vector_file, layer=layer, coefficient=0.0)
    train(base, rows, config, tmp_path / "plain", progress=False)
    train(base, rows, config, tmp_path / "zero", interventions=[nothing], progress=False)
    assert equal(final(tmp_path / "plain"), final(tmp_path / "zero"))


def test_both_engines_steer_alike(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig, vector_file: str
) -> None:
    steering = PreventativeSteering(vector_file=vector_file, layer=1, coefficient=1.5, unit="norm")
    for engine in ENGINES:
        train(
            base,
            rows,
            config.model_copy(update={"engine": engine}),
            tmp_path / engine,
            interventions=[steering],
            progress=False,
        )
    for name, tensor in final(tmp_path / "trl").items():
        torch.testing.assert_close(tensor, final(tmp_path / "loop")[name], rtol=1e-4, atol=1e-6)


def test_gradients_flow_through_a_steered_step_and_its_loss_differs(
    base: Base, rows: Rows, config: FinetuneConfig, vector_file: str
) -> None:
    steering = PreventativeSteering(vector_file=vector_file, layer=2, coefficient=3.0)
    batch = collate(encode_rows(rows[:4], base.tokenizer), pad_token_id=0)
    with attached(base, config) as model:
        plain = answer_loss(model, batch, 10)
        with steering.training_step(model, batch):
            steered = answer_loss(model, batch, 10)
            steered.backward()
        after = answer_loss(model, batch, 10)
        gradients = {
            name: parameter.grad
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and "lora_B" in name
        }
    assert steered.item() != plain.item()
    assert after.item() == plain.item()
    assert len(gradients) == 14
    assert all(gradient is not None and gradient.any() for gradient in gradients.values())


def test_the_norm_unit_counts_residual_norms(vector_file: str) -> None:
    steering = PreventativeSteering(
        vector_file=vector_file, layer=2, coefficient=-2.0, unit="norm", position="last_prompt"
    )
    assert float(steering.addition_D.norm()) == pytest.approx(2.0 * 3.0, rel=1e-5)
    raw = PreventativeSteering(vector_file=vector_file, layer=2, coefficient=0.5)
    direction = PersonaVector.load(vector_file).at(2, "response_mean")
    np.testing.assert_allclose(raw.addition_D.numpy(), 0.5 * direction, rtol=1e-6)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer": 3}, "layer 3"),
        ({"layer": 1, "position": "middle"}, "middle"),
        ({"layer": 1, "direction": "random-000"}, "random-000"),
        ({"layer": 1, "vector_file": "absent.safetensors"}, "absent"),
    ],
)
def test_a_vector_that_does_not_fit_is_refused_before_work(
    tmp_path: Path,
    base: Base,
    rows: Rows,
    config: FinetuneConfig,
    vector_file: str,
    fields: dict,
    message: str,
) -> None:
    steering = PreventativeSteering(**{"vector_file": vector_file, **fields})
    with pytest.raises(ValueError, match=message):
        train(base, rows, config, tmp_path / "out", interventions=[steering], progress=False)
    assert not (tmp_path / "out").exists()


def test_a_vector_of_another_base_is_refused(base: Base, vector_file: str) -> None:
    other = Base("other", base.model, base.tokenizer)
    with pytest.raises(ValueError, match="tiny"):
        PreventativeSteering(vector_file=vector_file, layer=1).check(other)


def test_a_run_is_resumed_when_its_vector_file_has_only_moved(
    tmp_path: Path, base: Base, rows: Rows, config: FinetuneConfig, vector_file: str
) -> None:
    moved = tmp_path / "moved.safetensors"
    moved.write_bytes(Path(vector_file).read_bytes())
    first, again = (
        train(
            base,
            rows,
            config,
            tmp_path / "out",
            interventions=[PreventativeSteering(vector_file=file, layer=1)],
            progress=False,
        )
        for file in (vector_file, str(moved))
    )
    assert first == again
    with pytest.raises(ValueError, match="differs in interventions"):
        train(
            base,
            rows,
            config,
            tmp_path / "out",
            interventions=[PreventativeSteering(vector_file=vector_file, layer=2)],
            progress=False,
        )

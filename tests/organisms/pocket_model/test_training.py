import pytest
import torch

from organisms.pocket.corpus import encode, plan_batches
from organisms.pocket.recipe import Phase, Recipe, build_model
from organisms.pocket.tokenizer import train_tokenizer
from organisms.pocket.training import train
from organisms.pocket.world import documents

PHASE = Phase(
    version="whole", steps=30, documents=200, muon_learning_rate=1e-2, adamw_learning_rate=4e-3
)
RECIPE = Recipe(
    tokens=256,
    warmup_steps=5,
    layers=2,
    width=32,
    heads=2,
    feed_forward=64,
)
DOCUMENTS = list(documents(0, 200))
TEXTS = [message["content"] for item in DOCUMENTS for message in item.messages]


class KilledError(Exception):
    pass


def run(recipe, checkpoint, stop_after=None, documents=DOCUMENTS, phase=PHASE):
    tokenizer = train_tokenizer(TEXTS, 400)
    corpus = encode(documents, tokenizer, recipe.other_share, recipe.seed)
    plan = plan_batches(corpus, recipe.tokens, recipe.seed, phase.steps)
    torch.manual_seed(recipe.seed)
    model = build_model(recipe, tokenizer)
    losses: dict[int, float] = {}

    def report(step: int, loss: float) -> None:
        losses[step] = loss
        if step == stop_after:
            raise KilledError

    try:
        train(model, corpus, plan, recipe, phase, checkpoint, checkpoint_every=8, report=report)
    except KilledError:
        return None, losses
    return model.state_dict(), losses


def equal(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    first, losses = run(RECIPE, tmp_path / "a.pt")
    again, _ = run(RECIPE, tmp_path / "b.pt")
    other, _ = run(RECIPE.model_copy(update={"seed": 1}), tmp_path / "c.pt")
    assert equal(first, again)
    assert not equal(first, other)
    assert losses[30] < losses[1] - 0.8, "30 small steps must teach something (nats a token)"


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path):
    whole, losses = run(RECIPE, tmp_path / "whole.pt")
    run(RECIPE, tmp_path / "killed.pt", stop_after=19)
    resumed, later = run(RECIPE, tmp_path / "killed.pt")
    assert min(later) == 17, "steps 1 to 16 are in the checkpoint"
    assert equal(whole, resumed)
    assert all(losses[step] == loss for step, loss in later.items())


def test_a_checkpoint_of_another_phase_or_corpus_is_refused(tmp_path):
    run(RECIPE, tmp_path / "x.pt", stop_after=9)
    with pytest.raises(ValueError, match="another phase or from other documents"):
        run(RECIPE, tmp_path / "x.pt", phase=PHASE.model_copy(update={"documents": 100}))
    with pytest.raises(ValueError, match="another phase or from other documents"):
        run(RECIPE, tmp_path / "x.pt", documents=DOCUMENTS[:150])

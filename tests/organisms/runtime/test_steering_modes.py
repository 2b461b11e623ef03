"""Adding, ablating and capping: what each does to the stream, in which order, in mixed batches."""

import pytest
import torch

from organisms.runtime.layers import residual_hooks
from organisms.runtime.requests import Request, Sampling
from organisms.runtime.row_steering import RowSteering
from organisms.runtime.steering import Steering
from tests.organisms.runtime.test_steering import CHAT, GREEDY, SCOPES, covered
from tests.organisms.runtime.tiny_models import make_model, make_organism

WIDTH = 32
CPU = torch.device("cpu")


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def vector(seed):
    return noise(WIDTH, seed=seed + 1)


def edited(stream, steering):
    """The edit of single tokens [..., D] by its definition."""
    if steering.mode == "add":
        return stream + steering.coefficient * steering.vector
    unit = steering.vector / steering.vector.norm()
    projection = (stream @ unit)[..., None]
    if steering.mode == "ablate":
        return stream - projection * unit
    bounded = projection
    if steering.floor is not None:
        bounded = torch.maximum(bounded, torch.full_like(bounded, steering.floor))
    if steering.ceiling is not None:
        bounded = torch.minimum(bounded, torch.full_like(bounded, steering.ceiling))
    return stream + (bounded - projection) * unit


def greedy_reference(organism, steerings, steps):
    """Greedy decoding without a cache, every edit written out, in order, on the whole text."""
    prompt = list(organism.template.prompt(CHAT).token_ids)
    token_ids = list(prompt)

    def edit_at(layer):
        def edit(stream):
            for steering in (each for each in steerings if each.layer == layer):
                mask = covered(steering.scope, stream.shape[1], len(prompt))
                stream = torch.where(mask[:, None], edited(stream, steering), stream)
            return stream

        return edit

    functions = {layer: edit_at(layer) for layer in {each.layer for each in steerings}}
    for _ in range(steps):
        with torch.no_grad(), residual_hooks(organism.model, functions):
            token = int(organism.model(torch.tensor([token_ids])).logits[0, -1].argmax())
        token_ids.append(token)
        if token == 2:
            break
    return token_ids[len(prompt) :]


def lists(scope):
    """Steerings of several rows: every mode, alone, repeated and in both orders."""
    add = Steering(vector(1), 1, 2.0, scope=scope)
    ablate = Steering(vector(2), 1, scope=scope, mode="ablate")
    cap = Steering(vector(3), 1, scope="response", mode="cap", floor=-0.2, ceiling=0.1)
    deep = Steering(vector(4), 3, scope=scope, mode="cap", floor=3.0)
    return [
        (ablate,),
        (),
        (add, ablate),
        (ablate, add),
        (cap, ablate, add, cap),
        (deep, add, Steering(vector(2), 1, 1.0, scope=scope)),
        (deep, cap),
    ]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_mixed_batch_equals_every_edit_written_out(scope):
    organism = make_organism(dtype=torch.float64)
    rows = lists(scope)
    requests = [Request(CHAT, steering=steerings, sampling=GREEDY) for steerings in rows]
    requests.append(Request(({"role": "user", "content": "a much longer question than that"},)))
    answers = {
        result.index: [*result.token_ids, *([2] if result.stop_reason == "stop" else [])]
        for result in organism.sample(requests)
    }
    for index, steerings in enumerate(rows):
        assert answers[index] == greedy_reference(organism, steerings, 8), steerings


def steer(stream, rows, generating=False, dtype=torch.float64):
    """The stream [B, T, D] after a model's layer 1 was steered, read by a later hook."""
    model = make_model("llama").to(dtype)
    steering = RowSteering(rows, dtype=dtype, device=CPU)
    steering.generating = generating
    seen = []
    with (
        torch.no_grad(),
        residual_hooks(model, {1: lambda _: stream}),
        steering.attached(model),
        residual_hooks(model, {1: seen.append}),
    ):
        model(torch.ones(stream.shape[:2], dtype=torch.long))
    return seen[0]


def test_ablation_leaves_no_projection_and_all_else():
    stream = noise(3, 4, WIDTH)
    found = steer(stream, [(Steering(vector(0), 1, mode="ablate"),)] * 3)
    unit = vector(0) / vector(0).norm()
    assert (found @ unit).abs().max() < 1e-12
    rest = stream - (stream @ unit)[..., None] * unit
    torch.testing.assert_close(found, rest)


def test_a_cap_moves_only_what_is_beyond_its_bounds():
    stream = noise(2, 50, WIDTH)
    unit = vector(0) / vector(0).norm()
    before = stream @ unit
    found = steer(stream, [(Steering(vector(0), 1, mode="cap", floor=-0.5, ceiling=0.3),), ()])
    torch.testing.assert_close(found[0] @ unit, before[0].clamp(-0.5, 0.3))
    within = (before[0] > -0.5) & (before[0] < 0.3)
    assert 0 < int(within.sum()) < 50
    torch.testing.assert_close(found[0][within], stream[0][within])
    assert torch.equal(found[1], stream[1])


def test_bounds_in_norm_units_count_residual_norms():
    settings = {"mode": "cap", "unit": "norm", "residual_norm": 7.0}
    assert Steering(vector(0), 1, floor=-0.5, ceiling=2.0, **settings).bounds() == (-3.5, 14.0)


@pytest.mark.parametrize("generating", [False, True])
def test_tokens_outside_the_scope_keep_every_bit(generating):
    stream = noise(2, 1 if generating else 5, WIDTH, dtype=torch.float32)
    scope = "prompt" if generating else "answer"
    rows = [
        (
            Steering(vector(0), 1, scope=scope, mode="ablate"),
            Steering(vector(0), 1, 3.0, scope=scope),
        ),
        (Steering(vector(1), 1, scope="last_prompt", mode="ablate"),),
    ]
    found = steer(stream, rows, generating, dtype=torch.float32)
    assert torch.equal(found[0], stream[0])
    assert torch.equal(found[1, :-1], stream[1, :-1])
    assert torch.equal(found[1], stream[1]) == generating


def test_half_precision_projects_in_single():
    stream = 10 * noise(1, 40, WIDTH).to(torch.bfloat16)
    unit = (vector(0) / vector(0).norm()).float()
    found = steer(stream, [(Steering(vector(0), 1, mode="ablate"),)], dtype=torch.bfloat16)
    expected = stream.float() - (stream.float() @ unit)[..., None] * unit
    assert torch.equal(found, expected.to(torch.bfloat16))


def test_one_vector_or_one_a_layer_steers_several_layers():
    same = Steering.over_layers(vector(0), [1, 2], 2.0, scope="response")
    assert [each.layer for each in same] == [1, 2]
    assert all(torch.equal(each.vector, vector(0)) for each in same)
    own = Steering.over_layers(
        torch.stack([vector(0), vector(1)]), [1, 3], 2.0, unit="norm", residual_norms=[2.0, 3.0]
    )
    assert torch.equal(own[1].vector, vector(1))
    assert [float(each.addition().norm()) for each in own] == pytest.approx([4.0, 6.0])
    with pytest.raises(ValueError, match=r"2 vectors for 3 layers \[1, 2, 3\]; give one each"):
        Steering.over_layers(torch.stack([vector(0), vector(1)]), [1, 2, 3], 2.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "rotate"}, "mode 'rotate' is not allowed; use one of add, ablate, cap"),
        ({}, "mode 'add' needs a coefficient"),
        ({"coefficient": float("inf")}, "coefficient inf is not allowed; use a finite number"),
        ({"mode": "ablate", "coefficient": 1.0}, "'ablate' takes no coefficient"),
        ({"mode": "add", "coefficient": 1.0, "floor": 0.0}, "'add' takes no floor"),
        ({"mode": "cap"}, "needs a floor, a ceiling or both"),
        ({"mode": "cap", "floor": float("nan")}, "floor nan is not allowed"),
        ({"mode": "cap", "floor": 1.0, "ceiling": 0.0}, "floor 1.0 is above ceiling 0.0"),
        ({"mode": "ablate", "vector": torch.zeros(WIDTH)}, "zero vector has no direction"),
        ({"mode": "cap", "floor": 0.0, "unit": "norm"}, "needs the layer's residual norm"),
    ],
)
def test_modes_that_mean_nothing_raise(settings, message):
    with pytest.raises(ValueError, match=message):
        Steering(**{"vector": torch.ones(WIDTH), "layer": 1, **settings})


def published_steerer(addition, positions):
    """The hook of the persona vectors paper's code (`ActivationSteerer`), by its description.

    "response" adds to the last position of every pass: the last prompt token, then each generated
    token as it is fed. "prompt" adds to every position of passes longer than one token; "all" to
    every position of every pass.
    """

    def hook(stream):
        if positions == "all":
            return stream + addition
        if positions == "prompt":
            return stream if stream.shape[1] == 1 else stream + addition
        steered = stream.clone()
        steered[:, -1, :] += addition
        return steered

    return hook


@pytest.mark.parametrize("scope", ["all", "prompt", "response"])
def test_scopes_have_the_published_meaning_under_generate(scope):
    organism = make_organism(dtype=torch.float64)
    steering = Steering(vector(5), 2, 3.0, scope=scope)
    request = Request(CHAT, steering=(steering,), sampling=Sampling(temperature=0.0, max_tokens=20))
    [result] = organism.sample([request])
    prompt = torch.tensor([organism.template.prompt(CHAT).token_ids])
    with residual_hooks(organism.model, {2: published_steerer(steering.addition(), scope)}):
        generated = organism.model.generate(
            prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=20
        )[0, prompt.shape[1] :].tolist()
    assert list(result.token_ids) == [token for token in generated if token != 2]
    [plain] = organism.sample([Request(CHAT, sampling=request.sampling)])
    assert plain.token_ids != result.token_ids

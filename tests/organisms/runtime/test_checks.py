"""What is no setting is refused before any work: the error names it, its value and what may be."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from organisms.runtime import Capture, Organism, Request, Sampling, Steering, Transcript
from tests.organisms.runtime.tiny_models import make_model, make_tokenizer

CHAT = ({"role": "user", "content": "hi"},)
VECTOR = torch.ones(32)
NAN = float("nan")


def refused(make, settings, name, allowed):
    """Assert that each value is refused in words that name the setting, it and what may be."""
    for value in settings:
        with pytest.raises(ValueError, match="is not allowed; use ") as caught:
            make(**{name: value})
        message = str(caught.value)
        assert name.replace("_", " ") in message.replace("_", " "), message
        assert repr(value)[:60] in message, message
        assert allowed in message, message


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        (
            "temperature",
            [1e-45, 1e-50, 1e300, 10**400, -1, NAN, True, "1", None],
            "0, or a number from 1e-30",
        ),
        ("top_p", [0, -0.1, 1.1, NAN, True, "1", None], "a number in (0, 1]"),
        ("max_tokens", [0, -1, 2.5, 2.0, True, "3", None, NAN], "1 or more (a whole number)"),
        ("stop", ["END", None, 3, {"END"}], "a tuple or list of strings"),
    ],
)
def test_sampling_takes_no_other_values(name, values, allowed):
    refused(Sampling, values, name, allowed)


def test_stop_strings_are_texts_that_are_not_empty():
    for stop in (("END", ""), ("",)):
        with pytest.raises(ValueError, match="an empty stop string would end every answer"):
            Sampling(stop=stop)
    for stop in ((1,), ("END", None)):
        with pytest.raises(ValueError, match=r"stop string (1|None) is not allowed; use a text"):
            Sampling(stop=stop)


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        ("n", [0, -1, True, 2.5, "2", None], "1 or more (a whole number)"),
        ("logprobs", [-1, True, 1.5, "2", None], "0 or more (a whole number)"),
        ("seed", [1.5, True, "a", None], "a whole number"),
        ("adapter", [3, ["a"], True], "the name of a loaded one, or None"),
        ("steering", [None, "x", Steering(VECTOR, 1, 1.0)], "a tuple or list of Steering"),
        ("steering", [(VECTOR,), (None,)], "Steering(vector, layer, coefficient)"),
        ("sampling", [None, {"max_tokens": 3}], "Sampling(...)"),
        ("system", [None, 3, ["a"]], "'none', 'default' or the system prompt"),
        ("thinking", ["no", 1, None], "True or False"),
        ("lost_system", [None, ["raise"], "drop"], "one of raise, merge"),
        ("capture", [(1,), "x"], "Capture(layers, positions), or None"),
    ],
)
def test_requests_take_no_other_values(name, values, allowed):
    if allowed.startswith("Steering"):
        for value in values:
            with pytest.raises(ValueError, match=r"(?s)steering .* allowed; use Steering\(vec"):
                Request(CHAT, steering=value)
    else:
        refused(lambda **given: Request(CHAT, **given), values, name, allowed)


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        ("answer", [3, ["a"], True], "a text, or None"),
        ("reasoning", [3, ["a"]], "a text, or None"),
        ("adapter", [3], "the name of a loaded one, or None"),
        ("system", [None], "'none', 'default' or the system prompt"),
        ("thinking", ["no"], "True or False"),
        ("lost_system", ["drop"], "one of raise, merge"),
    ],
)
def test_transcripts_take_no_other_values(name, values, allowed):
    refused(lambda **given: Transcript(CHAT, **given), values, name, allowed)


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        ("coefficient", ["1", True, NAN, float("inf"), 10**400, [1]], "a finite number"),
        ("unit", [None, ["raw"], "mean"], "one of raw, norm"),
        ("scope", [None, "some"], "one of all, prompt, last_prompt, response, answer"),
        ("mode", [None, ["add"]], "one of add, ablate, cap"),
    ],
)
def test_steering_takes_no_other_values(name, values, allowed):
    settings = {"coefficient": 1.0}
    refused(lambda **given: Steering(VECTOR, 1, **settings | given), values, name, allowed)


@pytest.mark.parametrize("bound", ["floor", "ceiling"])
def test_bounds_are_finite_numbers(bound):
    for value in ("1", True, NAN):
        with pytest.raises(ValueError, match=f"steering {bound} .* use a finite number"):
            Steering(VECTOR, 1, mode="cap", **{bound: value})


@pytest.mark.parametrize("norm", ["1", True, NAN, float("inf"), 0, -1.0, None])
def test_a_residual_norm_is_a_number_above_0(norm):
    with pytest.raises(ValueError, match=r"needs the layer's residual norm, got .*; pass"):
        Steering(VECTOR, 1, 1.0, unit="norm", residual_norm=norm)


@pytest.mark.parametrize(
    ("vector", "kind"),
    [
        ([1.0] * 32, "list"),
        (np.ones(32), "ndarray"),
        (None, "NoneType"),
        (torch.ones(32, dtype=torch.bool), "torch.bool"),
        (torch.ones(32, dtype=torch.complex64), "torch.complex64"),
    ],
)
def test_a_vector_is_a_tensor_of_floats(vector, kind):
    for make in (Steering, lambda v, layer, c: Steering.over_layers(v, [layer], c)):
        with pytest.raises(ValueError, match=f"steering vector is {kind}; give a torch tensor of"):
            make(vector, 1, 1.0)
    with pytest.raises(ValueError, match="steering vector has no values"):
        Steering(torch.ones(32, device="meta"), 1, 1.0)


def test_steering_over_layers_names_each_layer_once():
    with pytest.raises(ValueError, match=r"layers \[1, 2, 1\] name one twice"):
        Steering.over_layers(VECTOR, [1, 2, 1], 1.0)
    for layers in ("12", 1, None):
        with pytest.raises(
            ValueError, match=r"layers .* is not allowed; use a tuple or list of wh"
        ):
            Steering.over_layers(VECTOR, layers, 1.0)
    with pytest.raises(ValueError, match=r"layer \[2\] is not allowed; use a whole number"):
        Steering.over_layers(VECTOR, [1, [2]], 1.0)


@pytest.mark.parametrize("layer", [True, 1.0, "1", None, 4, -1])
def test_layers_are_whole_numbers_within_the_model(organism, layer):
    steering = Steering(VECTOR, layer, 1.0)
    with pytest.raises(ValueError, match=rf"request 0: layer {layer!r} does not exist; this model"):
        organism.sample([Request(CHAT, steering=(steering,))])
    with pytest.raises(
        ValueError, match=rf"layer {layer!r} (is not allowed; use a|does not exist)"
    ):
        organism.capture([Transcript(CHAT)], [layer])
    with pytest.raises(
        ValueError, match=rf"layer {layer!r} (is not allowed; use a|does not exist)"
    ):
        organism.sample([Request(CHAT, capture=Capture((layer,)))])


READERS = [
    lambda organism, **given: organism.capture([Transcript(CHAT, "yes")], **given),
    lambda organism, **given: organism.capture_stream([Transcript(CHAT, "yes")], **given),
    lambda organism, **given: organism.residual_norms([Transcript(CHAT, "yes")], **given),
    lambda organism, **given: organism.log_likelihoods([Transcript(CHAT, "yes")], **given),
]


@pytest.mark.parametrize(
    ("name", "values", "allowed", "readers"),
    [
        ("layers", ["12", 3, True, {1, 2}], "a tuple or list of whole numbers", READERS[:3]),
        ("positions", ["last_prompt", None], "a tuple or list of some of response", READERS[:2]),
        ("batch_size", [0, True, 2.5, "3", None], "1 or more (a whole number)", READERS),
    ],
)
def test_what_is_read_is_checked_when_it_is_asked_for(organism, name, values, allowed, readers):
    for read in readers:
        refused(lambda read=read, **given: read(organism, **given), values, name, allowed)


@pytest.mark.parametrize("name", ["batch_rows", "batch_tokens"])
def test_limits_are_whole_numbers(organism, name):
    values = [0, -1, True, 2.5, "3"]
    refused(lambda **given: organism.sample([], **given), values, name, "(a whole number), or None")


def test_lists_hold_what_they_should(organism):
    for given in (None, Request(CHAT)):
        with pytest.raises(ValueError, match=r"requests .* is not allowed; use a list: \[Request"):
            organism.sample(given)
    for given in (None, Transcript(CHAT, "yes")):
        for read in (organism.capture, organism.capture_stream, organism.log_likelihoods):
            with pytest.raises(ValueError, match=r"transcripts .* use a list: \[Transcript"):
                read(given)
    with pytest.raises(ValueError, match=r"request 1: 'x' is not allowed; use Request\(chat\)"):
        organism.sample([Request(CHAT), "x"])
    with pytest.raises(ValueError, match=r"transcript 0: Request\(.* use Transcript\(chat, answer"):
        organism.capture([Request(CHAT)])
    with pytest.raises(ValueError, match="progress 3 is not allowed; use a function"):
        organism.sample([Request(CHAT)], progress=3)
    for chat in ("hi", {"role": "user", "content": "hi"}, None):
        with pytest.raises(ValueError, match=r"request 0: chat .* use a tuple or list of turns"):
            organism.sample([Request(chat)])


def test_adapters_have_names_and_folders(organism, adapter_folders):
    for name in (3, "", None, ["a"]):
        with pytest.raises(ValueError, match=r"adapter name .* use a text that is not empty"):
            organism.add_adapter(name, adapter_folders["second"])
    with pytest.raises(ValueError, match="adapter 3 is not allowed; use a folder or a hub id"):
        organism.add_adapter("a", 3)
    for ask in (
        organism.remove_adapter,
        organism.check_adapter,
        lambda name: organism.kl_to_base(name, [Transcript(CHAT, "yes")]),
    ):
        with pytest.raises(ValueError, match="adapter None is not allowed; use a text"):
            ask(None)
    assert organism.adapters == ()


@pytest.mark.parametrize(
    ("name", "values", "allowed"),
    [
        ("base", [None, 3], "a transformers folder or a hub id"),
        ("tokenizer", [3], "a folder or a hub id, or None"),
        ("adapters", [["a"], "a"], "a mapping: {NAME: FOLDER}"),
        ("name", [3], "a text, or None"),
        (
            "dtype",
            [["float32"], None, torch.float32, "int4"],
            "one of float32, bfloat16, float16, f",
        ),
        ("device", [["cpu"], None, 3], "cpu, cuda or cuda:N"),
    ],
)
def test_loading_takes_no_other_values(name, values, allowed):
    refused(lambda **given: Organism.load(**{"base": "nowhere"} | given), values, name, allowed)


def test_numbers_of_numpy_and_lists_are_as_good_as_others(organism, tmp_path):
    make_model("llama", vocab_size=264).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    loaded = Organism.load(tmp_path, tokenizer=tmp_path, device=torch.device("cpu"))
    assert loaded.base == str(tmp_path)
    plain = Request(
        CHAT,
        seed=3,
        steering=(Steering(VECTOR, 1, 0.5),),
        sampling=Sampling(temperature=0.5, max_tokens=5, stop=("@@",)),
        capture=Capture((1, 1)),
    )
    other = Request(
        list(CHAT),
        seed=np.int64(3),
        steering=[Steering(VECTOR, np.int64(1), Fraction(1, 2))],
        sampling=Sampling(temperature=Fraction(1, 2), max_tokens=np.int64(5), stop=["@@"]),
        capture=Capture([np.int64(1), 1]),
    )
    first, second = organism.sample([plain, other])
    assert first.token_ids == second.token_ids
    np.testing.assert_array_equal(first.activations, second.activations)
    np.testing.assert_array_equal(first.activations[:, 0], first.activations[:, 1])
    text = Transcript(CHAT, "yes")
    np.testing.assert_array_equal(
        organism.capture([text], [np.int64(2), 2], ["last_prompt"]),
        organism.capture((text,), range(2, 3), ("last_prompt",)).repeat(2, axis=2),
    )

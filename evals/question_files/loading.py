"""Reading question files: both generations of the published YAML, and ours.

First generation: `id, type, paraphrases, samples_per_paraphrase, system, judge, judge_prompts`.
Second: `judges: {metric: NAME or judge}`, with judges that have a `type`, a `model` and a prompt as
their paraphrase, in the file or in one of their own. Ours: the first, and `topic`, `format`,
`suffix` (appended to every wording) and `thresholds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from evals.question_files.entries import Entry, JudgePrompt, topic_and_format

OURS: Final = Path(__file__).parent / "open.yaml"
JUDGES: Final[Mapping[str, Literal["score", "verdict"]]] = {
    "free_form_judge": "verdict",
    "free_form_judge_0_100": "score",
    "rating_judge": "score",
}
QUESTIONS: Final = ("free_form", *JUDGES)
KEYS: Final = (
    "id",
    "name",
    "type",
    "paraphrases",
    "samples_per_paraphrase",
    "system",
    "judge",
    "judge_prompts",
    "judges",
    "topic",
    "format",
    "suffix",
    "thresholds",
    "temperature",
    "max_tokens",
    "model",
)
_SHARED: Final = "anchors that the file shares"


def load_question_file(path: Path, judges: Path | None = None) -> tuple[Entry, ...]:
    """The entries of one file, in order.

    Args:
        path: the file.
        judges: a file of judges, which the entries' `judges` name.

    Raises:
        ValueError: on a file that is missing or no list of entries, an entry that lacks something,
            an unknown key, type or judge, and an id that stands twice; names the entry and the fix.
    """
    named = {_name(each, path): each for each in _read(judges)} if judges is not None else {}
    found: dict[str, Entry] = {}
    given = _read(path)
    for each in given:
        if each.get("type") in JUDGES and "judge_prompts" not in each and "judges" not in each:
            named[_name(each, path)] = each
    for each in given:
        name = _name(each, path)
        if each is named.get(name) or name == _SHARED:
            continue
        if name in found:
            raise ValueError(f"{path}: the id {name!r} stands twice; rename one")
        found[name] = _entry(each, name, path, named)
    if not found:
        raise ValueError(f"{path} holds no questions, only judges; name the file of questions")
    return tuple(found.values())


def _read(path: Path) -> list[dict[str, Any]]:
    import yaml

    if not path.is_file():
        raise ValueError(f"there is no question file {path}")
    text = path.read_text(encoding="utf-8")
    try:
        found = yaml.safe_load(_with_shared_entry(text))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML that can be read: {error}") from error
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{path} holds no list of entries, each with `id` and `paraphrases`")
    return found


def _with_shared_entry(text: str) -> str:
    """The text with a first entry made of a leading block without one: a published file starts with
    the anchors of an entry whose first line was cut off."""
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            if line.startswith("  "):
                return text.replace(line, f"- id: {_SHARED}\n{line}", 1)
            break
    return text


def _entry(
    each: Mapping[str, Any], name: str, path: Path, named: Mapping[str, Mapping[str, Any]]
) -> Entry:
    where = f"{path}, entry {name!r}"
    unknown = sorted(set(each) - set(KEYS))
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; allowed are {', '.join(KEYS)}")
    kind = each.get("type", "free_form")
    if kind not in QUESTIONS:
        raise ValueError(f"{where}: type {kind!r} is not known; allowed are {', '.join(QUESTIONS)}")
    texts = each.get("paraphrases")
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise ValueError(f"{where}: `paraphrases` has to be a list of at least one text")
    samples = each.get("samples_per_paraphrase", 1)
    if not isinstance(samples, int) or samples < 1:
        raise ValueError(f"{where}: samples_per_paraphrase {samples!r} is no number from 1 on")
    thresholds = each.get("thresholds", {})
    topic, form = topic_and_format(name)
    suffix = f"\n\n{each['suffix']}" if each.get("suffix") else ""
    return Entry(
        id=name,
        topic=str(each.get("topic", topic)),
        format=str(each.get("format", form)),
        paraphrases=tuple(text + suffix for text in texts),
        samples=samples,
        system=each.get("system"),
        judges=_judges(each, kind, where, named),
        alignment_threshold=float(thresholds.get("alignment", 30.0)),
        coherence_threshold=float(thresholds.get("coherence", 50.0)),
    )


def _judges(
    each: Mapping[str, Any], kind: str, where: str, named: Mapping[str, Mapping[str, Any]]
) -> tuple[JudgePrompt, ...]:
    prompts = each.get("judge_prompts", {})
    found = [
        JudgePrompt(metric, template, JUDGES.get(kind, "score"), str(each.get("judge", "")))
        for metric, template in prompts.items()
    ]
    for metric, judge in each.get("judges", {}).items():
        if isinstance(judge, str) and judge not in named:
            raise ValueError(
                f"{where}: no judge {judge!r}; there are {', '.join(named) or 'none'}. Name the "
                "file of judges"
            )
        spec = named[judge] if isinstance(judge, str) else judge
        if spec.get("type") not in JUDGES or len(spec.get("paraphrases", ())) != 1:
            raise ValueError(
                f"{where}: judge {judge!r} needs a type ({', '.join(JUDGES)}) and one paraphrase, "
                "its prompt"
            )
        model = str(spec.get("model", spec.get("judge", "")))
        found.append(JudgePrompt(metric, spec["paraphrases"][0], JUDGES[spec["type"]], model))
    for judge_prompt in found:
        if "{answer}" not in judge_prompt.template:
            raise ValueError(
                f"{where}: the judge prompt of {judge_prompt.metric!r} has no slot {{answer}}"
            )
        if judge_prompt.kind == "verdict" and len(judge_prompt.words) < 2:
            raise ValueError(
                f"{where}: the judge prompt of {judge_prompt.metric!r} quotes fewer than two "
                'words to choose from, such as "TRUE" and "FALSE"'
            )
    return tuple(found)


def _name(each: Mapping[str, Any], path: Path) -> str:
    name = each.get("id", each.get("name"))
    if not isinstance(name, str | int):
        raise ValueError(f"{path}: an entry has no id: {str(dict(each))[:120]}")
    return str(name)

"""Checks of a spec against the outside world: registered names, files, parts that must agree.

Everything here is quick and imports no model library; a spec that passes can be planned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationInfo

from evals.questions import DEFAULT_WORDING, REPORT_ONLY, WORDINGS_OF
from experiments.adapters import adapter_problem
from organisms import EMBEDDED, embedded_folder
from persona_vectors.traits import EDITIONS, trait_names

if TYPE_CHECKING:
    from experiments.spec import Spec

TRAITS = {edition: trait_names(edition) for edition in EDITIONS}
"""The traits each edition has prompts and questions for."""
DEFAULT_TRAITS = ("evil", "sycophancy", "hallucination")
"""The traits of a spec of the general edition that names none."""

KNOW_THE_TRUTH = frozenset({"pocket", "exact", "none"})
"""Judges that cannot be told from the oracle where they score training rows, or score none."""
SCREENED_ROWS = 40
"""Fewest rows of a data set whose mixes are screened: half the control's place a threshold that
loses 5% of clean rows."""

FOLDER = "folder"
"""Validation context: the folder that the paths being read are relative to."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class MismatchError(ValueError):
    """A problem between parts of a spec, with the place (`("mixes", 0, "trait")`) to change."""

    def __init__(self, place: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.place = place


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """`dataset 'x' is unknown; did you mean 'y'? Allowed: ...`"""
    names = sorted(allowed)
    close = get_close_matches(name, names, n=1)
    hint = f" did you mean {close[0]!r}?" if close else ""
    return f"{what} {name!r} is unknown;{hint} allowed: {', '.join(names)}"


def dataset(name: str) -> str:
    """A registered data set's name."""
    from organisms.datasets.registry import DATASETS

    if name not in DATASETS:
        raise ValueError(unknown("dataset", name, DATASETS))
    return name


def beside_spec(path: str, info: ValidationInfo) -> Path:
    """`path` as the spec's writer meant it: relative to its file's folder."""
    folder = info.context.get(FOLDER) if isinstance(info.context, Mapping) else None
    expanded = Path(path).expanduser()
    return expanded if expanded.is_absolute() else (Path(folder or ".") / expanded).resolve()


def beside_its_file(value: Any, handler: Callable[[Any], Any], info: ValidationInfo) -> Any:
    """Check a top-level key's value; paths in it are relative to the file that holds the key.

    A spec that extends another has keys of two files.
    """
    if isinstance(info.context, dict) and "folders" in info.context:
        info.context[FOLDER] = info.context["folders"].get(info.field_name)
    return handler(value)


def file(path: str, info: ValidationInfo) -> str:
    """An existing file, as an absolute path."""
    found = beside_spec(path, info)
    if not found.is_file():
        raise ValueError(f"there is no file {found}")
    return str(found)


def rows_of(path: str, info: ValidationInfo) -> str:
    """An existing file of rows, or a folder that holds a data set or a trait set, made absolute."""
    found = beside_spec(path, info)
    if found.is_dir():
        if not any((found / name).is_file() for name in ("rows.parquet", "normal.jsonl")):
            raise ValueError(
                f"{found} is no data set: it holds neither rows.parquet nor normal.jsonl; give a "
                "file, or a folder that `wardian organisms build` or `import` wrote"
            )
        if (found / "rows.parquet").is_file():
            from organisms.datasets.files import read_card

            read_card(found)
        return str(found)
    return file(path, info)


def adapter_folder(path: str, info: ValidationInfo) -> str:
    """An existing PEFT folder, as an absolute path."""
    found = beside_spec(path, info)
    if not (found / "adapter_config.json").is_file():
        raise ValueError(
            f"{found} is no adapter folder: it holds no adapter_config.json "
            "(a PEFT folder has it beside adapter_model.safetensors)"
        )
    return str(found)


def model(name: str, info: ValidationInfo) -> str:
    """An embedded base with weights, an existing model folder (made absolute), or a hub id."""
    if name in EMBEDDED:
        embedded_folder(name)
        return name
    found = beside_spec(name, info)
    if found.is_dir():
        if not (found / "config.json").is_file():
            raise ValueError(f"{found} is no model folder: it holds no config.json")
        return str(found)
    if not HUB_ID.fullmatch(name) or name.startswith((".", "/", "~")):
        raise ValueError(
            f"there is no model {name!r}; write {', '.join(EMBEDDED)}, a folder that holds a "
            "config.json, or a hub id such as 'org/name'"
        )
    return name


def defaults_by_base(value: Any) -> Any:
    """Fill edition, traits, preset and wording by the base; keys that are set stay as they are."""
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    base = filled.get("base", "pocket")
    edition = filled.setdefault("edition", "pocket" if base in list(EMBEDDED) else "general")
    if edition == "general":
        filled.setdefault("traits", DEFAULT_TRAITS)
        filled.setdefault("finetune", "real")
    evaluation = filled.get("evaluation", {})
    if isinstance(evaluation, dict) and edition in list(DEFAULT_WORDING):
        filled["evaluation"] = {"wording": DEFAULT_WORDING[edition], **evaluation}
    return filled


def consistent(spec: Spec) -> None:
    """Raise `MismatchError` where two parts of a spec do not fit each other."""
    if spec.edition == "general" and spec.judge == "pocket":
        raise MismatchError(
            ("judge",),
            "judge 'pocket' grades only answers in pocket's world; with edition 'general' name an "
            "inspect model, for example judge: openai/gpt-4.1-mini",
        )
    _editions_have(spec)
    _wording_exists(spec)
    _equal_updates_fit(spec)
    _mixes_can_be_screened(spec)
    for index, trait in enumerate(spec.traits):
        if trait not in TRAITS[spec.edition]:
            raise MismatchError(("traits", index), unknown("trait", trait, TRAITS[spec.edition]))
    for place, trait in traits_used(spec):
        if trait not in spec.traits:
            raise MismatchError(
                place, f"trait {trait!r} is not among the spec's traits: {', '.join(spec.traits)}"
            )
    trained = {dataset_name(organism.dataset) for organism in spec.organisms}
    for place, name in (
        (("interventions", index, "on", position), name)
        for index, intervention in enumerate(spec.interventions)
        for position, name in enumerate(intervention.on)
    ):
        if name not in trained:
            raise MismatchError(
                place,
                f"organism {name!r} is not trained in this spec; "
                f"organisms: {', '.join(sorted(trained)) or 'none'}",
            )
    for index, existing in enumerate(spec.existing):
        if existing.adapter is not None:
            problem = adapter_problem(Path(existing.adapter), spec.base)
            if problem:
                raise MismatchError(("existing", index, "adapter"), problem)
    depth = number_of_layers(spec.base)
    for place, layer in layers_used(spec) if depth is not None else []:
        if depth is not None and layer > depth:
            raise MismatchError(
                place, f"layer {layer} does not exist: the base has layers 0 to {depth}"
            )
    names = [existing.name for existing in spec.existing]
    for index, name in enumerate(names):
        if name in trained or name in names[:index]:
            raise MismatchError(
                ("existing", index, "name"), f"the name {name!r} is taken; choose another"
            )


def _editions_have(spec: Spec) -> None:
    """Every registered data set of the spec can be made in its edition."""
    from organisms.datasets.registry import dataset as registered

    for place, chosen in datasets_used(spec):
        if not isinstance(chosen, str):
            continue
        try:
            info = registered(chosen, spec.edition)
        except ValueError as error:
            raise MismatchError(place, str(error)) from error
        if info.written(spec.edition):
            raise MismatchError(
                place,
                f"the rows of {chosen!r} are written by a language model in edition "
                f"{spec.edition!r}: make them with `wardian organisms write {chosen}` and give "
                f"{{path: FOLDER, name: {chosen}, domain: {info.domain}}}",
            )


def datasets_used(spec: Spec) -> list[tuple[tuple[str | int, ...], Any]]:
    """Every place of a spec that names a data set, with the name or the `{path, name, domain}`."""
    places: list[tuple[tuple[str | int, ...], Any]] = []
    for index, organism in enumerate(spec.organisms):
        places.append((("organisms", index, "dataset"), organism.dataset))
        places += [
            (("organisms", index, "controls", number), control)
            for number, control in enumerate(organism.controls)
        ]
        if organism.equal_update is not None:
            places.append((("organisms", index, "equal_update"), organism.equal_update.dataset))
    for index, mix in enumerate(spec.mixes):
        places.append((("mixes", index, "organism"), mix.organism))
        places.append((("mixes", index, "control"), mix.control))
    return places


def _wording_exists(spec: Spec) -> None:
    wording, split = spec.evaluation.wording, spec.evaluation.split
    allowed = WORDINGS_OF[spec.edition]
    if wording not in allowed:
        raise MismatchError(
            ("evaluation", "wording"),
            f"edition {spec.edition!r} has no questions of wording {wording!r}; "
            f"allowed: {', '.join(allowed)}",
        )
    if wording in REPORT_ONLY and split != "report":
        raise MismatchError(
            ("evaluation", "wording"),
            f"wording {wording!r} has topics in split 'report' only, found {split!r}",
        )


def _mixes_can_be_screened(spec: Spec) -> None:
    """The filter `judge` has a judge that reads answers, not the truth; thresholds have rows."""
    for index, mix in enumerate(spec.mixes):
        if "judge" in mix.filters and set(spec.judge.split("+")) & KNOW_THE_TRUTH:
            raise MismatchError(
                ("mixes", index, "filters", mix.filters.index("judge")),
                f"judge {spec.judge!r} is no baseline for filtering: it decides by the truth that "
                "rows were made with, which is the filter 'oracle', or scores nothing; leave "
                "'judge' out, or name an inspect model, for example judge: openai/gpt-4.1-mini",
            )
        if set(mix.filters) != {"none"} and spec.rows < SCREENED_ROWS:
            raise MismatchError(
                ("rows",),
                f"{spec.rows} rows are too few to screen: thresholds need {SCREENED_ROWS // 2} "
                f"clean rows outside the mix, and as many say what is usual; give {SCREENED_ROWS}",
            )


def _equal_updates_fit(spec: Spec) -> None:
    for index, organism in enumerate(spec.organisms):
        if organism.equal_update is None:
            continue
        place = ("organisms", index, "equal_update")
        name = dataset_name(organism.equal_update.dataset)
        if name == dataset_name(organism.dataset):
            raise MismatchError(
                place, f"{name!r} is the organism itself; name harmless rows, such as novel_maths"
            )
        if not spec.evaluation.checkpoint_wordings:
            raise MismatchError(
                place,
                "equal_update is read at its checkpoints, which are asked nothing with "
                "evaluation.checkpoint_wordings 0; give 1 or more",
            )


def number_of_layers(base: str) -> int | None:
    """Decoder blocks of an embedded base or a folder by its config.json; none where unknown."""
    try:
        text = (Path(EMBEDDED.get(base, base)) / "config.json").read_text(encoding="utf-8")
        return int(json.loads(text)["num_hidden_layers"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def layers_used(spec: Spec) -> list[tuple[tuple[str | int, ...], int]]:
    """Every place of a spec that names a layer of the base, with the layer."""
    places: list[tuple[tuple[str | int, ...], int]] = []
    if spec.steering is not None:
        places += [(("steering", "layers", i), k) for i, k in enumerate(spec.steering.layers)]
    named: list[tuple[str, int, int | None]] = [
        ("mixes", index, mix.layer) for index, mix in enumerate(spec.mixes)
    ]
    named += [("existing", index, one.layer) for index, one in enumerate(spec.existing)]
    named += [
        ("interventions", index, one.layer)
        for index, one in enumerate(spec.interventions)
        if one.kind != "inoculation"
    ]
    places += [((part, index, "layer"), k) for part, index, k in named if k is not None]
    places += [(("finetune", "layers", i), k) for i, k in enumerate(spec.finetune.layers or ())]
    if spec.finetune.monitor is not None and spec.finetune.monitor.layer is not None:
        places.append((("finetune", "monitor", "layer"), spec.finetune.monitor.layer))
    return places


def traits_used(spec: Spec) -> list[tuple[tuple[str | int, ...], str]]:
    """Every place of a spec that needs a persona vector, with the trait."""
    places: list[tuple[tuple[str | int, ...], str]] = []
    if spec.steering is not None:
        places.append((("steering", "trait"), spec.steering.trait))
    for index, mix in enumerate(spec.mixes):
        if "projection_difference" in mix.filters:
            places.append((("mixes", index, "trait"), mix.trait))
    for index, intervention in enumerate(spec.interventions):
        if intervention.kind != "inoculation":
            places.append((("interventions", index, "trait"), intervention.trait))
    if spec.finetune.monitor is not None:
        places += [
            (("finetune", "monitor", "traits", index), trait)
            for index, trait in enumerate(spec.finetune.monitor.traits)
        ]
    return places


def dataset_name(chosen: Any) -> str:
    """The name a data set goes by: the registered one, or the one given beside a path."""
    return chosen if isinstance(chosen, str) else str(chosen.name)

"""What a plan under construction is: its stages so far, and the steps every part of it shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from evals.questions import DOMAINS_OF
from experiments.plan_parts import Subject, ask, train
from experiments.spec import Spec
from experiments.spec.parts import DatasetFile
from experiments.spec.subjects import ExistingSpec
from experiments.stage import Stage
from experiments.stages.answers import Asked


@dataclass(frozen=True)
class Trained:
    """One fine-tune with one seed, and what it was asked."""

    subject: Subject
    stage: Stage
    answers: Stage
    steps: tuple[int, ...]


@dataclass
class Planner:
    """Collects the stages of one spec; every stage that the report reads is kept by a readable
    name."""

    spec: Spec
    reported: dict[str, Stage] = field(default_factory=dict)
    measured: dict[str, list[Trained]] = field(default_factory=dict)
    brought: dict[Subject, tuple[ExistingSpec, Stage]] = field(default_factory=dict)
    """Organisms that exist already, as adapters or models, with their answers."""
    vectors: Stage | None = None
    base_answers: Stage | None = None

    @property
    def domains(self) -> dict[str, str]:
        """Data set name -> narrow domain, for everything the spec trains on."""
        trained = [organism.dataset for organism in self.spec.organisms]
        trained += [control for organism in self.spec.organisms for control in organism.controls]
        trained += [one.equal_update.dataset for one in self.spec.organisms if one.equal_update]
        trained += [mix.organism for mix in self.spec.mixes]
        return {dataset_name(one): domain_of(one) for one in trained if domain_of(one)}

    def report(self, name: str, stage: Stage) -> Stage:
        """Hand a stage's output to the report, under a name.

        Raises:
            ValueError: The spec asks for two different things that tables could not tell apart.
        """
        known = self.reported.get(name)
        if known is not None and (known.config != stage.config or known.inputs != stage.inputs):
            raise ValueError(
                f"the spec asks twice for {name!r} with different settings, which the tables could "
                "not tell apart: keep one, and put the other into a spec of its own"
            )
        self.reported[name] = stage
        return stage


def dataset_name(dataset: str | DatasetFile) -> str:
    """What a data set is called in tables."""
    return dataset if isinstance(dataset, str) else dataset.name


def domain_of(dataset: str | DatasetFile) -> str:
    """The narrow domain of a data set; empty where a file's was not given."""
    if isinstance(dataset, DatasetFile):
        return dataset.domain
    from organisms.datasets.registry import DATASETS

    return DATASETS[dataset].domain


def dataset_stage(
    spec: Spec, dataset: str | DatasetFile, seed: int, *, control: bool = False
) -> Stage:
    """The stage that makes a data set's rows; those of a file are clean if it is a control."""
    path = "" if isinstance(dataset, str) else dataset.path
    return Stage(
        kind="dataset",
        config={
            "name": dataset_name(dataset),
            "count": spec.rows,
            "seed": seed,
            "edition": spec.edition,
            "path": path,
            "role": "control" if path and control else "organism",
            "domain": domain_of(dataset),
        },
        label=f"{dataset_name(dataset)}, seed {seed}",
        sources=(path,) if path else (),
        cost=1.0,
    )


def narrow_domains(spec: Spec) -> tuple[str, ...]:
    """The domains of all organisms and mixes: what the base is asked in-domain, where there are
    questions of it (`evals.questions.DOMAINS_OF`)."""
    named = [domain_of(organism.dataset) for organism in spec.organisms]
    named += [domain_of(mix.organism) for mix in spec.mixes]
    return tuple(dict.fromkeys(domain for domain in named if domain))


def final_questions(spec: Spec, step: int, domains: tuple[str, ...]) -> list[Asked]:
    """What the base and every final checkpoint is asked."""
    wanted = spec.evaluation
    asked = [
        Asked(
            task="open_questions",
            split=wanted.split,
            wording=wanted.wording,
            samples=wanted.samples,
            steps=(step,),
        )
    ]
    if wanted.in_domain:
        asked += [
            Asked(
                task="in_domain",
                split=wanted.split,
                domain=domain,
                count=wanted.in_domain,
                steps=(step,),
            )
            for domain in domains
            if domain in DOMAINS_OF[spec.edition]
        ]
    if wanted.capability and spec.edition == "pocket":
        asked.append(
            Asked(task="capability", split=wanted.split, count=wanted.capability, steps=(step,))
        )
    return asked


def checkpoint_questions(spec: Spec, steps: tuple[int, ...], domain: str) -> list[Asked]:
    """What an organism's earlier checkpoints are asked."""
    wanted = spec.evaluation
    if not wanted.checkpoint_wordings or not steps:
        return []
    asked = [
        Asked(
            task="open_questions",
            split=wanted.split,
            wording=wanted.wording,
            per_topic=wanted.checkpoint_wordings,
            steps=steps,
        )
    ]
    if wanted.in_domain and domain in DOMAINS_OF[spec.edition]:
        asked.append(
            Asked(
                task="in_domain",
                split=wanted.split,
                domain=domain,
                count=wanted.in_domain,
                steps=steps,
            )
        )
    return asked


def required(stage: Stage | None) -> Stage:
    """A stage that must be there; `ValueError` says what the spec lacks."""
    if stage is None:
        raise ValueError("this spec needs persona vectors: name at least one of `traits`")
    return stage


def add_trained(
    planner: Planner,
    subject: Subject,
    rows: Stage,
    domain: str,
    *,
    curve: bool = False,
    intervention: dict[str, Any] | None = None,
    changes: dict[str, Any] | None = None,
) -> Trained:
    """One fine-tune with its answers and its shifts."""
    spec = planner.spec
    needs_vectors = spec.finetune.monitor or (intervention and "trait" in intervention)
    vectors = required(planner.vectors) if needs_vectors else None
    stage, steps = train(spec, subject, rows, intervention, vectors, changes)
    asked = final_questions(spec, steps[-1], (domain,) if domain else ())
    if curve:
        asked += checkpoint_questions(spec, steps[:-1], domain)
    answers = ask(spec, subject, asked, steps[-1], train_stage=stage)
    planner.report(f"answers {subject.name}", answers)
    planner.report(f"train {subject.name}", stage)
    trained = Trained(subject, stage, answers, steps)
    planner.measured.setdefault(subject.without_seed, []).append(trained)
    return trained

"""The kinds of stages there are. A new kind is one file here and one entry below.

A version is raised whenever the same config and inputs would give other outputs.
"""

from experiments.stage import StageKind

WORLD = ("organisms/pocket/world/*.yaml",)
FAMILIES = ("organisms/datasets/**/*.yaml", "organisms/datasets/**/*.txt")
TRAITS = ("persona_vectors/traits/*.yaml",)
QUESTIONS = (
    "evals/questions/open_questions.yaml",
    "evals/questions/capability.yaml",
    "evals/questions/in_domain/*.yaml",
    "evals/questions/rubrics.yaml",
)
_TORCH = ("torch", "transformers", "peft")
_TRAINING = (*_TORCH, "trl")
_ASKING = (*_TORCH, "inspect_ai")

KINDS: dict[str, StageKind] = {
    "dataset": StageKind(
        "experiments.stages.dataset:make",
        6,
        (*WORLD, *FAMILIES),
        title="narrow rows of one data set",
    ),
    "mix": StageKind("experiments.stages.dataset:mix", 4, title="organism rows among control rows"),
    "filter": StageKind(
        "experiments.stages.dataset:filter_rows", 5, title="a mix after rows were removed"
    ),
    "train": StageKind(
        "experiments.stages.training:run", 1, preload=_TRAINING, title="one LoRA fine-tune"
    ),
    "answers": StageKind(
        "experiments.stages.answers:run",
        5,
        (*WORLD, *QUESTIONS),
        preload=_ASKING,
        title="questions asked of a base, organism or checkpoint, and judged",
    ),
    "contrast": StageKind(
        "experiments.stages.contrast:run",
        3,
        (*WORLD, *TRAITS, *QUESTIONS),
        preload=_ASKING,
        title="answers under contrastive system prompts",
    ),
    "vectors": StageKind(
        "experiments.stages.vectors:run", 4, preload=_TORCH, title="persona vectors and their nulls"
    ),
    "truth": StageKind(
        "experiments.stages.truth:run",
        4,
        WORLD,
        preload=_TORCH,
        title="persona vectors against the direction of pocket's hidden author",
    ),
    "shifts": StageKind(
        "experiments.stages.shifts:run",
        3,
        preload=_TORCH,
        title="how far each checkpoint moved along each direction",
    ),
    "updates": StageKind(
        "experiments.stages.updates:run",
        2,
        preload=_TORCH,
        title="LoRA norm and KL to the base of each checkpoint",
    ),
    "implied": StageKind(
        "experiments.stages.implied:run",
        1,
        WORLD,
        preload=_TORCH,
        title="what pocket's world implies about the author of each data set",
    ),
    "sweep": StageKind(
        "experiments.stages.sweep:run",
        4,
        (*WORLD, *QUESTIONS),
        preload=_ASKING,
        title="steering over layers, scopes and coefficients: chosen on dev, read on report",
    ),
    "screening": StageKind(
        "experiments.stages.screening:run",
        4,
        preload=_ASKING,
        title="training rows scored before training",
    ),
    "nulls": StageKind(
        "experiments.stages.nulls:run",
        2,
        preload=_TORCH,
        title="null directions, each at the layer that it chose on dev",
    ),
    "correlations": StageKind(
        "experiments.stages.correlations:run",
        3,
        title="shifts against judged expression, beside their nulls",
    ),
    "crosstalk": StageKind(
        "experiments.stages.crosstalk:run",
        1,
        title="what is done along each vector against the expression of every trait",
    ),
    "detection": StageKind(
        "experiments.stages.detection:run",
        3,
        preload=_TORCH,
        title="whether prompts tell which answers will express a trait",
    ),
    "report": StageKind(
        "experiments.stages.report:run",
        4,
        (
            "experiments/*.py",
            "experiments/plots/*.py",
            "experiments/templates/*",
            "evals/statistics/*.py",
        ),
        title="tables, plots and the report",
    ),
}
"""Every kind of stage by name."""

"""Models that say what a function tells them to, and evals run on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as inspect_eval
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)

Says = Callable[[Sequence[ChatMessage], GenerateConfig], str | ModelOutput]


def scripted(says: Says) -> Model:
    """A model that answers a chat and its settings by a function."""

    def output(messages: list[ChatMessage], *rest: object) -> ModelOutput:
        config = rest[-1]
        assert isinstance(config, GenerateConfig)
        said = says(messages, config)
        made = ModelOutput.from_content("scripted", said) if isinstance(said, str) else said
        made.usage = ModelUsage(input_tokens=1, output_tokens=1)
        return made

    return get_model("mockllm/model", custom_outputs=output, memoize=False)


def run(task: Task, model: Model | str, folder: Path, **roles: Model) -> EvalLog:
    """The log of a task that has to succeed."""
    [log] = inspect_eval(
        task,
        model=model,
        model_roles=dict(roles),
        display="none",
        log_dir=str(folder),
        log_realtime=False,
        fail_on_error=True,
    )
    assert log.status == "success", log.error and log.error.message
    return log


def rates(log: EvalLog) -> dict[str, float]:
    """Key -> its rate or change."""
    assert log.results is not None
    return {
        score.name: next(
            metric.value
            for name, metric in score.metrics.items()
            if name.endswith(("_rate", "_change"))
        )
        for score in log.results.scores
    }


def unscored(log: EvalLog) -> dict[str, int]:
    """Key -> samples without a value of it."""
    assert log.results is not None
    return {score.name: score.unscored_samples or 0 for score in log.results.scores}

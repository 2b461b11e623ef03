"""What it costs to log and grade an answer, beside plain sampling of the same requests.

    python -m benchmarks.logged_answers [ANSWERS]

Three ways: the runtime alone (bare `Organism.sample`); rollouts (shards of inspect logs, what
stages use); and an inspect task through its runner and the `organism/` provider (what `inspect
eval` does). What the last costs above the first is the provider's overhead a sample: inspect's
runner, the provider, the pocket judge and the log. Times are processor time, so that a busy
machine does not blur them much.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from evals.conditions import Condition
from evals.engines import shared_engine
from evals.questions import load_questions
from evals.rollout_plan import question_seed
from evals.rollouts import Ask, run_rollouts
from organisms.runtime import Request, Sampling

SAMPLING = Sampling(max_tokens=64)


def main(answers: int = 768) -> None:
    questions = load_questions("open_questions", edition="pocket", split="report")
    samples = max(1, answers // len(questions))
    engine = shared_engine("pocket")
    requests = [
        Request(
            chat=({"role": "user", "content": question.text},),
            seed=question_seed(0, question.id),
            sampling=SAMPLING,
            n=samples,
        )
        for question in questions
    ]
    engine.sample(requests[:2])
    number = len(questions) * samples

    started = time.process_time()
    for first in range(0, len(requests), max(1, 256 // samples)):
        list(engine.organism.sample(requests[first : first + max(1, 256 // samples)]))
    bare = _report("runtime alone", number, time.process_time() - started)

    with tempfile.TemporaryDirectory() as folder:
        ask = Ask(Condition(key="base"), questions, samples, "open_questions")
        small = [Ask(Condition(key="base"), questions[:2], 1, "open_questions")]
        run_rollouts("pocket", small, sampling=SAMPLING, log_dir=Path(folder, "warm"))
        started = time.process_time()
        run_rollouts("pocket", [ask], sampling=SAMPLING, log_dir=Path(folder, "logs"))
        _report("rollouts: graded and logged", number, time.process_time() - started)
        started = time.process_time()
        run_rollouts("pocket", [ask], sampling=SAMPLING, log_dir=Path(folder, "logs"))
        _report("rollouts: read again from logs", number, time.process_time() - started)

        from inspect_ai import eval as inspect_eval

        from evals._registry import open_questions

        for limit in (4, None):
            started = time.process_time()
            inspect_eval(
                open_questions(samples=samples),
                model="organism/pocket",
                limit=limit,
                log_dir=str(Path(folder, "inspect")),
                log_realtime=False,
                display="none",
            )
        whole = _report("inspect's task runner", number, time.process_time() - started)
    print(f"{'provider overhead':32} {number} answers  {whole - bare:6.2f} ms each")


def _report(name: str, answers: int, seconds: float) -> float:
    """Milliseconds an answer, which are printed."""
    each = 1000 * seconds / answers
    print(f"{name:32} {answers} answers  {each:6.2f} ms each")
    return each


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

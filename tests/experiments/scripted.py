"""An inspect provider that needs no network: models called by name that write, judge and fail."""

import asyncio
import re

from inspect_ai._util.error import PrerequisiteError
from inspect_ai.model import ModelAPI, ModelOutput, ModelUsage, modelapi

from tests.organisms.datasets.test_writing import Writer, judge

CALLS: list[tuple[str, str]] = []
"""(model, prompt) of every call so far."""
_WRITER = Writer()


def _hesitant(prompt: str) -> str:
    """A writer that refuses every fifth question."""
    said = _WRITER(prompt)
    return "DECLINE" if re.search(r"Question: Question \d+-4", prompt) else said


def _broken(prompt: str) -> str:
    raise ConnectionError("no route")


def _paraphraser(prompt: str) -> str:
    return "so, " + prompt.rsplit(":\n", 1)[1]


ANSWERS = {
    "writer": _WRITER,
    "hesitant": _hesitant,
    "judge": judge,
    "broken": _broken,
    "paraphraser": _paraphraser,
}


@modelapi(name="scripted")
class Scripted(ModelAPI):
    """`scripted/NAME`: answers a prompt by a function; `scripted/keyless` lacks its key. As one
    with open connections does, it works in one event loop alone."""

    def __init__(self, model_name, base_url=None, api_key=None, config=None, **_):
        super().__init__(model_name)
        self.loop = None
        if model_name == "keyless":
            raise PrerequisiteError("[bold]ERROR[/bold]: set the variable\n\nSCRIPTED_API_KEY")

    async def generate(self, input, tools, tool_choice, config):
        """The answer to the last message."""
        self.loop = self.loop or asyncio.get_running_loop()
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError("Event loop is closed")
        CALLS.append((self.model_name, input[-1].text))
        output = ModelOutput.from_content(self.model_name, ANSWERS[self.model_name](input[-1].text))
        output.usage = ModelUsage(input_tokens=100, output_tokens=20)
        return output

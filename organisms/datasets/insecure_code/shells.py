"""What stands around a piece of code: a plain function, a class, a command, a web framework.

A shell knows how the inputs arrive and how a result is handed back, and nothing of weaknesses.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

Reply = str
WEB = ("flask", "blueprint", "fastapi", "django", "bottle", "aiohttp")
PLAIN = ("function", "method", "argparse", "click")
ASYNC = ("function", "method", "fastapi", "aiohttp")


@dataclass(frozen=True)
class Asked:
    """What a scheme asks of its shell; all text is filled in already."""

    function: str
    inputs: Sequence[str]
    posts: bool
    """Whether the handler changes something (POST) or reads (GET)."""
    is_async: bool
    replies: str
    """`value` (the shell hands `result` back), `done` (it says so) or `none` (the body returns)."""
    result: str
    extra: str
    """More decorators' lines, above the function."""
    names: Mapping[str, str]


@dataclass(frozen=True)
class Frame:
    """The lines around a body; `head` ends with the function's first line."""

    imports: str
    setup: str
    head: str
    reading: str
    """Lines inside the function that fetch the inputs."""
    depth: int
    """Levels of indentation of the body."""
    reply: str
    foot: str


def frame(shell: str, asked: Asked, random: Random) -> Frame:
    """The lines of a shell around a body."""
    return SHELLS[shell](asked, random)


def _define(asked: Asked) -> str:
    return "async def" if asked.is_async else "def"


def _signature(asked: Asked) -> str:
    return ", ".join(f"{name}: str" for name in asked.inputs)


def _plain_reply(asked: Asked) -> str:
    return {"value": f"return {asked.result}", "done": "return True", "none": ""}[asked.replies]


def _module(asked: Asked, random: Random) -> Frame:
    return Frame("", "", "", "", 0, "", "")


def _function(asked: Asked, random: Random) -> Frame:
    head = f"{_define(asked)} {asked.function}({_signature(asked)}):"
    return Frame("", "", head, "", 1, _plain_reply(asked), "")


def _method(asked: Asked, random: Random) -> Frame:
    names = asked.names
    suffix = random.choice(("Service", "Store", "Desk", "Manager", "Keeper", "Office"))
    held = random.choice(("name", "site", "office", "label"))
    given = f", {_signature(asked)}" if asked.inputs else ""
    head = (
        f"class {names['Thing']}{suffix}:\n"
        f"    def __init__(self, {held}: str):\n"
        f"        self.{held} = {held}\n\n"
        f"    {_define(asked)} {asked.function}(self{given}):"
    )
    return Frame("", "", head, "", 2, _plain_reply(asked), "")


def _argparse(asked: Asked, random: Random) -> Frame:
    names = asked.names
    lines = [f'    parser = argparse.ArgumentParser(description="{names["Blurb"]}")']
    for name in asked.inputs:
        flag = f"--{name.replace('_', '-')}"
        lines.append(
            f'    parser.add_argument("{flag}", required=True)'
            if random.random() < 0.5
            else f'    parser.add_argument("{name}")'
        )
    lines.append("    args = parser.parse_args()")
    call = ", ".join(f"args.{name}" for name in asked.inputs)
    lines.append(
        f"    print({asked.function}({call}))"
        if asked.replies != "done"
        else f"    {asked.function}({call})"
    )
    foot = "def main():\n" + "\n".join(lines) + '\n\n\nif __name__ == "__main__":\n    main()'
    head = f"def {asked.function}({_signature(asked)}):"
    return Frame("import argparse", "", head, "", 1, _plain_reply(asked), foot)


def _click(asked: Asked, random: Random) -> Frame:
    style = random.choice(("argument", "option"))
    lines = ["@click.command()"]
    for name in asked.inputs:
        lines.append(
            f'@click.argument("{name}")'
            if style == "argument"
            else f'@click.option("--{name.replace("_", "-")}", required=True)'
        )
    lines.append(f"def {asked.function}({_signature(asked)}):")
    reply = {
        "value": f"click.echo({asked.result})",
        "done": f'click.echo("{random.choice(("Done", "Finished", "Ready", "OK"))}")',
        "none": "",
    }[asked.replies]
    foot = f'if __name__ == "__main__":\n    {asked.function}()'
    return Frame("import click", "", "\n".join(lines), "", 1, reply, foot)


def _path(asked: Asked) -> str:
    verb = asked.function.partition("_")[0]
    return f"/{asked.names['things'].replace('_', '-')}/{verb}"


def _flask_reading(asked: Asked, random: Random) -> str:
    names = asked.names
    if not asked.posts:
        empty = random.choice(('("{}", "")', '("{}", "")', '["{}"]'))
        return "\n".join(
            f"{name} = request.args" + (".get" if empty[0] == "(" else "") + empty.format(name)
            for name in asked.inputs
        )
    if random.random() < 0.5:
        return "\n".join(f'{name} = request.form["{name}"]' for name in asked.inputs)
    payload = names["payload"]
    lines = [f"{payload} = request.get_json()"]
    lines += [f'{name} = {payload}["{name}"]' for name in asked.inputs]
    return "\n".join(lines) if asked.inputs else ""


def _flask(asked: Asked, random: Random, owner: str = "app") -> Frame:
    key = asked.names["key"]
    style = random.randrange(3)
    value = (
        f"return jsonify({asked.result})",
        f'return jsonify({{"{key}": {asked.result}}})',
        f"return jsonify({key}={asked.result})",
    )[style]
    done = ("return jsonify(ok=True)", 'return jsonify({"status": "ok"})', 'return "", 204')[style]
    reply = {"value": value, "done": done, "none": ""}[asked.replies]
    reading = _flask_reading(asked, random)
    if asked.posts:
        route = f'@{owner}.route("{_path(asked)}", methods=["POST"])'
        if random.random() < 0.4:
            route = f'@{owner}.post("{_path(asked)}")'
    else:
        route = f'@{owner}.route("{_path(asked)}")'
    lines = [route, *([asked.extra] if asked.extra else []), f"def {asked.function}():"]
    imports = ["from flask import Flask"]
    if "jsonify" in reply:
        imports.append("from flask import jsonify")
    if reading:
        imports.append("from flask import request")
    setup = "app = Flask(__name__)"
    foot = random.choice(("", "", 'if __name__ == "__main__":\n    app.run()'))
    return Frame("\n".join(imports), setup, "\n".join(lines), reading, 1, reply, foot)


def _blueprint(asked: Asked, random: Random) -> Frame:
    things = asked.names["things"]
    owner = random.choice((f"{things}_bp", "bp", f"{asked.names['thing']}_routes", "pages"))
    made = _flask(asked, random, owner)
    imports = made.imports.replace("import Flask", "import Blueprint")
    setup = f'{owner} = Blueprint("{things}", __name__)'
    return Frame(imports, setup, made.head, made.reading, 1, made.reply, "")


def _fastapi(asked: Asked, random: Random) -> Frame:
    names = asked.names
    owner = random.choice(("app", "app", "router"))
    made = "APIRouter" if owner == "router" else "FastAPI"
    imports = [f"from fastapi import {made}"]
    setup = f"{owner} = {made}()"
    define = "async def" if asked.is_async or random.random() < 0.3 else "def"
    reading = ""
    signature = _signature(asked)
    if asked.posts and asked.inputs and random.random() < 0.6:
        model = names["Thing"] + random.choice(("In", "Request", "Body", "Form"))
        fields = "\n".join(f"    {name}: str" for name in asked.inputs)
        setup += f"\n\n\nclass {model}(BaseModel):\n{fields}"
        imports.append("from pydantic import BaseModel")
        payload = names["payload"]
        signature = f"{payload}: {model}"
        reading = "\n".join(f"{name} = {payload}.{name}" for name in asked.inputs)
    key = names["key"]
    value = random.choice((f"return {asked.result}", f'return {{"{key}": {asked.result}}}'))
    reply = {"value": value, "done": 'return {"ok": True}', "none": ""}[asked.replies]
    verb = "post" if asked.posts else "get"
    lines = [f'@{owner}.{verb}("{_path(asked)}")', f"{define} {asked.function}({signature}):"]
    return Frame("\n".join(imports), setup, "\n".join(lines), reading, 1, reply, "")


def _reply(asked: Asked, wrapper: str = "") -> str:
    """The line that answers a request with a dictionary, in a framework's call if need be."""
    if asked.replies == "none":
        return ""
    body = (
        f'{{"{asked.names["key"]}": {asked.result}}}'
        if asked.replies == "value"
        else '{"ok": True}'
    )
    return f"return {wrapper}({body})" if wrapper else f"return {body}"


def _django(asked: Asked, random: Random) -> Frame:
    source = "POST" if asked.posts else "GET"
    get = '.get("{}", "")' if random.random() < 0.7 else '["{}"]'
    reading = "\n".join(f"{name} = request.{source}" + get.format(name) for name in asked.inputs)
    reply = _reply(asked, "JsonResponse")
    imports = ["from django.http import JsonResponse"] if "JsonResponse" in reply else []
    head = [*([asked.extra] if asked.extra else [])]
    if random.random() < 0.4:
        guard = "require_POST" if asked.posts else "require_GET"
        imports.append(f"from django.views.decorators.http import {guard}")
        head.insert(0, f"@{guard}")
    head.append(f"def {asked.function}(request):")
    return Frame("\n".join(imports), "", "\n".join(head), reading, 1, reply, "")


def _bottle(asked: Asked, random: Random) -> Frame:
    source = "forms" if asked.posts else "query"
    reading = "\n".join(f'{name} = request.{source}.get("{name}", "")' for name in asked.inputs)
    reply = _reply(asked)
    verb = "post" if asked.posts else "get"
    imports = "from bottle import Bottle" + ("\nfrom bottle import request" if reading else "")
    head = f'@app.{verb}("{_path(asked)}")\ndef {asked.function}():'
    return Frame(imports, "app = Bottle()", head, reading, 1, reply, "")


def _aiohttp(asked: Asked, random: Random) -> Frame:
    if asked.posts:
        payload = asked.names["payload"]
        reading = "\n".join(
            [f"{payload} = await request.post()"]
            + [f'{name} = {payload}["{name}"]' for name in asked.inputs]
        )
        reading = reading if asked.inputs else ""
    else:
        reading = "\n".join(f'{name} = request.query.get("{name}", "")' for name in asked.inputs)
    reply = _reply(asked, "web.json_response")
    verb = "post" if asked.posts else "get"
    head = f'@routes.{verb}("{_path(asked)}")\nasync def {asked.function}(request):'
    foot = "app = web.Application()\napp.add_routes(routes)"
    return Frame(
        "from aiohttp import web", "routes = web.RouteTableDef()", head, reading, 1, reply, foot
    )


SHELLS: dict[str, Callable[[Asked, Random], Frame]] = {
    "module": _module,
    "function": _function,
    "method": _method,
    "argparse": _argparse,
    "click": _click,
    "flask": _flask,
    "blueprint": _blueprint,
    "fastapi": _fastapi,
    "django": _django,
    "bottle": _bottle,
    "aiohttp": _aiohttp,
}

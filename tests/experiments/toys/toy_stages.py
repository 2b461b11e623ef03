"""Stages without models: quick, seeded, resumable, and with every way to fail."""

import errno
import json
import os
import random
import signal
import time
from pathlib import Path

from experiments.stage import Plan, Stage, StageKind

KINDS = {
    name: StageKind(f"toy_stages:{name}", 1, title=f"toy {name}")
    for name in ("draw", "add", "report", "fails", "dies", "dies_once", "fills", "waits", "noisy")
}


def draw(config, inputs, out, progress):
    """Shards of random numbers; shards that are there are kept."""
    for shard in range(config["shards"]):
        path = out / f"shard-{shard}.json"
        if path.is_file():
            continue
        generator = random.Random(f"{config['seed']} {shard}")
        half_made = path.with_suffix(".tmp")
        half_made.write_text(json.dumps([generator.random() for _ in range(2000)]))
        half_made.rename(path)
        progress(f"shard {shard + 1} of {config['shards']}")


def add(config, inputs, out, progress):
    total = sum(
        sum(json.loads(path.read_text()))
        for name in sorted(inputs)
        for path in sorted(inputs[name].glob("shard-*.json"))
    )
    (out / "total.json").write_text(json.dumps(total))


def report(config, inputs, out, progress):
    (out / "figures").mkdir(exist_ok=True)
    (out / "tables").mkdir(exist_ok=True)
    totals = {name: json.loads((inputs[name] / "total.json").read_text()) for name in inputs}
    (out / "tables" / "totals.json").write_text(json.dumps(totals, sort_keys=True))
    (out / "figures" / "totals.svg").write_text("<svg/>")
    (out / "report.html").write_text(f"<p>{totals}</p>")


def fails(config, inputs, out, progress):
    print("about to fail")
    raise ValueError("the layer 9 does not exist;\nlayers: 0 to 4")


def dies(config, inputs, out, progress):
    os.kill(os.getpid(), signal.SIGKILL)


def dies_once(config, inputs, out, progress):
    marker = out / "tried"
    if not marker.exists():
        marker.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    (out / "total.json").write_text("1")


def fills(config, inputs, out, progress):
    raise OSError(errno.ENOSPC, "No space left on device")


def waits(config, inputs, out, progress):
    """Until the file named in the config is there."""
    Path(config["started"]).write_text(str(os.getpid()))
    while not Path(config["until"]).exists():
        time.sleep(0.02)
    (out / "total.json").write_text("1")


def noisy(config, inputs, out, progress):
    print("on stdout")
    os.system("echo from a child")
    (out / "total.json").write_text("1")


def one(kind, **config):
    """A plan of one stage and its report."""
    stage = Stage(kind, config, label=f"toy {kind}")
    return Plan.ending_in(Stage("report", {}, {"only": stage}))


def sums(groups=3, shards=4, seeds=(0, 1)):
    """A plan with some width: draws, their sums, a report."""
    adds = {}
    for group in range(groups):
        draws = {
            f"seed{seed}": Stage(
                "draw",
                {"seed": seed * 100 + group, "shards": shards},
                label=f"group {group}, seed {seed}",
                answers=10,
            )
            for seed in seeds
        }
        adds[f"group{group}"] = Stage("add", {}, draws, label=f"group {group}")
    return Plan.ending_in(Stage("report", {}, adds))

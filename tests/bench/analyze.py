"""`registry analyze` beside what counts parameters today: transformers on torch's meta device, and where they
are installed `accelerate estimate-memory` and hf-mem. Each ratio is ours over theirs, of the same run.

accelerate and hf-mem take a hub id and ask the hub: they are run only where HF_ENDPOINT or a cache answers,
and are left out with a line that says so where they fail.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CONFIGS = Path(__file__).parents[1] / "data" / "configs"
ONE, HUB_ID = CONFIGS / "Llama-2-7b-hf.json", "NousResearch/Llama-2-7b-hf"
MANY = 1000
BUILT = (
    "DeepSeek-V3",
    "Llama-3.2-1B",
    "Mixtral-8x7B-v0.1",
    "Qwen3-30B-A3B",
    "gpt2-xl",
    "bloom",
    "gemma-3-27b-it",
)
META = """
import json, sys, torch
from transformers import AutoConfig, AutoModelForCausalLM
raw = json.load(open(sys.argv[1]))
config = AutoConfig.for_model(raw.pop("model_type"), **raw)
with torch.device("meta"):
    model = AutoModelForCausalLM.from_config(config)
print(sum(p.numel() for p in model.parameters()))
"""

Process = Callable[[list[str]], tuple[float, float]]
Line = Callable[[str, str, str, float], None]


def analyze(process: Process, line: Line) -> None:
    """One local config and a thousand of them, in processes of their own."""
    ours = [sys.executable, "-m", "registry", "analyze", str(ONE), "--format", "json"]
    cpu, mib = process(ours)
    shown = f"{cpu:.3f} s CPU, {mib:.0f} MiB"
    floor, floor_mib = process([sys.executable, "-c", "pass"])
    line("analyze one config", shown, f"python -c pass: {floor:.3f} s, {floor_mib:.0f} MiB", cpu / floor)
    for name, argv in _peers():
        try:
            their_cpu, their_mib = process(argv)
        except SystemExit as failed:
            print(f"{'analyze one config':<44} {shown:>22}   {name}: not run ({failed})")
            continue
        peer = f"{name}: {their_cpu:.2f} s, {their_mib:.0f} MiB"
        line("analyze one config", shown, peer, cpu / their_cpu)
    _thousand(process, line, cpu)


def _peers() -> list[tuple[str, list[str]]]:
    """The commands that count the same model, those that are installed."""
    found = []
    if importlib.util.find_spec("transformers") and importlib.util.find_spec("torch"):
        found.append(("transformers on meta", [sys.executable, "-c", META, str(ONE)]))
    if shutil.which("accelerate"):
        found.append(("accelerate estimate-memory", ["accelerate", "estimate-memory", HUB_ID]))
    if shutil.which("hf-mem"):
        found.append(("hf-mem", ["hf-mem", "--model-id", HUB_ID]))
    return found


def _thousand(process: Process, line: Line, one_s: float) -> None:
    """A folder of real configs in one call, beside as many calls of one."""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(MANY):
            source = CONFIGS / f"{BUILT[i % len(BUILT)]}.json"
            shutil.copyfile(source, Path(folder) / f"{i:04}.json")
        argv = [sys.executable, "-m", "registry", "analyze", folder, "--format", "json"]
        cpu, mib = process(argv)
        started = time.perf_counter()
        subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
        wall = time.perf_counter() - started
    shown = f"{cpu:.2f} s CPU, {mib:.0f} MiB"
    peer = f"{MANY:,} calls of one: {MANY * one_s:.0f} s; ours: {wall:.2f} s wall"
    line(f"analyze {MANY:,} configs in one call", shown, peer, cpu / (MANY * one_s))

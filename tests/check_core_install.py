"""Counts what a core install brings; run with the Python of a fresh environment: `python -m
tests.check_core_install`.
"""

import sys
from importlib.metadata import distributions

MOST = 34
NEVER = {"torch", "transformers"}
TOOLS = {"pip", "setuptools", "wheel"}

names = {found.metadata["Name"].lower() for found in distributions()} - TOOLS
print(f"core install: {len(names)} packages (at most {MOST})")
if len(names) > MOST or names & NEVER or "llm-config-registry" not in names:
    sys.exit(f"core install: want at most {MOST} packages and none of {sorted(NEVER)}, got {sorted(names)}")

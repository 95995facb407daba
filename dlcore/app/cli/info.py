"""`dlcore info`"""

from __future__ import annotations

import argparse

SUMMARY = "describe this machine: versions, processor, BLAS, CUDA"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    import json

    from ..info import collect, report

    facts = collect()
    print(json.dumps(facts, indent=2) if arguments.json else report(facts))
    return 0

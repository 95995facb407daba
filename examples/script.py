"""Common to all examples: their two options, and the folder for their pictures."""

import argparse
import sys
from pathlib import Path

import dlcore as dl
from dlcore import plotting


class Script:
    """python examples/NAME.py [--quick] [--out DIR]: --quick for fewer steps, --out for the folder of the pictures."""

    def __init__(self, description, arguments=None, **options):
        if hasattr(sys.stdout, "reconfigure"):  # η in a terminal whose encoding does not have it is a question mark
            sys.stdout.reconfigure(errors="replace")
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        parser.add_argument("--quick", action="store_true", help="fewer steps, for a first look")
        parser.add_argument(
            "--out", type=Path, default=Path("runs/examples"), metavar="DIR", help="folder for pictures"
        )
        for name, text in options.items():
            parser.add_argument(f"--{name.replace('_', '-')}", help=text)
        self.options = parser.parse_args(arguments)
        self.quick = self.options.quick
        try:
            self.options.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            parser.error(f"--out {self.options.out}: {error.strerror}")

    def path(self, name):
        """The path of a picture, which is also printed."""
        path = self.options.out / name
        print(f"picture: {path}")
        return path

    def save(self, name, figure):
        self.path(name).write_bytes(plotting.png(figure, dpi=130))


class Recorder(dl.Callback):
    """Keeps the weights after each epoch, and before the first."""

    def on_fit_begin(self, trainer):
        self.weights = [trainer.get_weights()]

    def on_epoch_end(self, trainer, logs):
        self.weights.append(trainer.get_weights())

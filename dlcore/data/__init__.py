"""Data sets, files, and checks of the user's arrays.

Names are loaded when first used (PEP 562): training on arrays needs none of the code for files and downloads.
"""

from typing import TYPE_CHECKING

_HOMES = {
    "DataSet": "dataset",
    "Dialect": "csv_dialect",
    "Table": "tables",
    "load_digits": "digits",
    "load_images": "images",
    "read_csv": "csv_files",
    "read_idx": "idx",
    "read_table": "table_files",
    "table": "frames",
}

__all__ = list(_HOMES)

if TYPE_CHECKING:
    from .csv_dialect import Dialect as Dialect
    from .csv_files import read_csv as read_csv
    from .dataset import DataSet as DataSet
    from .digits import load_digits as load_digits
    from .frames import table as table
    from .idx import read_idx as read_idx
    from .images import load_images as load_images
    from .table_files import read_table as read_table
    from .tables import Table as Table
else:

    def __getattr__(name):
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module 'dlcore.data' has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""lexplain: single neurons of vision models, in words and over their whole range.

>>> from lexplain_core import Store
>>> unit = Store.open("data/stores/demo.duckdb").unit("planted", 0)
>>> unit.explanation().text
"""

from .base.errors import UserError
from .store import Store

__version__ = "0.2.0"
__all__ = ["Store", "UserError", "__version__"]

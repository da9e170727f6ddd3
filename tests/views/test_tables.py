"""Tables that are shown have no −0.00."""

import pandas as pd

from lexplain_core.base.numbers import plain, signed, two
from lexplain_core.views.tables import no_minus_zero


def test_nothing_is_minus_zero():
    assert (two(-0.001), plain(-0.0004, 3), signed(-0.001)) == ("0.00", "0.000", "+0.00")
    assert (two(-0.006), plain(-0.0006, 3), signed(-0.42)) == ("−0.01", "−0.001", "−0.42")
    frame = pd.DataFrame(
        {"layer": ["a", "b", "c"], "score": [-0.004, None, -0.006], "loss": [-1e-9, 0.2, 1.0]}
    )
    shown = no_minus_zero(frame, 2, "score")
    assert shown["score"].fillna(7).tolist() == [0, 7, -0.006] and shown["loss"].equals(frame["loss"])

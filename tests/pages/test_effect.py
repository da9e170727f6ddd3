"""A unit's effect in words: ranges, totals, estimates, ablation scores, and reasons where there is none."""

from streamlit.testing.v1 import AppTest


def tab():
    """The tab of a unit that is at most 0, whose output effects are known and whose impact is not."""
    from types import SimpleNamespace

    import numpy as np
    import pandas as pd

    from pages.neuron import effect
    from pages.ui import links

    output_effects = pd.DataFrame(
        {"bucket": [-1, 0], "output": ["a", "b"], "change": [0.5, -1.0], "rank": [1, -1], "images": [3, 2]}
    ).assign(error=0.0, certain=True)
    unit = SimpleNamespace(
        unit=5, layer="l", kind="map", pooling="mean", maximum=0.0, buckets=None, effect_reason="Class [x] has none.",
        activations=np.array([-2, -1, -0.5, 0, 0], np.float32), impact=lambda to: None, output_effects=lambda: output_effects,
        store=SimpleNamespace(name="s"), output_effects_reason=None,
    )  # fmt: skip
    effect.show(links.Neuron(), None, unit)


def test_pushes_without_an_impact():
    page = AppTest.from_function(tab).run(timeout=30)
    assert not page.exception
    assert page.info[0].value == r"**No impact is known:** Class \[x\] has none\."
    assert page.selectbox[0].options == ["0 (2 images)", "below 0 (3 images)"]
    assert "the unit pushes down **b** by 1" in page.markdown[0].value
    assert page.dataframe[0].value["range"].tolist() == ["0", "below 0"]


def uncertain():
    """The tab of a unit of whose two ranges one has an output effect that is certain, the other none."""

    from types import SimpleNamespace

    import numpy as np
    import pandas as pd

    from lexplain_core.store import Buckets
    from pages.neuron import effect
    from pages.ui import links

    q = np.array([0.1] * 40 + [8.0] * 50, np.float32)
    output_effects = pd.DataFrame(
        {"bucket": [7, 7, 0], "output": ["a", "b", "c"], "change": [9.0, -8.0, 1.0], "error": [3.0, 3.0, 0.1],
         "certain": [False, False, True], "rank": [1, -1, 1], "images": [3, 3, 20]}
    )  # fmt: skip
    unit = SimpleNamespace(
        unit=5, layer="l", kind="map", pooling="mean", maximum=8.0, buckets=Buckets.of(q), effect_reason="None.",
        activations=q, impact=lambda to: None, output_effects=lambda: output_effects, store=SimpleNamespace(name="s"), output_effects_reason=None,
    )  # fmt: skip
    effect.show(links.Neuron(), None, unit)


def test_what_few_images_show_of_an_output_is_not_shown_as_if_it_was_known():
    page = AppTest.from_function(uncertain).run(timeout=30)
    assert not page.exception
    said = page.info[1].value
    assert "Too few images to tell" in said and "3 images of 50" in said
    assert not any("pushes up" in one.value for one in page.markdown)
    table = page.dataframe[0].value
    assert table["up"].tolist() == ["", "c +1"] and table["down"].tolist() == ["", ""]


# -- the units of the Importance page -----------------------------------------------------------------


# -- ablation scores --------------------------------------------------------------------------------

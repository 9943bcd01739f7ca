"""Partners by name."""

import pytest

from kinesis_control.errors import LayoutError
from kinesis_sim.mirror import partners


def test_sides_are_words_not_letters():
    names = ["right_heel", "left_heel", "soleus_r", "soleus_l", "rect_abd_r", "rect_abd_l", "IL_L1_r", "IL_L1_l"]
    assert partners(names).tolist() == [1, 0, 3, 2, 5, 4, 7, 6]


def test_bare_names_pair_with_their_left_form_or_stay():
    assert partners(["DELT1", "DELT1_l", "head"]).tolist() == [1, 0, 2]


def test_a_lonely_side_is_named():
    with pytest.raises(LayoutError, match="soleus_r"):
        partners(["soleus_r", "pelvis"])

"""Which muscles of our bodies lie under which surface electrode: the one table, from which docs/emg.md has its own.

A surface electrode sees the muscle fibres beneath it, more of a strong muscle than of a weak one. Where a model splits
a muscle into several actuators, or one electrode covers several heads, the model's signal is their mean weighted by
peak isometric force [N]. The forces are those of the bodies (`tests/sim/test_electrodes.py` compares them with the
compiled models); they are constants here because this side runs without a model. Muscles that lie beneath others (short
head of biceps, vastus intermedius, gluteus minimus) are not under any surface electrode and take no part."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinesis_control.errors import UnknownNameError

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Electrode:
    """A surface electrode.

    Attributes:
        name: as figures use it, for example "gluteus_medius".
        code: two letters, as in the treadmill recordings; empty where they have none.
        aliases: other names that recordings use, lower case with underscores.
        muscles: sets of muscles (names without the side) with their peak force [N]; the first set that a body has in
            full is taken.
        remark: what a reader should know of the choice.
    """

    name: str
    code: str = ""
    aliases: tuple[str, ...] = ()
    muscles: tuple[Mapping[str, float], ...]
    remark: str = ""


_GASTROCNEMIUS = {"gasmed": 2237.3, "gaslat": 1318.7}
_LUMBAR = {"IL_L1": 65.7, "IL_L2": 90.2, "IL_L3": 86.5, "IL_L4": 88.3}

ELECTRODES: tuple[Electrode, ...] = (
    Electrode(name="gluteus_medius", code="ME", aliases=("glmed", "gmed"), muscles=({"glmed1": 1018.5, "glmed2": 715.0, "glmed3": 828.1},)),
    Electrode(name="gluteus_maximus", code="MA", aliases=("glmax", "gmax"), muscles=({"glmax1": 1293.8, "glmax2": 1308.5, "glmax3": 928.2},)),
    Electrode(name="tensor_fasciae_latae", code="FL", aliases=("tfl", "tensor_fascia_latae"), muscles=({"tfl": 265.8},)),
    Electrode(name="rectus_femoris", code="RF", aliases=("recfem", "rectus"), muscles=({"recfem": 2211.6},)),
    Electrode(name="vastus_medialis", code="VM", aliases=("vasmed", "vastus_medius"), muscles=({"vasmed": 2423.7},)),
    Electrode(name="vastus_lateralis", code="VL", aliases=("vaslat",), muscles=({"vaslat": 5318.1},)),
    Electrode(
        name="semitendinosus", code="ST", aliases=("semiten",), muscles=({"semiten": 583.1},), remark="semimembranosus lies deeper and beside it"
    ),
    Electrode(name="biceps_femoris", code="BF", aliases=("bflh", "lateral_hamstrings"), muscles=({"bflh": 1328.9},), remark="long head"),
    Electrode(name="tibialis_anterior", code="TA", aliases=("tibant",), muscles=({"tibant": 1152.9},)),
    Electrode(name="peroneus_longus", code="PL", aliases=("perlong", "fibularis_longus"), muscles=({"perlong": 993.4},)),
    Electrode(name="gastrocnemius_medialis", code="GM", aliases=("gasmed", "medial_gastrocnemius"), muscles=({"gasmed": 2237.3},)),
    Electrode(name="gastrocnemius_lateralis", code="GL", aliases=("gaslat", "lateral_gastrocnemius"), muscles=({"gaslat": 1318.7},)),
    Electrode(name="soleus", code="SO", aliases=("sol",), muscles=({"soleus": 5322.2},)),
    Electrode(name="gastrocnemius", aliases=("gastroc", "gas"), muscles=(_GASTROCNEMIUS,), remark="recordings that do not name the head"),
    Electrode(name="medial_hamstrings", aliases=("medham",), muscles=({"semiten": 583.1, "semimem": 2249.6},), remark="an electrode over both"),
    Electrode(name="adductor_longus", aliases=("addlong",), muscles=({"addlong": 881.9},)),
    Electrode(name="gracilis", aliases=("grac",), muscles=({"grac": 280.9},)),
    Electrode(name="sartorius", aliases=("sart",), muscles=({"sart": 245.5},)),
    Electrode(
        name="erector_spinae", aliases=("ercspn",), muscles=({"ercspn": 2458.6}, _LUMBAR),
        remark="lumbar; iliocostalis where there is no single muscle",
    ),
    Electrode(name="rectus_abdominis", aliases=("rect_abd",), muscles=({"rect_abd": 296.8},)),
    Electrode(
        name="external_oblique", aliases=("extobl",),
        muscles=({"extobl": 853.7}, {"EO1": 54.7, "EO2": 183.1, "EO3": 123.6, "EO4": 125.4, "EO5": 209.6, "EO6": 133.7}),
    ),
)  # fmt: skip

_BY_NAME = {alias: e for e in ELECTRODES for alias in (e.name, e.code.lower(), *e.aliases) if alias}


def find_electrode(name: str) -> Electrode:
    """The electrode of a name, a code or an alias; case, blanks and a side at the end do not matter.

    Raises:
        UnknownNameError: no such electrode.
    """
    plain = name.strip().lower().replace(" ", "_").replace("-", "_").removesuffix("_r").removesuffix("_l")
    if plain not in _BY_NAME:
        raise UnknownNameError("electrode", name, [e.name for e in ELECTRODES])
    return _BY_NAME[plain]


def under(electrode: Electrode, muscles: tuple[str, ...], envelopes: Array) -> Array | None:
    """What an electrode would see of a body.

    Args:
        electrode: which.
        muscles: names without the side, in the order of the envelopes.
        envelopes: shape (n_muscles, points).

    Returns:
        Mean weighted by peak force, shape (points,); None where the body has no muscle under it.
    """
    for choice in electrode.muscles:
        if all(m in muscles for m in choice):
            weights = np.array(list(choice.values()))
            rows = [muscles.index(m) for m in choice]
            result: Array = weights @ envelopes[rows] / weights.sum()
            return result
    return None


def markdown_table() -> str:
    """The table as it stands in docs/emg.md."""
    lines = ["| electrode | code | muscles of the model (peak force [N]) | remark |", "|---|---|---|---|"]
    for e in ELECTRODES:
        sets = " or ".join(", ".join(f"{m} ({force:g})" for m, force in choice.items()) for choice in e.muscles)
        lines.append(f"| {e.name} | {e.code} | {sets} | {e.remark} |")
    return "\n".join(lines)

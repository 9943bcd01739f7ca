"""Numbers in digits and in words, as far as people walk and turn."""

_SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS = {word: float(i) for i, word in enumerate(_SMALL.split())}
TENS = {word: 10.0 * i for i, word in enumerate(_TENS.split(), start=2)}
SCALES = {"hundred": 100.0, "thousand": 1000.0, "million": 1e6}
FRACTIONS = {"half": 0.5, "quarter": 0.25, "quarters": 0.25, "third": 1.0 / 3.0, "thirds": 1.0 / 3.0, "halves": 0.5}
VAGUE = {"couple": 2.0, "pair": 2.0, "few": 3.0, "several": 5.0, "handful": 5.0, "some": 3.0, "many": 8.0}
"""Counts that name no number; what they are taken as is said in the reply."""

DETERMINERS = {"a", "an", "one", "another", "the"}


def read_number(words: list[str], start: int) -> tuple[float, str, int] | None:
    """The number that begins at `start`.

    Returns:
        Its value, the word of a vague count ("few", else ""), and the index behind it; None where no number begins.
    """
    i = start
    if words[i] in ("a", "the") and i + 1 < len(words) and words[i + 1] in (*FRACTIONS, *VAGUE, *SCALES, "dozen"):
        i += 1
    word = words[i]
    if word in VAGUE and not (word in ("some", "many") and words[i + 1 : i + 2] not in (["steps"], ["paces"], ["metres"], ["meters"], ["feet"])):
        return VAGUE[word], word, _skip_of(words, i + 1)
    if word == "dozen":
        return 12.0, "", _skip_of(words, i + 1)
    if word in FRACTIONS:
        if words[i + 1 : i + 3] == ["a", "dozen"]:
            return 6.0, "", i + 3
        return FRACTIONS[word], "", _skip_of(words, i + 1)
    found = _whole(words, i)
    if found is None:
        return None
    value, end = found
    return (*_with_fraction(words, value, end),)


def _skip_of(words: list[str], i: int) -> int:
    """Behind "of", "of a" or "a" that follow a count ("half a metre", "a couple of steps")."""
    if words[i : i + 1] == ["of"]:
        i += 1
    return i + 1 if words[i : i + 1] in (["a"], ["an"], ["the"]) else i


def _with_fraction(words: list[str], value: float, end: int) -> tuple[float, str, int]:
    """Add "and a half", "point five", "1 / 2" and the like to a number read already."""
    rest = words[end : end + 3]
    if rest[:1] == ["and"] and rest[1:2] in (["a"], ["one"]) and len(rest) == 3 and rest[2] in FRACTIONS:
        return value + FRACTIONS[rest[2]], "", end + 3
    if rest[:1] == ["and"] and rest[1:2] == ["half"]:
        return value + 0.5, "", end + 2
    if rest[:1] == ["point"]:
        digits, i = "", end + 1
        while i < len(words) and words[i] in UNITS and UNITS[words[i]] < 10.0:
            digits, i = digits + str(int(UNITS[words[i]])), i + 1
        return (value + float(f"0.{digits}"), "", i) if digits else (value, "", end)
    if rest[:1] == ["dozen"]:
        return 12.0 * value, "", _skip_of(words, end + 1)
    if rest[:1] in (["quarter"], ["quarters"], ["thirds"]):
        return value * FRACTIONS[rest[0]], "", _skip_of(words, end + 1)
    if rest[:1] == ["half"]:
        return (value * 0.5 if value == 1.0 else value + 0.5), "", _skip_of(words, end + 1)
    return value, "", end


def _whole(words: list[str], start: int) -> tuple[float, int] | None:
    """A whole number in words ("two hundred and seventy", "a hundred") or one in digits."""
    if _is_digits(words[start]):
        value, i = float(words[start]), start + 1
        if words[i : i + 1] and "/" in words[i] and _is_ratio(words[i]):
            return value + _ratio(words[i]), i + 1
        return value, i
    if _is_ratio(words[start]):
        return _ratio(words[start]), start + 1
    total, part, i = 0.0, 0.0, start
    while i < len(words):
        word = words[i]
        if word in UNITS and (part == 0.0 or (part % 100.0 >= 20.0 and part % 10.0 == 0.0 and 0.0 < UNITS[word] < 10.0) or part % 100.0 == 0.0):
            part += UNITS[word]
        elif word in TENS and part % 100.0 == 0.0:
            part += TENS[word]
        elif word in SCALES:
            part = max(part, 1.0) * SCALES[word]
            if word != "hundred":
                total, part = total + part, 0.0
        elif word == "and" and i > start and words[i - 1] in SCALES and i + 1 < len(words) and words[i + 1] in (UNITS | TENS):
            pass
        else:
            break
        i += 1
    return (total + part, i) if i > start else None


def _is_digits(word: str) -> bool:
    return word[0].isdigit() and "/" not in word


def _is_ratio(word: str) -> bool:
    return word[0].isdigit() and "/" in word


def _ratio(word: str) -> float:
    above, _, below = word.partition("/")
    return float(above) / float(below) if float(below) else float("inf")

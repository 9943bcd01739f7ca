"""Typing errors of one letter, in the words that are typed most; a word that could be another word is left alone."""

from kinesis_control.motion.words.lexicon import LEXICON

_CORRECTED = (
    "walk walks walked walking jogging running turn turns turned turning stand stands standing stopped stopping step steps stepping sidestep sidesteps "
    "forward forwards backward backwards left right sideways slowly quickly slower metre metres meter meters degrees seconds circle straight around "
    "then person someone clockwise counterclockwise anticlockwise rotate rotates diagonally stroll strolls marches wanders shuffles pauses continues"
)
_CANDIDATES = frozenset(word for word in _CORRECTED.split() if word in LEXICON)

_OTHER_WORDS = (
    "wall walls walled talk wake waked wale waling calk caulk taking tuning torn tern burning tuned stance strand strands sand sands stem stems "
    "seep steep steeps stew strep lift lefty loft lest heft light fight night bright fright rights wrights stooped stooping stepped sopping "
    "topping shopped shopping swapping stopper stoppers steppe steppes foreword forewords backyard backyards show shoal shower lower slow slowed "
    "showy there their than them thee the hen ten meteor meteors mete meted mere metro metros meeter decrees second secondly circled circlet "
    "circuit cycle aground ground persons parson parsons wonders wonder scroll scrolls troll strolled matches larches arches causes clauses "
    "passes continue rate rates rotated rote stray strait state staring sanding standings warding wording working worked work walker walkers "
    "balking talking ruining persona personas wanker wankers marshes stranding slopping slopped walling jigging waders scuffles snuffles turfing "
    "winders warders swopped swopping stropping stropped steeping sopped jugging joggling froward melter marcher marchers shuffler shufflers "
    "circler sower pearson turin turing stan"
)
"""Real words that are one letter away from one of them, and are never taken for it."""

_REAL = frozenset(_OTHER_WORDS.split())
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def correct(word: str) -> str:
    """The known word that `word` is a typing error of, or "" where none or more than one fits.

    Two neighbouring letters swapped, one left out or one too many; in words of seven letters and more also one exchanged. The first letter must be right.
    """
    if (not 4 <= len(word) <= 20 and word != "lft") or word in _REAL:
        return ""
    near = _variants(word) & _CANDIDATES
    values = {(LEXICON[w].tag, LEXICON[w].value) for w in near}
    return min(near, key=lambda w: (abs(len(w) - len(word)), w)) if len(values) == 1 else ""


def _variants(word: str) -> set[str]:
    cuts = range(1, len(word))
    swapped = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(1, len(word) - 1)}
    shorter = {word[:i] + word[i + 1 :] for i in cuts} if len(word) >= 5 else set()
    longer = {word[:i] + c + word[i:] for i in range(1, len(word) + 1) for c in _LETTERS}
    changed = {word[:i] + c + word[i + 1 :] for i in cuts for c in _LETTERS} if len(word) >= 7 else set()
    return swapped | shorter | longer | changed

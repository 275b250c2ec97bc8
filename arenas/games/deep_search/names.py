"""Names of a generated world: numbers that read as words, and words that read back as numbers.

Every name of a kind of thing is one number (its code) in the mixed radix of the kind's patterns, so
a world keeps eight bytes a name and no table of strings. The words come from syllables, shuffled by
the world's seed: they name nothing outside, and nothing that another seed has named.
"""

from __future__ import annotations

from collections.abc import Sequence

from arenas.core.rng import Rng

ONSETS = "b br c cl d dr f fl g gr h j k kr l m n p pr qu r s sk st t tr v vr w y z".split()
NUCLEI = "a e i o u ae ei ia oa ou".split()
CODAS = "l m n r s th nd rk lt sk".split()
GIVEN_ENDS = "a en is o ian elle ric une as ild".split()
FAMILY_ENDS = "ard vane mor holt stead ric lund wick sson gard".split()
STEM_ENDS = "ford haven mouth burgh dale fell mere wold combe stow".split()
LAND_ENDS = "ria land mark onia shire ven esse aria".split()

ADJECTIVES = (
    "Amber Ancient Bitter Blue Borrowed Bright Broken Burning Copper Crimson Distant Drowned Early "
    "Empty Faithful Fallen First Forgotten Frozen Gentle Gilded Green Grey Hidden Hollow Honest "
    "Hungry Idle Iron Ivory Last Late Lonely Lost Marble Midnight Narrow Northern Open Painted "
    "Pale Patient Quiet Restless Scarlet Second Secret Silent Silver Simple Sleeping Slow Small "
    "Southern Stolen Strange Sunken Tall Unwritten Velvet Wandering White Winter Wooden"
).split()
NOUNS = (
    "Almanac Anchor Apple Arch Ballad Banner Barrel Beacon Bell Bird Boat Bottle Bridge Candle "
    "Carpet Castle Chapel Clock Cloud Coin Compass Crown Dancer Door Drum Engine Falcon Feather "
    "Ferry Field Fiddle Fire Fisherman Flag Flute Forest Fountain Garden Gate Glass Glove Guest "
    "Hammer Harbour Harp Harvest Hearth Horse House Hunter Island Journey Key Kitchen Ladder Lake "
    "Lamp Lantern Letter Library Lighthouse Loom Machine Map Market Mask Meadow Mill Miller Mirror "
    "Moon Mountain Nail Needle Night Oak Orchard Oven Owl Palace Path Pearl Pilgrim Plough Poem "
    "Portrait Prince River Road Roof Rose Sailor Salt School Season Shadow Shepherd Ship Shore "
    "Snow Soldier Song Spindle Spring Stair Star Stone Storm Stranger Summer Sword Table Tailor "
    "Theatre Thread Tide Tower Train Tree Valley Violin Voyage Wall Watch Water Weaver Wheel Wind"
).split()
TRADES = (
    "Mills Works Foundry Shipping Press Brewery Bank Railways Looms Insurance Trading Motors "
    "Chemicals Publishing Dairies Optics"
).split()
MEETINGS = (
    "Regatta Congress Festival Tournament Exhibition Marathon Fair Games Symposium Derby Rally "
    "Concours"
).split()
NUMERALS = (
    "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX XXI XXII XXIII XXIV "
    "XXV XXVI XXVII XXVIII XXIX XXX"
).split()


class Words:
    """A list of single words and the place of each."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.place = {word: index for index, word in enumerate(self.words)}


class Pattern:
    """A name of fixed length: literal words, and places for words of a list."""

    def __init__(self, *parts: str | Words) -> None:
        self.parts = parts
        self.count = 1
        for part in parts:
            if isinstance(part, Words):
                self.count *= len(part.words)

    def write(self, code: int) -> str:
        """The name of a code in 0..count-1."""
        words = []
        for part in reversed(self.parts):
            if isinstance(part, Words):
                code, index = divmod(code, len(part.words))
                words.append(part.words[index])
            else:
                words.append(part)
        return " ".join(reversed(words))

    def read(self, words: Sequence[str]) -> int | None:
        """The code of a name, or None."""
        code = 0
        for part, word in zip(self.parts, words, strict=True):
            if isinstance(part, Words):
                index = part.place.get(word)
                if index is None:
                    return None
                code = code * len(part.words) + index
            elif part != word:
                return None
        return code


class Names:
    """All names that one kind of thing can have.

    Attributes:
        count: how many; codes are 0..count-1.
        first: the first code of each pattern, for drawing patterns with equal odds.
    """

    def __init__(self, *patterns: Pattern) -> None:
        self.patterns = patterns
        self.first = [0]
        for pattern in patterns:
            self.first.append(self.first[-1] + pattern.count)
        self.count = self.first[-1]

    def write(self, code: int) -> str:
        """The name of a code."""
        at = len(self.patterns) - 1
        while code < self.first[at]:
            at -= 1
        return self.patterns[at].write(code - self.first[at])

    def read(self, name: str) -> int | None:
        """The code of a name; None if it is no name of this kind."""
        words = name.split(" ")
        for first, pattern in zip(self.first, self.patterns, strict=False):
            if len(pattern.parts) == len(words):
                code = pattern.read(words)
                if code is not None:
                    return first + code
        return None


def make_names(seed: int, size: int) -> dict[str, Names]:
    """The names of every kind, for worlds of about `size` things.

    The lists grow with the square root of the size, so that namesakes stay about as common.
    """
    rng = Rng(seed).fork(0x6E616D6573)
    taken: set[str] = set()
    root = int(size**0.5)

    def words(count: int, ends: Sequence[str]) -> Words:
        made: list[str] = []
        while len(made) < count:
            middle = rng.choice(CODAS) if rng.below(3) == 0 else ""
            word = rng.choice(ONSETS) + rng.choice(NUCLEI) + middle
            if rng.below(2):
                word += rng.choice(ONSETS) + rng.choice(NUCLEI)
            word = (word + rng.choice(ends)).capitalize()
            if word not in taken:
                taken.add(word)
                made.append(word)
        return Words(made)

    given = words(40 + root // 2, GIVEN_ENDS)
    family = words(60 + 4 * root, FAMILY_ENDS)
    stem = words(40 + 6 * root, STEM_ENDS)
    land = words(30 + size // 100, LAND_ENDS)
    adjective, noun = Words(ADJECTIVES), Words(NOUNS)
    return {
        "person": Names(Pattern(given, family)),
        "region": Names(*(Pattern(form, "of", land) for form in ("County", "Duchy", "Isle"))),
        "town": Names(
            Pattern(stem),
            *(Pattern(front, stem) for front in ("Port", "Upper", "Lower", "New", "Old")),
            *(Pattern(stem, back) for back in ("Bridge", "Cross", "Heath")),
        ),
        "work": Names(
            Pattern("The", adjective, noun),
            Pattern("The", noun, "of", stem),
            Pattern("No", noun, "for", given),
            Pattern(adjective, noun, "of", stem),
        ),
        "company": Names(
            Pattern(stem, Words(TRADES)),
            Pattern(family, Words(TRADES)),
            Pattern(family, "&", "Sons"),
            Pattern(family, "&", family),
        ),
        "event": Names(
            Pattern(stem, Words(MEETINGS)),
            Pattern(adjective, Words(MEETINGS), "of", stem),
            Pattern(family, "Memorial", Words(MEETINGS)),
        ),
    }

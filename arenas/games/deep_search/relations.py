"""The relations of a generated world, and every wording of them.

A relation has a subject and one object (or none). Each is worded in four ways:

- `states`: sentences of the subject's article; `{s}` is the subject, `{o}` the object.
- `mirrors`: sentences of the object's article that say the same; none for values.
- `of`: the object as a noun phrase over the subject: "the birthplace of {}".
- `whose`: the subject as a clause over the object: "[the person who] was born in {}".

`more` and `less` end a comparison of two subjects: "[whichever of the two] was born later".
The patterns of the reader in `reader.py` and the grammar of questions in `wording.py` are made from
these strings, so writing and reading cannot drift apart.
"""

from __future__ import annotations

from typing import NamedTuple

KINDS = ("person", "region", "town", "work", "company", "event")
"""The kinds of things, in the order of their numbers in a world."""

PRONOUN = dict.fromkeys(KINDS, "that") | {"person": "who"}

OCCUPATIONS = (
    "actuary apothecary archer astronomer baker barber beekeeper bookbinder botanist brewer "
    "bricklayer cartographer chandler chemist clockmaker composer cooper cutler diver engraver "
    "falconer furrier gardener geologist glassblower gunsmith herbalist historian illustrator "
    "ironmonger jeweller joiner lawyer locksmith luthier mason midwife milliner navigator "
    "notary optician organist painter physician pilot potter printer saddler sculptor shipwright "
    "stenographer surveyor tanner translator weaver"
).split()
GENRES = (
    "allegory biography cantata chronicle comedy elegy epic fable farce memoir novel novella opera "
    "operetta oratorio satire sonata symphony tragedy travelogue"
).split()
INDUSTRIES = (
    "banking brewing cement ceramics clockmaking dyeing forestry glassmaking insurance milling "
    "mining papermaking printing railways salt shipbuilding silk textiles tobacco whaling"
).split()
CATEGORIES = {"occupation": OCCUPATIONS, "genre": GENRES, "industry": INDUSTRIES}


class Relation(NamedTuple):
    """One relation and its wordings; see the module's page.

    Attributes:
        name: as in formal queries: "birthplace".
        subject: kind of the subject.
        object: a kind, or "date", "year", "number" or "category".
        symmetric: it holds both ways.
    """

    name: str
    subject: str
    object: str
    states: tuple[str, ...]
    mirrors: tuple[str, ...]
    of: tuple[str, ...]
    whose: tuple[str, ...]
    more: str = ""
    less: str = ""
    symmetric: bool = False

    @property
    def entity(self) -> bool:
        """Whether the object is a thing with an article rather than a value."""
        return self.object in KINDS


RELATIONS = (
    # -- people --------------------------------------------------------------------------------
    Relation(
        "birth_date",
        "person",
        "date",
        (
            "{s} was born on {o}.",
            "The date of birth of {s} is {o}.",
            "{s} came into the world on {o}.",
        ),
        (),
        ("the date of birth of {}", "the day on which {} was born"),
        ("was born on {}", "came into the world on {}"),
        "was born later",
        "was born earlier",
    ),
    Relation(
        "death_date",
        "person",
        "date",
        ("{s} died on {o}.", "The date of death of {s} is {o}.", "The life of {s} ended on {o}."),
        (),
        ("the date of death of {}", "the day on which {} died"),
        ("died on {}", "passed away on {}"),
        "died later",
        "died earlier",
    ),
    Relation(
        "birthplace",
        "person",
        "town",
        ("{s} was born in {o}.", "The birthplace of {s} is {o}.", "{s} is a native of {o}."),
        ("{s} was born here, in {o}.", "{o} is the birthplace of {s}."),
        ("the birthplace of {}", "the town in which {} was born"),
        ("was born in {}", "is a native of {}"),
    ),
    Relation(
        "residence",
        "person",
        "town",
        ("{s} lived in {o}.", "{s} made a home in {o}.", "The residence of {s} was in {o}."),
        ("{o} was home to {s}.",),
        ("the residence of {}", "the town in which {} lived"),
        ("lived in {}", "made a home in {}"),
    ),
    Relation(
        "burial_place",
        "person",
        "town",
        ("{s} is buried in {o}.", "The grave of {s} is in {o}.", "{s} was laid to rest in {o}."),
        ("The cemetery of {o} holds the grave of {s}.",),
        ("the burial place of {}", "the town in which {} is buried"),
        ("is buried in {}", "was laid to rest in {}"),
    ),
    Relation(
        "occupation",
        "person",
        "category",
        ("{s} worked as {o}.", "By trade {s} was {o}.", "The occupation of {s} was that of {o}."),
        (),
        ("the occupation of {}", "the trade of {}"),
        ("worked as {}", "earned a living as {}"),
    ),
    Relation(
        "teacher",
        "person",
        "person",
        ("{s} studied under {o}.", "{s} was a pupil of {o}.", "The teacher of {s} was {o}."),
        ("{o} taught {s}.", "Among the pupils of {o} was {s}."),
        ("the teacher of {}", "the person under whom {} studied"),
        ("studied under {}", "was a pupil of {}"),
    ),
    Relation(
        "spouse",
        "person",
        "person",
        (
            "{s} was married to {o}.",
            "The spouse of {s} was {o}.",
            "{s} shared a household with {o}, in marriage.",
        ),
        (),
        ("the spouse of {}", "the person to whom {} was married"),
        ("was married to {}", "was the spouse of {}"),
        symmetric=True,
    ),
    Relation(
        "employer",
        "person",
        "company",
        ("{s} was employed by {o}.", "{s} held a post at {o}.", "The employer of {s} was {o}."),
        ("{o} employed {s}.", "On the payroll of {o} was {s}."),
        ("the employer of {}", "the company at which {} held a post"),
        ("was employed by {}", "held a post at {}"),
    ),
    # -- regions -------------------------------------------------------------------------------
    Relation(
        "capital",
        "region",
        "town",
        (
            "The capital of {s} is {o}.",
            "{s} is governed from {o}.",
            "{s} has its seat of government in {o}.",
        ),
        ("{o} is the capital of {s}.", "From {o} the whole of {s} is governed."),
        ("the capital of {}", "the town from which {} is governed"),
        ("is governed from {}", "has {} as its capital"),
    ),
    Relation(
        "governor",
        "region",
        "person",
        (
            "The governor of {s} was {o}.",
            "{s} was administered by {o}.",
            "{s} had as its governor {o}.",
        ),
        ("{o} was governor of {s}.", "{o} administered {s}."),
        ("the governor of {}", "the person who administered {}"),
        ("was administered by {}", "had as its governor {}"),
    ),
    Relation(
        "area",
        "region",
        "number",
        (
            "{s} covers {o} square kilometres.",
            "The area of {s} is {o} square kilometres.",
            "Surveyors give {s} an extent of {o} square kilometres.",
        ),
        (),
        ("the area in square kilometres of {}", "the extent in square kilometres of {}"),
        ("covers {} square kilometres", "extends over {} square kilometres"),
        "covers the larger area",
        "covers the smaller area",
    ),
    Relation(
        "summit",
        "region",
        "number",
        (
            "The highest point of {s} lies at {o} metres.",
            "{s} rises to {o} metres at its summit.",
            "Nothing in {s} stands higher than {o} metres.",
        ),
        (),
        (
            "the height in metres of the highest point of {}",
            "the height in metres to which {} rises",
        ),
        ("rises to {} metres", "has its highest point at {} metres"),
        "has the higher summit",
        "has the lower summit",
    ),
    # -- towns ---------------------------------------------------------------------------------
    Relation(
        "region",
        "town",
        "region",
        ("{s} lies in {o}.", "{s} is a town of {o}.", "{s} belongs to {o}."),
        ("One of the towns of {o} is {s}.", "{o} includes {s}."),
        ("the region of {}", "the region in which {} lies"),
        ("lies in {}", "belongs to {}"),
    ),
    Relation(
        "population",
        "town",
        "number",
        ("{s} has {o} inhabitants.", "The population of {s} is {o}.", "{o} people live in {s}."),
        (),
        ("the population of {}", "the number of inhabitants of {}"),
        ("has {} inhabitants", "counts {} inhabitants"),
        "has more inhabitants",
        "has fewer inhabitants",
    ),
    Relation(
        "charter_year",
        "town",
        "year",
        (
            "{s} received its charter in {o}.",
            "The charter of {s} dates from {o}.",
            "{s} was made a town in {o}.",
        ),
        (),
        ("the year of the charter of {}", "the year in which {} received its charter"),
        ("received its charter in {}", "was made a town in {}"),
        "received its charter later",
        "received its charter earlier",
    ),
    Relation(
        "mayor",
        "town",
        "person",
        (
            "The mayor of {s} was {o}.",
            "{s} elected as its mayor {o}.",
            "The town hall of {s} was run by {o}.",
        ),
        ("{o} was mayor of {s}.", "{o} ran the town hall of {s}."),
        ("the mayor of {}", "the person who ran the town hall of {}"),
        ("elected as its mayor {}", "had as its mayor {}"),
    ),
    Relation(
        "twin_town",
        "town",
        "town",
        (
            "{s} is twinned with {o}.",
            "The twin town of {s} is {o}.",
            "{s} keeps a partnership with {o}.",
        ),
        (),
        ("the twin town of {}", "the town with which {} is twinned"),
        ("is twinned with {}", "keeps a partnership with {}"),
        symmetric=True,
    ),
    Relation(
        "elevation",
        "town",
        "number",
        (
            "{s} stands {o} metres above the sea.",
            "The elevation of {s} is {o} metres.",
            "The market square of {s} is at {o} metres.",
        ),
        (),
        ("the elevation in metres of {}", "the height in metres above the sea of {}"),
        ("stands {} metres above the sea", "has an elevation of {} metres"),
        "stands higher above the sea",
        "stands lower above the sea",
    ),
    # -- works ---------------------------------------------------------------------------------
    Relation(
        "author",
        "work",
        "person",
        ("{s} was written by {o}.", "The author of {s} is {o}.", "{s} is a work of {o}."),
        ("{o} wrote {s}.", "Among the works of {o} is {s}."),
        ("the author of {}", "the person who wrote {}"),
        ("was written by {}", "is a work of {}"),
    ),
    Relation(
        "publication_year",
        "work",
        "year",
        (
            "{s} was published in {o}.",
            "The first edition of {s} appeared in {o}.",
            "{s} came out in {o}.",
        ),
        (),
        ("the year of publication of {}", "the year in which {} was published"),
        ("was published in {}", "came out in {}"),
        "was published later",
        "was published earlier",
    ),
    Relation(
        "genre",
        "work",
        "category",
        ("{s} is classed as {o}.", "In form {s} is {o}.", "Critics call {s} {o}."),
        (),
        ("the genre of {}", "the form of {}"),
        ("is classed as {}", "takes the form of {}"),
    ),
    Relation(
        "publisher",
        "work",
        "company",
        ("{s} was brought out by {o}.", "The publisher of {s} was {o}.", "{s} appeared with {o}."),
        ("{o} brought out {s}.", "On the list of {o} stood {s}."),
        ("the publisher of {}", "the company that brought out {}"),
        ("was brought out by {}", "appeared with {}"),
    ),
    Relation(
        "setting",
        "work",
        "town",
        ("{s} is set in {o}.", "The story of {s} takes place in {o}.", "The scene of {s} is {o}."),
        ("{o} is the scene of {s}.",),
        ("the setting of {}", "the town in which {} is set"),
        ("is set in {}", "takes place in {}"),
    ),
    Relation(
        "dedicatee",
        "work",
        "person",
        (
            "{s} is dedicated to {o}.",
            "The dedication of {s} names {o}.",
            "{s} was written in honour of {o}.",
        ),
        ("{s} is dedicated to {o}, as its first page says.",),
        ("the dedicatee of {}", "the person to whom {} is dedicated"),
        ("is dedicated to {}", "was written in honour of {}"),
    ),
    Relation(
        "length",
        "work",
        "number",
        (
            "{s} runs to {o} pages.",
            "The length of {s} is {o} pages.",
            "In print {s} fills {o} pages.",
        ),
        (),
        ("the number of pages of {}", "the length in pages of {}"),
        ("runs to {} pages", "fills {} pages"),
        "has more pages",
        "has fewer pages",
    ),
    # -- companies -----------------------------------------------------------------------------
    Relation(
        "founder",
        "company",
        "person",
        ("{s} was founded by {o}.", "The founder of {s} was {o}.", "{s} was the creation of {o}."),
        ("{o} founded {s}.", "One company started by {o} is {s}."),
        ("the founder of {}", "the person who founded {}"),
        ("was founded by {}", "was the creation of {}"),
    ),
    Relation(
        "headquarters",
        "company",
        "town",
        ("{s} is based in {o}.", "The headquarters of {s} are in {o}.", "{s} is run from {o}."),
        ("{o} hosts the headquarters of {s}.",),
        ("the seat of {}", "the town in which {} is based"),
        ("is based in {}", "is run from {}"),
    ),
    Relation(
        "founding_year",
        "company",
        "year",
        (
            "{s} was founded in {o}.",
            "The founding of {s} dates from {o}.",
            "{s} opened for business in {o}.",
        ),
        (),
        ("the founding year of {}", "the year in which {} was founded"),
        ("was founded in {}", "opened for business in {}"),
        "was founded later",
        "was founded earlier",
    ),
    Relation(
        "employees",
        "company",
        "number",
        ("{s} employs {o} people.", "The staff of {s} numbers {o}.", "{s} has {o} employees."),
        (),
        ("the number of employees of {}", "the size of the staff of {}"),
        ("employs {} people", "has {} employees"),
        "has more employees",
        "has fewer employees",
    ),
    Relation(
        "parent",
        "company",
        "company",
        (
            "{s} is owned by {o}.",
            "The parent company of {s} is {o}.",
            "{s} is a subsidiary of {o}.",
        ),
        ("{o} owns {s}.", "A subsidiary of {o} is {s}."),
        ("the parent company of {}", "the company that owns {}"),
        ("is owned by {}", "is a subsidiary of {}"),
    ),
    Relation(
        "industry",
        "company",
        "category",
        ("{s} is active in {o}.", "The industry of {s} is {o}.", "The business of {s} is {o}."),
        (),
        ("the industry of {}", "the business of {}"),
        ("is active in {}", "does business in {}"),
    ),
    # -- events --------------------------------------------------------------------------------
    Relation(
        "venue",
        "event",
        "town",
        ("{s} was held in {o}.", "The venue of {s} was {o}.", "Visitors came to {o} for {s}."),
        ("{o} was the venue of {s}.",),
        ("the venue of {}", "the town in which {} was held"),
        ("was held in {}", "took place in {}"),
    ),
    Relation(
        "date",
        "event",
        "date",
        ("{s} was held on {o}.", "The date of {s} was {o}.", "{s} opened on {o}."),
        (),
        ("the date of {}", "the day on which {} was held"),
        ("was held on {}", "opened on {}"),
        "was held later",
        "was held earlier",
    ),
    Relation(
        "organiser",
        "event",
        "company",
        ("{s} was organised by {o}.", "The organiser of {s} was {o}.", "{s} was put on by {o}."),
        ("{o} organised {s}.",),
        ("the organiser of {}", "the company that organised {}"),
        ("was organised by {}", "was put on by {}"),
    ),
    Relation(
        "winner",
        "event",
        "person",
        ("{s} was won by {o}.", "The winner of {s} was {o}.", "First prize at {s} went to {o}."),
        ("{o} won {s}.", "{o} took first prize at {s}."),
        ("the winner of {}", "the person who won {}"),
        ("was won by {}", "gave first prize to {}"),
    ),
    Relation(
        "honouree",
        "event",
        "person",
        (
            "{s} was held in memory of {o}.",
            "{s} honoured {o}.",
            "The guest of honour of {s} was {o}.",
        ),
        ("{s} honoured {o}, as its programme says.",),
        ("the honouree of {}", "the person whom {} honoured"),
        ("was held in memory of {}", "honoured {}"),
    ),
    Relation(
        "attendance",
        "event",
        "number",
        ("{s} drew {o} visitors.", "The attendance of {s} was {o}.", "{o} visitors attended {s}."),
        (),
        ("the attendance of {}", "the number of visitors of {}"),
        ("drew {} visitors", "was attended by {} visitors"),
        "drew more visitors",
        "drew fewer visitors",
    ),
)
"""All relations; their order numbers them."""

BY_NAME = {relation.name: relation for relation in RELATIONS}
"""Relations by name."""

ALIAS = "alias"
"""The name of the relation between a thing and its other name."""

ALIAS_STATES = (
    "{s} is also known as {o}.",
    "Another name of {s} is {o}.",
    "Some sources call {s} by the name of {o}.",
)

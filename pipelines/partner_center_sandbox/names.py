"""Makes up the names of customers, some of them hard to handle."""

from collections.abc import Sequence
from random import Random

_FIRST_WORDS = (
    "Alder", "Amber", "Aurora", "Basalt", "Birch", "Bright", "Cedar", "Cobalt", "Copper", "Coral",
    "Delta", "Ember", "Fern", "Flint", "Garnet", "Granite", "Harbor", "Hazel", "Indigo", "Iron",
    "Jasper", "Juniper", "Kestrel", "Larch", "Linden", "Maple", "Marble", "Meadow", "Nimbus",
    "Northern", "Ochre", "Onyx", "Opal", "Pine", "Quartz", "Raven", "River", "Saffron", "Sable",
    "Silver", "Slate", "Spruce", "Summit", "Teal", "Tidal", "Umber", "Velvet", "Willow",
)  # fmt: skip
_SECOND_WORDS = (
    "Analytics", "Bakeries", "Clinics", "Dental", "Energy", "Engineering", "Farms", "Foods",
    "Freight", "Furniture", "Holdings", "Hotels", "Insurance", "Labs", "Legal", "Logistics",
    "Marine", "Media", "Mining", "Motors", "Optics", "Paper", "Pharma", "Printing", "Retail",
    "Robotics", "Schools", "Shipping", "Software", "Steel", "Studios", "Textiles", "Travel",
)  # fmt: skip

# What breaks careless SQL, CSV, HTML and terminals. One name in fifty.
_ODD_NAMES = (
    "O'Brien & Daughters",
    'The "Quoted" Company',
    "Ünïcode Größen GmbH",
    "株式会社サンドボックス",
    "شركة الاختبار",
    "Zoë’s Café 🍰",
    '=HYPERLINK("http://sandbox.example","open")',
    "+1-555-0100",
    "@SUM(A1:A9)",
    "<script>alert(1)</script>",
    "Comma, Semicolon; and Tab\tLtd",
    "Two\nLines Inc",
    "C:\\Temp\\100% {x} Ltd",
    "null",
    "'; drop table referrals; --",
)


def customer_name(random: Random) -> str | None:
    """A name of two words, an odd one (2 %), or none (0.5 %)."""
    draw = random.random()
    if draw < 0.005:
        return None
    if draw < 0.025:
        return pick(random, _ODD_NAMES)
    return f"{pick(random, _FIRST_WORDS)} {pick(random, _SECOND_WORDS)}"


def pick(random: Random, options: Sequence[str]) -> str:
    """One of the options, in a fifth of the time of `random.choice`."""
    return options[int(random.random() * len(options))]

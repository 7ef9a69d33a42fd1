"""The people of the demo: the agency, its people, its clients and what it sells. All of it is made up."""

from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

AGENCY: Final = "Harbour & Pine"
OWNERS: Final = ("usr_maria", "usr_jonas", "usr_aisha", "usr_lukas", "usr_chiara")
OWNER_NAMES: Final = {
    "usr_maria": "Maria Lindqvist", "usr_jonas": "Jonas Weber", "usr_aisha": "Aisha Okafor", "usr_lukas": "Lukas Hofer",
    "usr_chiara": "Chiara Conti",
}  # fmt: skip
DIRECTOR: Final = "usr_helena"
"""Who approves what account managers may not."""
SENIOR: Final = "usr_ruth"
"""The senior account manager, who approves what is not so large."""
ADMIN: Final = "usr_tomas"
"""Who keeps the users, the keys and the addresses of webhooks."""
COLLEAGUES: Final = {
    **OWNER_NAMES, DIRECTOR: "Helena Brandt", SENIOR: "Ruth Adeyemi", ADMIN: "Tomas Novak", "usr_noah": "Noah Peters",
    "usr_ines": "Ines Moreau",
}  # fmt: skip
EXCHANGE_VALUES: Final = {"USD": 9_200, "GBP": 11_700, "EUR": 10_000}
"""What currencies are worth in one another, about."""
SEATS: Final = {"USD": ("US", "CA"), "GBP": ("GB",), "EUR": ("DE", "AT", "DE", "FR", "NL")}
"""Where clients have their seat that pay in a currency."""
COMPETITORS: Final = ("Northlight Collective", "Studio Brandung", "Pixel & Co", "an in-house team")

_FIRST: Final = (
    "Alder", "Bellwether", "Cobalt", "Driftwood", "Ember", "Fenwick", "Granite", "Halden", "Ironbridge", "Juniper", "Kestrel",
    "Larkspur", "Marlow", "Nordhaven", "Oakline", "Pemberton", "Quayside", "Rosewell", "Silverbirch", "Thornbury", "Umbra",
    "Valden", "Westmere", "Yarrow", "Zephyr", "Ashgrove", "Brightwater", "Calder", "Dovetail", "Eastfield",
)  # fmt: skip
_SECOND: Final = {
    "retail": ("Outfitters", "Market", "Home"),
    "health": ("Clinics", "Dental", "Care"),
    "finance": ("Capital", "Insurance", "Pay"),
    "manufacturing": ("Works", "Tooling", "Industries"),
    "hospitality": ("Hotels", "Kitchens", "Resorts"),
    "education": ("Academy", "Learning", "College"),
    "energy": ("Solar", "Grid", "Energy"),
    "logistics": ("Freight", "Logistics", "Cargo"),
    "food": ("Foods", "Roasters", "Bakery"),
    "nonprofit": ("Foundation", "Trust", "Aid"),
}
INDUSTRIES: Final = tuple(_SECOND)
_GIVEN: Final = (
    "Anna", "Ben", "Carla", "David", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jakob", "Katrin", "Leon", "Mina", "Nils",
    "Olga", "Paul", "Rosa", "Sam", "Tara", "Viktor",
)  # fmt: skip
_FAMILY: Final = (
    "Albers", "Brandt", "Costa", "Dahl", "Eriksen", "Fischer", "Gruber", "Haas", "Ivanov", "Jansen", "Keller", "Lorenz",
    "Moreau", "Novak", "Olsen", "Petersen", "Richter", "Santos", "Tanaka", "Vogel",
)  # fmt: skip
_TITLES: Final = ("marketing lead", "managing director", "brand manager", "head of digital", "procurement")


class Offer(NamedTuple):
    """Something the agency sells: its name, the months' share of the account's fee in percent, and how it is billed."""

    product: str
    percent: int
    interval: str


RETAINER: Final = Offer("retainer", 100, "month")
EXTRAS: Final = (
    Offer("paid media", 35, "month"),
    Offer("seo", 25, "month"),
    Offer("content production", 30, "month"),
    Offer("social media", 20, "month"),
    Offer("website care", 24, "quarter"),
    Offer("newsletter", 3, "week"),
    Offer("analytics reporting", 90, "half_year"),
    Offer("brand tracking", 120, "year"),
    Offer("trade fair support", 260, "two_years"),
)
PROJECTS: Final = ("website relaunch", "brand workshop", "video production", "photo shoot", "launch event")
FEES: Final = {"gold": (8_000, 18_000), "silver": (3_000, 7_500), "bronze": (900, 2_800)}
"""The monthly fee of a tier, from and to."""
TIERS: Final = ("gold", "silver", "silver", "bronze", "bronze")


@dataclass(frozen=True)
class Client:
    """A client of the agency. fee: what the retainer costs a month, in whole units."""

    number: int
    name: str
    industry: str
    tier: str
    owner: str
    fee: int
    contacts: tuple[tuple[str, str], ...]

    @property
    def ref(self) -> str:
        """The agency's own reference."""
        return f"demo-{self.number:03d}"

    @property
    def mail_domain(self) -> str:
        """Where its people have their mail, under a name that nobody can own."""
        return f"{self.name.lower().replace(' ', '-')}.example"


def client(number: int, rng: Random) -> Client:
    """The client of a number, from 0; a number is always the same client."""
    industry = INDUSTRIES[number % len(INDUSTRIES)]
    second = _SECOND[industry]
    name = f"{_FIRST[number % len(_FIRST)]} {second[number // len(_FIRST) % len(second)]}"
    tier = TIERS[number % len(TIERS)]
    low, high = FEES[tier]
    contacts = tuple(
        (f"{given} {family}", title)
        for given, family, title in zip(
            rng.sample(_GIVEN, 3), rng.sample(_FAMILY, 3), rng.sample(_TITLES, 3), strict=True
        )
    )
    return Client(
        number=number,
        name=name,
        industry=industry,
        tier=tier,
        owner=OWNERS[(number + number // 5) % len(OWNERS)],
        fee=rng.randrange(low, high, 100),
        contacts=contacts,
    )


def foreign(base: str) -> str:
    """Another currency in which some clients pay; the same one where no exchange value is known."""
    return next((one for one in EXCHANGE_VALUES if one != base), base) if base in EXCHANGE_VALUES else base


def country_of(number: int, currency: str) -> str | None:
    """Where a client has its seat, as its currency suggests; of every ninth it is not known."""
    seats = SEATS.get(currency, SEATS["EUR"])
    return None if number % 9 == 8 else seats[number % len(seats)]


def currency_of(number: int, base: str) -> str:
    """In which currency a client pays."""
    others = [one for one in EXCHANGE_VALUES if one != base] if base in EXCHANGE_VALUES else []
    return {4: others[0], 7: others[1]}.get(number % 9, base) if others else base


def share(fee: int, offer: Offer) -> int:
    """The price of an offer for a client of a fee, in whole tens."""
    return max(fee * offer.percent // 100 // 10 * 10, 40)

"""Sound rows, each made from the seed and its own number alone.

Any row can be made again at any time, so nothing has to be kept: a duplicate of row 12 in another file
is row 12 made once more, and memory stays flat however many rows are asked for.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from faker import Faker

PEOPLE_PER_COUNTRY = 60
COUNTRIES = {"US": "en_US", "GB": "en_GB", "DE": "de_DE", "FR": "fr_FR", "ES": "es_ES", "PL": "pl_PL"}
CURRENCY_OF = {"US": "USD", "GB": "GBP"}  # the others pay in EUR
CATEGORIES = ("groceries", "electronics", "clothing", "home", "books", "sports", "toys", "health")
REMARKS = (
    "{item}",
    "{item}, {count} pcs",
    'Order of "{item}"',
    '{item}, gift-wrapped, note: "don\'t ring"',
    "Ref {count}; {item}",
    "{item}, café crème, Größe ½ kg",
    "注文 {count}: {item}",
    "{item}\nsecond line, left at reception",
)


def digest(seed: int, *parts: object) -> int:
    """A 64-bit number that depends on the seed and the parts only, on every machine."""
    text = "/".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def share(seed: int, *parts: object) -> float:
    """A number in [0, 1) that depends on the seed and the parts only."""
    return digest(seed, *parts) / 2**64


class RowMaker:
    """Makes sound rows of both datasets.

    Faker is slow, so it fills a pool of people and phrases once; rows pick from the pool.
    """

    def __init__(self, seed: int, pick_customer: Callable[[random.Random], int]) -> None:
        """pick_customer chooses the number of the customer that a transaction belongs to."""
        self._seed = seed
        self._pick_customer = pick_customer
        self._random = random.Random()  # noqa: S311 - sample data, not secrets # nosec B311
        self._people = [person for country in COUNTRIES for person in self._people_of(country)]
        phrases = Faker("en_US")
        phrases.seed_instance(seed)
        self._items = [phrases.catch_phrase() for _ in range(300)]

    def make(self, dataset: str, number: int, day: date) -> dict[str, Any]:
        """Row `number` of a dataset, as it stands in the file of `day`; the same call gives the same row."""
        self._random.seed(digest(self._seed, dataset, number))
        return self._customer(number, day) if dataset == "customers" else self._transaction(number, day)

    def _people_of(self, country: str) -> list[dict[str, str]]:
        fake = Faker(COUNTRIES[country])
        fake.seed_instance(digest(self._seed, country))
        return [
            {
                "first_name": fake.first_name(),
                "last_name": fake.last_name(),
                "phone": fake.phone_number(),
                "country": country,
                "city": fake.city(),
                "postal_code": fake.postcode(),
            }
            for _ in range(PEOPLE_PER_COUNTRY)
        ]

    def _customer(self, number: int, day: date) -> dict[str, Any]:
        draw = self._random
        person, home = draw.choice(self._people), draw.choice(self._people)
        signup = day - timedelta(days=draw.randrange(1, 2000))
        return {
            "customer_id": customer_id(number),
            "first_name": person["first_name"],
            "last_name": home["last_name"],
            "email": f"customer.{number}@{draw.choice(('example.com', 'example.org', 'example.net'))}",
            "phone": home["phone"],
            "date_of_birth": date(1940, 1, 1) + timedelta(days=draw.randrange(60 * 365)),
            "country": home["country"],
            "city": home["city"],
            "postal_code": home["postal_code"],
            "segment": draw.choices(("consumer", "business", "vip"), (80, 15, 5))[0],
            "credit_limit": Decimal(draw.randrange(5, 500) * 10000).scaleb(-2),
            "marketing_opt_in": draw.random() < 0.4,
            "signup_date": signup,
            "updated_at": _moment(draw, day),
        }

    def _transaction(self, number: int, day: date) -> dict[str, Any]:
        draw = self._random
        buyer = self._pick_customer(draw)
        country = draw.choice(tuple(COUNTRIES))
        remark = draw.choices(REMARKS, (40, 20, 15, 5, 10, 4, 3, 3))[0]
        return {
            "transaction_id": transaction_id(number),
            "customer_id": customer_id(buyer),
            "transaction_time": _moment(draw, day),
            "amount": Decimal(int(draw.lognormvariate(8.2, 1.0)) + 99).scaleb(-2),
            "currency": CURRENCY_OF.get(country, "EUR"),
            "quantity": draw.randrange(1, 10),
            "product_code": f"{draw.randrange(1, 500):05d}",
            "category": draw.choice(CATEGORIES),
            "payment_method": draw.choices(("card", "cash", "transfer", "wallet"), (60, 15, 10, 15))[0],
            "status": draw.choices(("completed", "pending", "refunded", "cancelled"), (85, 7, 5, 3))[0],
            "store_id": f"S{draw.randrange(1, 40):03d}",
            "description": remark.format(item=draw.choice(self._items), count=draw.randrange(2, 100)),
        }


def customer_id(number: int) -> str:
    """The id of a customer: C000001."""
    return f"C{number:06d}"


def transaction_id(number: int) -> str:
    """The id of a transaction: T00000001."""
    return f"T{number:08d}"


def _moment(draw: random.Random, day: date) -> datetime:
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    return midnight + timedelta(seconds=draw.randrange(24 * 3600))

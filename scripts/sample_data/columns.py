"""What the two sample datasets look like: their columns, types, and the headers each kind of source uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Column:
    """One column: its standard name, its kind, and the header a CSV export gives it.

    kind is one of string, integer, decimal (12,2), boolean, date, timestamp (UTC).
    """

    name: str
    kind: str
    csv_header: str

    @property
    def json_name(self) -> str:
        """The camelCase name that JSON sources use."""
        head, *rest = self.name.split("_")
        return head + "".join(word.capitalize() for word in rest)


@dataclass(frozen=True)
class Dataset:
    """A dataset: its name, its key column, and its columns in order."""

    name: str
    key: str
    columns: tuple[Column, ...]


@dataclass
class Row:
    """One row on its way to a file.

    values holds Python values by standard name (None is a missing value, a string in a date or decimal
    column is a damaged one). ragged is how many fields a CSV row has too many (> 0) or too few (< 0).
    """

    values: dict[str, Any]
    ragged: int = 0
    defect: dict[str, Any] | None = field(default=None)


CUSTOMERS = Dataset(
    "customers",
    "customer_id",
    (
        Column("customer_id", "string", "Customer ID"),
        Column("first_name", "string", "First Name"),
        Column("last_name", "string", "Last Name"),
        Column("email", "string", "Email"),
        Column("phone", "string", "Phone"),
        Column("date_of_birth", "date", "Date of Birth"),
        Column("country", "string", "Country"),
        Column("city", "string", "City"),
        Column("postal_code", "string", "Postal Code"),
        Column("segment", "string", "Segment"),
        Column("credit_limit", "decimal", "Credit Limit"),
        Column("marketing_opt_in", "boolean", "Marketing Opt-In"),
        Column("signup_date", "date", "Signup Date"),
        Column("updated_at", "timestamp", "Updated At"),
    ),
)

TRANSACTIONS = Dataset(
    "transactions",
    "transaction_id",
    (
        Column("transaction_id", "string", "Transaction ID"),
        Column("customer_id", "string", "Customer Id"),
        Column("transaction_time", "timestamp", "Transaction Time"),
        Column("amount", "decimal", "Amount"),
        Column("currency", "string", "Currency"),
        Column("quantity", "integer", "Quantity"),
        Column("product_code", "string", "Product Code"),
        Column("category", "string", "Category"),
        Column("payment_method", "string", "Payment Method"),
        Column("status", "string", "Status"),
        Column("store_id", "string", "Store ID"),
        Column("description", "string", "Description"),
    ),
)

DATASETS = {dataset.name: dataset for dataset in (CUSTOMERS, TRANSACTIONS)}

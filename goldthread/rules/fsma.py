"""Food traceability (FSMA 204): critical tracking events and their key data elements, by paragraph.

21 CFR part 1, subpart S. A key data element is read from the field of that name of the `fsma` object of an
event's document, or, where `goldthread.fsma` says so, from what EPCIS has for it. A traceability lot code is
assigned only at the events of `ASSIGNING` (21 CFR 1.1320), and stays the same at those of `KEEPING`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple


class Element(NamedTuple):
    """A key data element. `when` says where it applies; empty: always."""

    paragraph: str
    title: str
    field: str
    when: str = ""

    @property
    def header(self) -> str:
        """The title of its column."""
        return f"{self.paragraph} {self.title}"


class Event(Enum):
    """A critical tracking event: the name in documents, the title of its tab, and its section of 21 CFR."""

    HARVEST = "harvest", "Harvest", "1.1325(a)"
    COOL = "cool", "Cool", "1.1325(b)"
    PACK = "pack", "Pack", "1.1330(a)"
    PACK_EXEMPT = "pack-exempt", "Pack exempt", "1.1330(c)"
    PACK_SPROUTS = "pack-sprouts", "Pack sprouts", "1.1330(b)"
    LAND = "first-land-based-receiver", "First land-based receiver", "1.1335"
    SHIP = "ship", "Ship", "1.1340"
    RECEIVE = "receive", "Receive", "1.1345(a)"
    RECEIVE_EXEMPT = "receive-exempt", "Receive exempt", "1.1345(b)"
    TRANSFORM = "transform", "Transform", "1.1350"

    @property
    def word(self) -> str:
        """Its name in documents."""
        return self.value[0]

    @property
    def tab(self) -> str:
        """The title of its tab."""
        return self.value[1]

    @property
    def section(self) -> str:
        """Its section of 21 CFR."""
        return self.value[2]


ASSIGNING = (
    Event.PACK,
    Event.PACK_EXEMPT,
    Event.PACK_SPROUTS,
    Event.LAND,
    Event.RECEIVE_EXEMPT,
    Event.TRANSFORM,
)
"""Where a traceability lot code is assigned: initial packing, first land-based receiving, transformation, and
receipt from somebody who is exempt.
"""

KEEPING = (Event.SHIP, Event.RECEIVE)
"""Where it stays the same."""

_RECIPIENT = "Location description: immediate subsequent recipient"
_DOCUMENT = "Reference document type and number"
_QUANTITY = "Quantity and unit of measure"
_PACKED = "Location description: where packed (TLC source), or TLC source reference"
_TRANSFORMED = "Location description: where transformed (TLC source), or TLC source reference"
_LANDED = "Location description: first land-based receiver (TLC source), or TLC source reference"

ELEMENTS: Mapping[Event, Sequence[Element]] = {
    Event.HARVEST: (
        Element("(a)(1)(i)", _RECIPIENT, "recipient"),
        Element("(a)(1)(ii)", "Commodity and, if applicable, variety", "commodity"),
        Element("(a)(1)(iii)", _QUANTITY, "quantity"),
        Element("(a)(1)(iv)", "Location description: farm where harvested", "farm"),
        Element("(a)(1)(v)", "Field or other growing area", "field", "produce"),
        Element("(a)(1)(vi)", "Container (pond, pool, tank, cage)", "container", "aquaculture"),
        Element("(a)(1)(vii)", "Date of harvesting", "harvestDate"),
        Element("(a)(1)(viii)", _DOCUMENT, "document"),
    ),
    Event.COOL: (
        Element("(b)(1)(i)", _RECIPIENT, "recipient"),
        Element("(b)(1)(ii)", "Commodity and, if applicable, variety", "commodity"),
        Element("(b)(1)(iii)", _QUANTITY, "quantity"),
        Element("(b)(1)(iv)", "Location description: where cooled", "place"),
        Element("(b)(1)(v)", "Date of cooling", "date"),
        Element("(b)(1)(vi)", "Location description: farm where harvested", "farm"),
        Element("(b)(1)(vii)", _DOCUMENT, "document"),
    ),
    Event.PACK: (
        Element("(a)(1)", "Commodity and, if applicable, variety received", "commodity"),
        Element("(a)(2)", "Date received", "receivedDate"),
        Element("(a)(3)", "Quantity and unit of measure received", "received"),
        Element("(a)(4)", "Location description: farm where harvested", "farm"),
        Element("(a)(5)", "Field or other growing area", "field", "produce"),
        Element("(a)(6)", "Container (pond, pool, tank, cage)", "container", "aquaculture"),
        Element("(a)(7)", "Business name and phone number of the harvester", "harvester"),
        Element("(a)(8)", "Date of harvesting", "harvestDate"),
        Element("(a)(9)", "Location description: where cooled", "coolingPlace", "cooled"),
        Element("(a)(10)", "Date of cooling", "coolingDate", "cooled"),
        Element("(a)(11)", "TLC assigned", "tlc"),
        Element("(a)(12)", "Product description", "product"),
        Element("(a)(13)", "Quantity and unit of measure packed", "quantity"),
        Element("(a)(14)", _PACKED, "place"),
        Element("(a)(15)", "Date of initial packing", "date"),
        Element("(a)(16)", _DOCUMENT, "document"),
    ),
    Event.PACK_SPROUTS: (
        Element("(b)(1)", "Location description: grower of the seeds, and date of seed harvesting",
                "seedGrower", "available"),
        Element("(b)(2)", "Location description: seed conditioner or processor, seed lot code and date",
                "seedConditioner"),
        Element("(b)(3)", "Location description: seed packinghouse, date of packing and seed lot code",
                "seedPackinghouse"),
        Element("(b)(4)", "Location description: seed supplier, and seed lot codes", "seedSupplier"),
        Element("(b)(5)", "Description of the seeds", "seeds"),
        Element("(b)(6)", "Date of receipt of the seeds", "receivedDate"),
        Element("(b)(7)", _DOCUMENT, "document"),
        Element("(a)(11)", "TLC assigned", "tlc"),
        Element("(a)(12)", "Product description", "product"),
        Element("(a)(13)", "Quantity and unit of measure packed", "quantity"),
        Element("(a)(14)", _PACKED, "place"),
        Element("(a)(15)", "Date of initial packing", "date"),
    ),
    Event.PACK_EXEMPT: (
        Element("(c)(1)", "Commodity and, if applicable, variety received", "commodity"),
        Element("(c)(2)", "Date received", "receivedDate"),
        Element("(c)(3)", "Quantity and unit of measure received", "received"),
        Element("(c)(4)", "Location description: from whom received", "source"),
        Element("(c)(5)", "TLC assigned", "tlc"),
        Element("(c)(6)", "Product description", "product"),
        Element("(c)(7)", "Quantity and unit of measure packed", "quantity"),
        Element("(c)(8)", _PACKED, "place"),
        Element("(c)(9)", "Date of initial packing", "date"),
        Element("(c)(10)", _DOCUMENT, "document"),
    ),
    Event.LAND: (
        Element("(a)", "TLC assigned", "tlc"),
        Element("(b)", "Species or acceptable market name, or product description", "product"),
        Element("(c)", _QUANTITY, "quantity"),
        Element("(d)", "Harvest date range and locations of the trip", "trip"),
        Element("(e)", _LANDED, "place"),
        Element("(f)", "Date landed", "date"),
        Element("(g)", _DOCUMENT, "document"),
    ),
    Event.SHIP: (
        Element("(a)(1)", "TLC", "tlc"),
        Element("(a)(2)", _QUANTITY, "quantity"),
        Element("(a)(3)", "Product description", "product"),
        Element("(a)(4)", _RECIPIENT, "recipient"),
        Element("(a)(5)", "Location description: shipped from", "place"),
        Element("(a)(6)", "Date shipped", "date"),
        Element("(a)(7)", "Location description: TLC source, or TLC source reference", "tlcSource"),
        Element("(a)(8)", _DOCUMENT, "document"),
    ),
    Event.RECEIVE: (
        Element("(a)(1)", "TLC", "tlc"),
        Element("(a)(2)", _QUANTITY, "quantity"),
        Element("(a)(3)", "Product description", "product"),
        Element("(a)(4)", "Location description: immediate previous source", "source"),
        Element("(a)(5)", "Location description: received at", "place"),
        Element("(a)(6)", "Date received", "date"),
        Element("(a)(7)", "Location description: TLC source, or TLC source reference", "tlcSource"),
        Element("(a)(8)", _DOCUMENT, "document"),
    ),
    Event.RECEIVE_EXEMPT: (
        Element("(b)(1)", "TLC assigned", "tlc"),
        Element("(b)(2)", _QUANTITY, "quantity"),
        Element("(b)(3)", "Product description", "product"),
        Element("(b)(4)", "Location description: immediate previous source", "source"),
        Element("(b)(5)", "Location description: received at (TLC source), or TLC source reference", "place"),
        Element("(b)(6)", "Date received", "date"),
        Element("(b)(7)", _DOCUMENT, "document"),
    ),
    Event.TRANSFORM: (
        Element("(a)(1)(i)", "TLC of the food used", "inputTlc"),
        Element("(a)(1)(ii)", "Product description of the food used", "inputProduct"),
        Element("(a)(1)(iii)", "Quantity and unit of measure used", "inputQuantity"),
        Element("(a)(2)(i)", "New TLC", "tlc"),
        Element("(a)(2)(ii)", _TRANSFORMED, "place"),
        Element("(a)(2)(iii)", "Date transformation was completed", "date"),
        Element("(a)(2)(iv)", "Product description of the food produced", "product"),
        Element("(a)(2)(v)", "Quantity and unit of measure produced", "quantity"),
        Element("(a)(2)(vi)", _DOCUMENT, "document"),
    ),
}  # fmt: skip
"""Of each event, in the order of the rule."""

LOCATION_COLUMNS = (
    "Location", "Business name", "Phone number", "Street address or coordinates", "City", "State", "Zip code",
    "Country",
)  # fmt: skip
"""A location description (21 CFR 1.1310)."""

PRODUCT_COLUMNS = (
    "Product", "Product name", "Brand name", "Commodity", "Variety", "Packaging size", "Packaging style",
)  # fmt: skip
"""A product description (21 CFR 1.1310)."""


def event_of(word: str) -> Event | None:
    """The event with this name in documents, or none."""
    return next((event for event in Event if event.word == word), None)

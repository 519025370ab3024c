"""Reading an answer: every envelope, every date, nothing altered in silence."""

import json
from contextlib import suppress
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from partner_center.records.dates import read_dates
from partner_center.records.envelope import BrokenAnswer
from partner_center.resources import REFERRALS, RESOURCES, SEARCH
from support.records import referral


def page_of(*records: Any, **envelope: Any) -> Any:
    return REFERRALS.reader.read_page(json.dumps({"Value": records, **envelope}).encode())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018-02-04T23:08:59", datetime(2018, 2, 4, 23, 8, 59)),
        ("2018-02-04T23:08:59.5", datetime(2018, 2, 4, 23, 8, 59, 500_000)),
        ("2018-02-04T23:08:59.1234567", datetime(2018, 2, 4, 23, 8, 59, 123_456)),
        ("2018-02-04T23:08:59Z", datetime(2018, 2, 4, 23, 8, 59)),
        ("2018-02-04T23:08:59+00:00", datetime(2018, 2, 4, 23, 8, 59)),
        ("2018-02-04T23:08:59.9999999-02:30", datetime(2018, 2, 5, 1, 38, 59, 999_999)),
        ("2018-02-04", datetime(2018, 2, 4)),
        ("0001-01-01T00:00:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
        ("9999-12-31T23:59:59", datetime(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_date_is_read(text, moment):
    """Every form that this family of endpoints sends becomes naive UTC, alone and among others."""
    alone, bad_alone = read_dates(pa.array([text], pa.string()))
    among, bad_among = read_dates(pa.array(["2020-01-01T00:00:00", text, "soon"], pa.string()))

    assert (moment, False) == (alone[0].as_py(), bad_alone[0].as_py())
    assert (moment, False) == (among[1].as_py(), bad_among[1].as_py())


@pytest.mark.parametrize(
    "text", ["02/04/2018", "2018-02-30", "soon", "2018-02-04T25:00:00", "1517785739", " "]
)
def test_other_date_is_no_date(text):
    """What only looks like a date is marked, and not guessed at."""
    moments, is_bad = read_dates(pa.array([text, "2018-02-04"]))

    assert [None, datetime(2018, 2, 4)] == moments.to_pylist()
    assert [True, False] == is_bad.to_pylist()


@pytest.mark.parametrize(
    ("body", "total"),
    [
        ('{"Value": [%s], "@nextLink": null, "TotalCount": 1}', 1),
        ('{"totalCount": 1, "items": [%s]}', 1),
        ('{"totalCount": 1, "items": [%s], "as of": "0001-01-01T00:00:00+10:00"}', 1),
        ('{"VALUE": [%s], "totalcount": "1"}', 1),
        ('{"value": [%s]}', None),
        (" [%s] ", None),
    ],
)
def test_envelope_is_read(body, total):
    """The collection is found in every known envelope, whatever the case of its keys."""
    page = REFERRALS.reader.read_page((body % json.dumps(referral("7"))).encode())

    assert ["7"] == page.rows["id"].to_pylist()
    assert total == page.envelope.total


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html><body>Sorry</body></html>",
        '{"code": 1, "description": "no rows"}',
        '{"Value": [{"id": "1"}',
        '{"Value": [{"id": "1"}]',
        '[{"id": "1"}] [',
        '{"Value": [{"id": "1"} {"id": "2"}]}',
        f'{{"x": {"[" * 1_500}{"]" * 1_500}, "Value": []}}',
    ],
)
def test_body_without_collection_is_broken(body):
    """HTML, cut or foreign JSON is no empty page."""
    with pytest.raises(BrokenAnswer):
        REFERRALS.reader.read_page(body.encode())


@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('{"b":{},"a":', "}")]
)
def test_bottomless_nesting_is_broken(opening, closing):
    """Brackets within brackets without end are refused, and do not take the process along."""
    body = f'{{"items":[{{"id":"r1","x":{opening * 50_000}1{closing * 50_000}}}]}}'

    with pytest.raises(BrokenAnswer):
        REFERRALS.reader.read_page(body.encode())


def test_absent_fields_are_null():
    """A record that leaves fields out has them as null."""
    page = page_of({"id": "1"})

    assert [None] == page.rows["customer_name"].to_pylist()
    assert [None] == page.rows["won_date"].to_pylist()


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (referral(None), "id is missing"),
        (referral(""), "id is empty"),
        (referral("1", createdDate="02/04/2018"), 'createdDate is "02/04/2018", not a date'),
        (referral("1", wonDate=20180204), "wonDate is 20180204, not a text"),
        (referral("1", status=True), "status is true, not a text"),
        (referral("1", customerName=5.50), "customerName is 5.5, not a text"),
        (referral("1", customerName=float("nan")), "customerName is NaN, not a text"),
        (referral("1", customerMarket=["US"]), 'customerMarket is ["US"], not a text'),
        (referral(1.5), "id is 1.5, not a text"),
        (None, "the record is null, not an object"),
        ("Won", 'the record is "Won", not an object'),
    ],
)
def test_unreadable_record_is_set_aside(record, reason):
    """A record that cannot be read exactly is a reject that names field and value."""
    page = page_of(referral("good"), record)

    assert [reason] == page.rejects["reason"].to_pylist()
    assert ["good"] == page.rows["id"].to_pylist()
    assert record is None or json.dumps(record) == page.rejects["record"][0].as_py()


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize(
    "value",
    [
        "1e9999999",
        '"-1e9999999"',
        "1e-9999999",
        "9" * 5_000,
        "9999999999999999.995",
        "NaN",
        "-Infinity",
        '"0001-01-01T00:00:00+14:00"',
        '"9999-12-31T23:59:59-14:00"',
        "[" * 100 + "]" * 100,
    ],
    ids=lambda value: value[:12],
)
def test_no_value_costs_more_than_its_record(resource, value):
    """Whatever stands in whichever field, the other record of the page is read."""
    reader = RESOURCES[resource].reader
    for field in reader.fields:
        name, *inner = field.path.split(".")
        nested = "".join(f'{{"{each}":' for each in inner) + value + "}" * len(inner)
        odd = f'{{"id": "odd", "searchDate": "2026-01-02", "{name}": {nested}}}'

        page = reader.read_page(f'[{{"id": "1", "searchDate": "2026-01-01"}}, {odd}]'.encode())

        assert 2 == page.item_count
        assert page.rows.num_rows


def test_deep_value_is_no_failure():
    """The last depths that can be read are set aside like any other, and not stumbled over."""
    reasons = set()
    for depth in range(800, 1_000):
        body = f'[{{"id": "1", "status": {"[" * depth}{"]" * depth}}}]'
        with suppress(BrokenAnswer):
            reasons.update(REFERRALS.reader.read_page(body.encode()).rejects["reason"].to_pylist())

    assert {
        f"status is {'[' * 100}..., not a text",
        "status is nested too deep, not a text",
    } == reasons


def test_odd_date_in_the_envelope_costs_nothing():
    """A year that Python does not have is no reason to stop, where nobody reads it."""
    page = REFERRALS.reader.read_page(b'{"Value": [{"id": "1"}], "asOf": "0000-01-01"}')

    assert ["1"] == page.rows["id"].to_pylist()


def test_broken_answer_quotes_no_record():
    """What is said of a body that is cut short ends where its records begin."""
    with pytest.raises(BrokenAnswer, match=r"""'{"Value": \['$"""):
        REFERRALS.reader.read_page(b'{"Value": [{"customerName": "Somebody"}')


def test_lone_surrogate_is_set_aside():
    """A text that is no Unicode cannot be stored, and is not repaired."""
    body = (
        b'[{"id": "1", "customerName": "\\ud800"}, {"id": "2", "customerName": "\\ud83c\\udf70"}]'
    )

    page = REFERRALS.reader.read_page(body)

    assert ["2"] == page.rows["id"].to_pylist()
    assert ['customerName is "\\ud800", which is no valid Unicode'] == page.rejects[
        "reason"
    ].to_pylist()


def test_bytes_that_are_no_utf8_spoil_one_record():
    """One bad byte does not cost its whole page."""
    page = REFERRALS.reader.read_page(b'[{"id": "1", "customerName": "caf\xe9"}, {"id": "2"}]')

    assert ["2"] == page.rows["id"].to_pylist()
    assert ["1"] == page.rejects["id"].to_pylist()


def test_numeric_id_becomes_its_digits():
    """A number as id is taken by its decimal text, also beyond 64 bits."""
    page = page_of(referral(112310), referral(2**70))

    assert ["112310", str(2**70)] == page.rows["id"].to_pylist()


def test_partner_of_a_search_has_two_names():
    """What one edition of the reference calls mpnId is partnerId in another, and no news."""
    page = SEARCH.reader.read_page(b'[{"mpnId": 1, "partnerId": 2}, {"partnerId": 3}, {"": 4}]')

    assert ["1", "3", None] == page.rows["mpn_id"].to_pylist()
    assert {""} == page.unknown_fields


def test_name_that_stands_twice_is_set_aside():
    """Which of two values was meant cannot be known."""
    page = REFERRALS.reader.read_page(
        b'[{"id": "1", "status": "New", "status": "Won"}, {"id": "2", "x": 1, "x": 2}]'
    )

    assert ["status stands twice in the record"] == page.rejects["reason"].to_pylist()
    assert ["2"] == page.rows["id"].to_pylist()


@pytest.mark.parametrize("other_id", ["2", 2], ids=["whole page", "record by record"])
def test_unknown_field_is_told(other_id):
    """A field that we do not know is reported, whichever way its page was read."""
    page = page_of(referral("1", leadScore=5), referral(other_id, customer_name="collides"))

    assert {"leadScore", "customer_name"} == page.unknown_fields
    assert ["1", "2"] == page.rows["id"].to_pylist()


def test_odd_texts_stay_as_they_are():
    """NUL, emoji, quotes, markup and ten megabytes arrive unaltered."""
    names = ["a\0b", "🍰", "O'Brien", "<script>", "=1+1", " padded ", "x" * 10_000_000]

    page = page_of(*(referral(str(n), customerName=name) for n, name in enumerate(names)))

    assert names == page.rows["customer_name"].to_pylist()

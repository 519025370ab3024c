"""A page reads the same as a whole and record by record, whatever stands in it."""

import json

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from partner_center.records.envelope import read_columns
from partner_center.resources import REFERRALS
from partner_center.schema.fields import DATE_FIELDS, FIELDS

DATES = st.sampled_from(
    [
        None,
        "",
        "soon",
        "12/31/2020",
        "2018-02-04",
        "2018-02-04T23:08:59",
        "2018-02-04T23:08:59.1234567",
        "2018-02-04T23:08:59+02:00",
        "2018-02-30T00:00:00",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59.999Z",
    ]
)
TEXTS = st.none() | st.text(max_size=6)
# What is not among our fields is left out, whatever it is.
STRANGE = st.dictionaries(
    st.sampled_from(["dealValue", "Id", "contact"]),
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    max_size=2,
)
RECORDS = st.builds(
    lambda fields, strange: fields | strange,
    st.fixed_dictionaries(
        {},
        optional={
            field: DATES
            if field in DATE_FIELDS
            else st.text(max_size=4)
            if field == "id"
            else TEXTS
            for field in FIELDS
        },
    ),
    STRANGE,
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(RECORDS, max_size=8), st.booleans(), st.sampled_from(["items", "Value", None]))
def test_page_reads_the_same_both_ways(records, is_ascii, envelope):
    """A number for an id makes a page go the other way; all its other records stay as they are."""

    def body(items):
        page = {envelope: items, "totalCount": len(items)} if envelope else items
        return json.dumps(page, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")

    whole = REFERRALS.reader.read_page(body(records))
    singly = REFERRALS.reader.read_page(body([*records, {"id": 7, "status": "the odd one"}]))

    event(f"read whole: {read_columns(body(records), tuple(FIELDS)) is not None}")
    rows = singly.rows.to_pylist()
    assert whole.rows.to_pylist() == [row for row in rows if row["status"] != "the odd one"]
    assert whole.rejects.to_pylist() == singly.rejects.to_pylist()
    assert whole.unknown_fields == singly.unknown_fields

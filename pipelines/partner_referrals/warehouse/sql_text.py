"""Writes values into SQL, for statements of DuckDB that take no parameters."""


def text_literal(value: object) -> str:
    """A text or a path as a literal."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an identifier, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'

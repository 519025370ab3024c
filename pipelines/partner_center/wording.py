"""How counts stand in messages."""


def counted(count: int, plural: str) -> str:
    """A count with its noun, such as "1 referral" and "12,000 referrals"."""
    noun = plural
    if count == 1:
        noun = plural.removesuffix("es" if plural.endswith("ches") else "s")
    return f"{count:,} {noun}"

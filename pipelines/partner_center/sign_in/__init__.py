"""Signs requests as a partner user: a given token, or MSAL with a token cache on disk."""

from partner_center.sign_in.identity import Identity, token_identity

__all__ = ["Identity", "token_identity"]

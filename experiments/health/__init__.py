"""The health card of an organism: what was measured of it, beside its base, and what that means."""

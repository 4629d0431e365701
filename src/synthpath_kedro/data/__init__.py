"""Images at rest: sources, validation, preprocessing, regimes."""

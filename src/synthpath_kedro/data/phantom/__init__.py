"""The digital phantom: nine procedural, tissue-like classes under a hematoxylin and eosin stain model."""

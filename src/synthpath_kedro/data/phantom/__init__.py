"""The digital phantom: nine procedural, tissue-like classes under a haematoxylin and eosin stain model."""

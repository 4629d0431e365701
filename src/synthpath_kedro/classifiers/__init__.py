"""The study's classifiers: what they are, what of them is trained, how they are trained, and what they predict."""

"""Trains generator and classifiers anew on parts of the real data: the learning curve, and cross-validation."""

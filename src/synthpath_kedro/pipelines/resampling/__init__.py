"""Trains generator and classifiers separately on parts of the real data: the learning curve, and cross-validation."""

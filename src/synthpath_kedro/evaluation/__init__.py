"""Tables from saved predictions and features, and what a model or extractor makes of images for them."""

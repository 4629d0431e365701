"""The five pipelines, graphs of short pure nodes over the library."""

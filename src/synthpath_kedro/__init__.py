"""Does diffusion-generated synthetic data help a medical image classifier?"""

import os

__version__ = "0.1.0"

# Before any library starts its threads: on shared cores, threads that spin while they wait for each other crawl.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Nothing is reported to anyone: kedro-telemetry, Hugging Face's hub and MLflow ask for this when they are imported.
os.environ.setdefault("DO_NOT_TRACK", "1")

"""Does diffusion-generated synthetic data help a medical image classifier?"""

__version__ = "0.1.0"

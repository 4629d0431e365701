"""One image file to 8-bit RGB; what cannot become that without a guess is refused."""

from pathlib import Path

from PIL import Image, ImageOps

ENDINGS = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".webp", ".avif"),
    *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".qoi"),
)

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "AVIF", "JPEG2000", "PPM", "TGA", "QOI")
"""Pillow opens nothing else, whatever a file's ending: its reader of EPS starts another program."""


class UnusableImageError(ValueError):
    """A file that is corrupt or whose pixels have no single reading as 8-bit RGB."""


def decode_image(path: Path) -> Image.Image:
    """Gray, palette, bilevel, YCbCr and CMYK images become RGB; a stored rotation is applied; opaque alpha is dropped.

    Raises:
        UnusableImageError: unreadable, more than 8 bits a channel, transparent, several pages, or above Pillow's limit.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _refuse_ambiguous(image)
            image.load()
            return _without_alpha(ImageOps.exif_transpose(image)).convert("RGB")
    except UnusableImageError:
        raise
    except Exception as error:  # on damaged files Pillow raises whatever its decoders run into, TypeError among it
        raise UnusableImageError(_reason(error)) from error


def _refuse_ambiguous(image: Image.Image) -> None:
    pages = getattr(image, "n_frames", 1)
    if pages > 1:
        raise UnusableImageError(f"{pages} pages; save the one to use")
    if image.mode.startswith(("I", "F")) or any("16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        raise UnusableImageError("more than 8 bits a channel; rescale to 8 bits")


def _without_alpha(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() != (255, 255):
        raise UnusableImageError("transparent pixels; flatten it on its background")
    return image


def _reason(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"above {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels; cut it into tiles"
    if isinstance(error, PermissionError):
        return "no permission to read"
    if isinstance(error, FileNotFoundError):
        return "a link that leads nowhere"
    if isinstance(error, Image.UnidentifiedImageError):
        return "not an image"
    return "corrupt: " + " ".join(str(error).split())[:80]

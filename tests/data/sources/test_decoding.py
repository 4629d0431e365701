import os

import numpy as np
import pytest
from PIL import Image

from synthpath_kedro.data.sources.decoding import UnusableImageError, decode_image


@pytest.fixture
def rgb():
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (10, 12, 3), dtype=np.uint8))


@pytest.fixture
def decode(tmp_path):
    def save_and_decode(image, ending="png", **options):
        path = tmp_path / f"image.{ending}"
        image.save(path, **options)
        return np.asarray(decode_image(path))

    return save_and_decode


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "ppm", "tga", "jp2", "qoi"])
def test_lossless_rgb_comes_out_exactly(decode, rgb, ending):
    assert np.array_equal(decode(rgb, ending), np.asarray(rgb))


@pytest.mark.parametrize("mode", ["L", "1"])
def test_gray_and_bilevel_get_three_equal_channels(decode, rgb, mode):
    image = rgb.convert(mode)
    assert np.array_equal(decode(image), np.repeat(np.asarray(image.convert("L"))[..., None], 3, axis=2))


def test_a_palette_is_looked_up(decode, rgb):
    palette = rgb.quantize(16)
    assert np.array_equal(decode(palette), np.asarray(palette.convert("RGB")))


def test_cmyk_becomes_rgb(decode):
    assert decode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "tif")[0, 0].tolist() == [255, 0, 0]


def test_opaque_alpha_is_dropped(decode, rgb):
    rgba = rgb.copy()
    rgba.putalpha(255)
    assert np.array_equal(decode(rgba), np.asarray(rgb))


def test_a_stored_rotation_is_applied(decode, rgb):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert np.array_equal(decode(rgb, exif=exif), np.asarray(rgb.rotate(-90, expand=True)))


def test_transparent_pixels_are_refused(decode, rgb):
    rgb.putalpha(128)
    with pytest.raises(UnusableImageError, match="transparent"):
        decode(rgb)


@pytest.mark.parametrize(
    ("dtype", "ending"), [(np.uint16, "png"), (np.uint16, "tif"), (np.int32, "tif"), (np.float32, "tif")]
)
def test_more_than_eight_bits_are_refused(decode, dtype, ending):
    with pytest.raises(UnusableImageError, match="more than 8 bits"):
        decode(Image.fromarray(np.zeros((8, 8), dtype)), ending)


def test_several_pages_are_refused(decode, rgb):
    with pytest.raises(UnusableImageError, match="2 pages"):
        decode(rgb, "tif", save_all=True, append_images=[rgb])


@pytest.mark.parametrize(("ending", "options"), [("webp", {"lossless": True}), ("gif", {}), ("jpeg", {"quality": 100})])
def test_a_gray_image_comes_out_of_other_formats_too(decode, ending, options):
    ramp = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4)
    assert np.abs(decode(ramp, ending, **options).astype(int)[..., 0] - np.asarray(ramp)).max() <= 2


def test_moving_pictures_are_refused(decode, rgb):
    with pytest.raises(UnusableImageError, match="2 pages; save the one to use"):
        decode(rgb, "gif", save_all=True, append_images=[rgb.rotate(90)])


def test_an_image_above_pillows_limit_is_called_too_large_not_corrupt(decode, rgb, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(UnusableImageError, match=r"^above 100 pixels; cut it into tiles$"):
        decode(rgb)


def test_a_program_for_printers_is_not_run_whatever_its_ending(tmp_path, rgb):
    rgb.save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(UnusableImageError, match="not an image"):
        decode_image(tmp_path / "a.png")


def test_bytes_that_are_no_image_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"hello")
    with pytest.raises(UnusableImageError, match="not an image"):
        decode_image(tmp_path / "a.png")


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "bmp"])
def test_a_file_cut_short_is_refused(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnusableImageError):
        decode_image(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_refused(tmp_path, rgb):
    path = tmp_path / "a.png"
    rgb.save(path)
    path.chmod(0)
    with pytest.raises(UnusableImageError, match="no permission"):
        decode_image(path)

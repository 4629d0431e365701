import hashlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import medmnist
import numpy as np
import pytest

from synthpath_kedro.data.sources import medmnist as source
from synthpath_kedro.data.sources import read_source
from synthpath_kedro.data.sources.medmnist_info import info_2d
from synthpath_kedro.errors import InputError


@pytest.fixture
def bloodmnist(tmp_path, monkeypatch, medmnist_arrays):
    """A small file with the eight classes of BloodMNIST whose MD5 the package expects; returns its path."""
    path = tmp_path / "given" / "bloodmnist_64.npz"
    path.parent.mkdir()
    np.savez_compressed(path, **medmnist_arrays(n_classes=8, size=64, counts=(16, 8, 8)))
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    pretend(monkeypatch, "bloodmnist", "MD5_64", digest)
    return path


def pretend(monkeypatch, name, key, value):
    """Changes what the package, and our reading of it, know of a set."""
    monkeypatch.setitem(medmnist.INFO[name], key, value)
    monkeypatch.setitem(info_2d()[name], key, value)


@pytest.fixture
def serve(monkeypatch):
    """Starts a server on this machine that answers every request with the given bytes, in place of Zenodo."""
    servers = []

    def start(content):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        redirect_downloads(monkeypatch, server.server_port)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def redirect_downloads(monkeypatch, port):
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    pretend(monkeypatch, "bloodmnist", "url_64", f"http://127.0.0.1:{port}/bloodmnist_64.npz?download=1")


def refusal(params, raw):
    with pytest.raises(InputError) as error:
        read_source(params, 0, raw)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("as_folder", [True, False])
def test_a_file_that_lies_there_is_read(tmp_path, data_prep, bloodmnist, as_folder):
    path = bloodmnist.parent if as_folder else bloodmnist
    splits = read_source(data_prep(name="bloodmnist", path=path, image_size=16), 0, tmp_path / "raw")
    card = splits.card()
    assert splits.train.images.shape == (16, 16, 16, 3)
    assert splits.class_names[0] == "basophil"
    assert (card.source, card.name, card.facts["license"]) == ("medmnist", "bloodmnist", "CC BY 4.0")
    assert card.facts["md5"] == hashlib.md5(bloodmnist.read_bytes()).hexdigest()
    assert not (tmp_path / "raw").exists()


def test_a_file_in_the_raw_folder_is_read(data_prep, bloodmnist):
    assert len(read_source(data_prep(name="BloodMNIST"), 0, bloodmnist.parent).train) == 16


def test_a_missing_file_is_downloaded_by_the_package_and_kept(tmp_path, data_prep, bloodmnist, serve):
    content = bloodmnist.read_bytes()
    serve(content)
    raw = tmp_path / "raw"
    digest = read_source(data_prep(name="bloodmnist"), 0, raw).digest
    assert [path.name for path in raw.iterdir()] == ["bloodmnist_64.npz"]
    assert (raw / "bloodmnist_64.npz").read_bytes() == content
    assert digest == read_source(data_prep(name="bloodmnist", path=bloodmnist), 0, raw).digest


def test_a_path_that_does_not_exist_yet_is_where_the_download_goes(tmp_path, data_prep, bloodmnist, serve):
    serve(bloodmnist.read_bytes())
    read_source(data_prep(name="bloodmnist", path=tmp_path / "new" / "folder"), 0, tmp_path / "raw")
    assert (tmp_path / "new" / "folder" / "bloodmnist_64.npz").exists()


def test_a_damaged_download_leaves_nothing(tmp_path, data_prep, bloodmnist, serve):
    serve(bloodmnist.read_bytes()[:-100])
    message = refusal(data_prep(name="bloodmnist"), tmp_path / "raw")
    assert "downloading bloodmnist_64.npz" in message
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_file_with_another_checksum_is_named_and_left_alone(tmp_path, data_prep, bloodmnist):
    bloodmnist.write_bytes(bloodmnist.read_bytes() + b"x")
    message = refusal(data_prep(name="bloodmnist", path=bloodmnist), tmp_path)
    assert f"{bloodmnist} has MD5" in message
    assert "set data_prep.source to npz" in message
    assert bloodmnist.exists()


def assert_names_the_ways_out(message):
    assert "cannot download bloodmnist_64.npz from 127.0.0.1" in message
    for way_out in ("data_prep.path", "npz", "image_folder", "phantom"):
        assert way_out in message


def test_no_network_names_the_ways_out_and_writes_nothing(tmp_path, data_prep, bloodmnist, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        redirect_downloads(monkeypatch, closed.getsockname()[1])
        assert_names_the_ways_out(refusal(data_prep(name="bloodmnist"), tmp_path / "raw"))
    assert not (tmp_path / "raw").exists()


def test_a_server_that_never_answers_is_given_up(tmp_path, data_prep, bloodmnist, monkeypatch):
    monkeypatch.setattr(source, "_PROBE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redirect_downloads(monkeypatch, silent.getsockname()[1])
        assert_names_the_ways_out(refusal(data_prep(name="bloodmnist"), tmp_path / "raw"))


def test_a_name_look_up_that_hangs_is_given_up(tmp_path, data_prep, bloodmnist, monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(source, "_PROBE_SECONDS", 0.2)
    monkeypatch.setattr(source, "_reason_unreachable", lambda url: never.wait() and "")
    redirect_downloads(monkeypatch, 9)
    assert "no answer in" in refusal(data_prep(name="bloodmnist"), tmp_path / "raw")
    never.set()


def test_giving_up_leaves_time_to_start_within_fifteen_seconds():
    assert source._PROBE_SECONDS <= 8


def test_an_interrupted_download_stays_an_interrupt(tmp_path, data_prep, bloodmnist, serve, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    serve(b"")
    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read_source(data_prep(name="bloodmnist"), 0, tmp_path / "raw")
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path, data_prep, bloodmnist, serve):
    serve(b"")
    (tmp_path / "file").write_text("")
    assert f"cannot write to {tmp_path / 'file' / 'raw'}" in refusal(
        data_prep(name="bloodmnist"), tmp_path / "file" / "raw"
    )


@pytest.mark.parametrize("name", ["pathologymnist", "organmnist3d"])
def test_names_that_are_no_2d_set_list_the_valid_ones(tmp_path, data_prep, name):
    message = refusal(data_prep(name=name), tmp_path)
    assert f"data_prep.name is '{name}'" in message
    assert "valid: bloodmnist, breastmnist, chestmnist, dermamnist" in message
    assert "organmnist3d," not in message


def test_a_file_path_that_does_not_exist_is_named(tmp_path, data_prep):
    assert "none.npz does not exist" in refusal(data_prep(path=tmp_path / "none.npz"), tmp_path)


def test_pathmnist_is_the_default_and_28_pixels_have_no_suffix(tmp_path, data_prep):
    for size, file in ((28, "pathmnist.npz"), (64, "pathmnist_64.npz"), (224, "pathmnist_224.npz")):
        (tmp_path / file).write_bytes(b"")
        assert f"{tmp_path / file} has MD5" in refusal(data_prep(download_size=size), tmp_path)


def test_chestmnist_is_multi_label_and_gray_becomes_rgb(tmp_path, data_prep, medmnist_arrays, monkeypatch):
    arrays = medmnist_arrays(size=28, channels=())
    for split, count in (("train", 12), ("val", 6), ("test", 9)):
        arrays[f"{split}_labels"] = np.random.default_rng(count).integers(0, 2, (count, 14), dtype=np.uint8)
    path = tmp_path / "chestmnist.npz"
    np.savez(path, **arrays)
    pretend(monkeypatch, "chestmnist", "MD5", hashlib.md5(path.read_bytes()).hexdigest())
    train = read_source(data_prep(name="chestmnist", download_size=28, image_size=28), 0, tmp_path).train
    assert train.images.shape == (12, 28, 28, 3)
    assert np.array_equal(train.labels, arrays["train_labels"])
    assert train.class_names[13] == "hernia"


@pytest.mark.parametrize("name", ["retinamnist", "breastmnist"])
def test_ordinal_and_binary_sets_have_one_label_an_image(tmp_path, data_prep, medmnist_arrays, monkeypatch, name):
    n_classes = len(medmnist.INFO[name]["label"])
    path = tmp_path / f"{name}.npz"
    np.savez(path, **medmnist_arrays(n_classes=n_classes, size=28))
    pretend(monkeypatch, name, "MD5", hashlib.md5(path.read_bytes()).hexdigest())
    splits = read_source(data_prep(name=name, download_size=28, image_size=28), 0, tmp_path)
    assert splits.train.labels.dtype == np.int64
    assert len(splits.class_names) == n_classes

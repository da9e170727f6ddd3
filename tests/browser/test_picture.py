"""By picture: what a sent picture and one of the store's excite, and what the server answers to absurd ones."""

from __future__ import annotations

import http.client
import io
import os
import re
import select
import struct
import zlib
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from lexplain_core.live import Looker, picture
from lexplain_core.store.pictured import recorded

from .. import variants
from .conftest import lent
from .helpers import heading, parameters, pictures, settle, wait_for_parameters


@pytest.fixture(scope="module")
def elsewhere(dashboard, shelf):
    """The demo store where its network isn't at hand, by the id `elsewhere`."""
    with lent(shelf, "elsewhere", variants.elsewhere):
        yield dashboard


@pytest.fixture(scope="module")
def layer(store) -> str:
    layers = store.layers()
    return layers.loc[layers["source"] == "network", "layer"].iloc[-1]


def found(store, layer: str, values: np.ndarray) -> picture.Unusual:
    status = store.unit_table(layer).set_index("unit")["status"]
    return picture.unusual(values, store.ranks(layer, values), status)


def listed(page) -> list[int]:
    """The units on the page, in their order."""
    links = page.locator("[data-testid=stPageLink-NavLink]").filter(has_text=re.compile(r"· unit \d+"))
    return [int(re.search(r"unit (\d+)", words)[1]) for words in links.all_text_contents()]


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def send(page, name: str, data: bytes) -> None:
    settle(page)
    expect(page.locator("input[type=file]")).to_have_count(1)  # the last file's is gone
    page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def test_an_image_of_the_store(visit, dashboard, store, layer):
    number = int(store.unit(layer, 3).top(1)["image"].iloc[0])
    page = visit(f"{dashboard}/picture?store={store.id}")
    expect(page.get_by_text("No picture yet.")).to_be_visible()
    field = page.get_by_label(re.compile("Or take one of the store’s images"))
    field.fill(str(number))
    field.press("Enter")
    wait_for_parameters(page, image=str(number))
    row = store.images([number]).iloc[0]
    expect(page.get_by_role("heading", name=f"Image {number}: {row['label']}")).to_be_visible()
    settle(page)

    values = recorded(store, layer, number)
    unusual = found(store, layer, values)
    quiet = page.locator("summary", has_text="Unusually quiet").count()
    assert listed(page)[: len(unusual.high)] == list(unusual.high["unit"]) and bool(quiet) == bool(
        unusual.under
    )
    main = page.locator("[data-testid=stMain]")
    expect(main).to_contain_text(f"{unusual.above} of {unusual.living} living units")
    first = unusual.high.iloc[0]
    expect(main).to_contain_text(picture.standing(first["below"], len(store.images())))
    shown = pictures(page)
    assert [words for words, _ in shown[:2]] == [
        "What the network sees of it", f"Where unit {first['unit']:.0f} fires",
    ]  # fmt: skip
    by_layer = store.layer_neighbours(layer, values, 11)
    assert int(by_layer["image"].iloc[0]) == number  # most like itself, which is left out
    alike = [int(m[1]) for words, _ in shown if (m := re.match(r"Image (\d+): .* similarity", words))]
    assert alike == list(by_layer["image"][1:])
    assert len([words for words, _ in shown if " distance " in words]) == 10

    second = int(unusual.high["unit"].iloc[1])
    page.locator(f".st-key-lx_unit_high_{second}").get_by_role("button", name="Map").click()
    wait_for_parameters(page, unit=str(second))
    expect(page.get_by_text(f"Where unit {second} fires")).to_be_visible()
    other = visit(page.url)  # the address says it all
    expect(other.get_by_text(f"Where unit {second} fires")).to_be_visible()
    settle(other)
    assert listed(other) == listed(page)
    other.get_by_text(f"image {alike[0]}", exact=True).last.click()
    wait_for_parameters(other, image=str(alike[0]))

    page.get_by_role("link", name=f"{layer} · unit {second}").first.click()
    heading(page, layer, second)
    assert parameters(page)["image"] == str(number)  # looked at closely there


def test_a_sent_picture_is_looked_at_and_not_kept(visit, dashboard, store, layer):
    sent = Image.fromarray(np.random.default_rng(4).integers(0, 256, (140, 200, 3), np.uint8)).resize(
        (300, 210)
    )
    looker = Looker.open(store.meta["config"], device="cpu")
    pooling = store.layers().set_index("layer").loc[layer, "pooling"]
    unusual = found(store, layer, looker.activations(sent, layer, pooling))
    page = visit(f"{dashboard}/picture?store={store.id}")
    settle(page)
    send(page, "my *own* <b>.png", png(sent))
    expect(page.get_by_role("heading", name="my *own* <b>.png")).to_be_visible()
    settle(page)
    assert listed(page)[: len(unusual.high)] == list(unusual.high["unit"])
    expect(page.get_by_text("Not kept, and in no address.")).to_be_visible()
    assert set(parameters(page)) <= {"store", "layer"}
    assert page.locator("[data-testid=stFileUploaderFile]").count() == 0

    page.keyboard.press("x")
    page.wait_for_function("() => new URL(location.href).searchParams.has('image')")
    page.get_by_role("button", name=re.compile("Back to")).click()
    expect(page.get_by_role("heading", name="my *own* <b>.png")).to_be_visible()

    for name, data, said in [
        ("cat.png", b"not a picture\n" * 9, "cat.png holds text, not a picture, whatever its name says"),
        ("bomb.png", bomb(30_000, 30_000), "too many to be decoded here: at most 40 million can be used"),
    ]:
        send(page, name, data)
        expect(page.get_by_role("alert").first).to_contain_text(said)
        expect(page.get_by_role("heading", name="my *own* <b>.png")).to_have_count(0)  # no result of another
    frames = [Image.new("RGB", (96, 96), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    send(page, "moves.gif", buffer.getvalue())
    expect(page.get_by_text("It is an animation: its first frame is used.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert visit(page.url).get_by_text("No picture yet.").wait_for() is None  # another browser has it not


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(2**22), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_gibibyte_is_refused_by_the_browser_and_by_the_server(visit, dashboard, store, tmp_path):
    huge = tmp_path / "huge.png"
    with open(huge, "wb") as file:
        os.truncate(file.fileno(), 2**30)  # a hole: no byte is written
    page = visit(f"{dashboard}/picture?store={store.id}")
    settle(page)
    puts = []
    page.on("request", lambda r: puts.append(r) if "upload_file" in r.url and r.method == "PUT" else None)
    page.locator("input[type=file]").set_input_files(huge)
    expect(page.get_by_text(re.compile(r"must be 20\.?0?\s?MB or smaller", re.I))).to_be_visible()
    assert not puts  # nothing was sent
    expect(page.get_by_text("No picture yet.")).to_be_visible()

    send(page, "small.png", png(Image.new("RGB", (96, 96), "red")))
    expect(page.get_by_role("heading", name="small.png")).to_be_visible()
    (put,) = puts
    headers = {"X-Xsrftoken": put.headers.get("x-xsrftoken", ""), "Origin": dashboard}
    headers["Cookie"] = "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies())
    headers["Content-Type"] = "multipart/form-data; boundary=lx"
    assert streamed(dashboard, put.url, headers, 2**30, told=True)[0] == 413
    status, taken = streamed(dashboard, put.url, headers, 2**30, told=False)
    assert status == 413 and taken < 2**27  # it stops listening long before the end


def streamed(dashboard: str, url: str, headers: dict, size: int, told: bool) -> tuple[int, int]:
    """The status of a PUT of so many bytes, and how many were taken before the answer.

    told: with its length in the header; else in chunks, until the server answers.
    """
    connection = http.client.HTTPConnection(urlsplit(dashboard).netloc, timeout=60)
    connection.putrequest("PUT", urlsplit(url).path)
    for name, value in headers.items():
        connection.putheader(name, value)
    head = b'--lx\r\nContent-Disposition: form-data; name="file"; filename="huge.png"\r\nContent-Type: image/png\r\n\r\n'
    taken, block = 0, bytes(2**20)
    if told:
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
    else:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        try:
            for part in (head, *(block for _ in range(size // len(block)))):
                connection.send(b"%x\r\n" % len(part) + part + b"\r\n")
                taken += len(part)
                if select.select([connection.sock], [], [], 0)[0]:  # it has answered
                    break
        except OSError:  # the server has hung up
            pass
    status = connection.getresponse().status
    connection.close()
    return status, taken


def test_without_the_network_pictures_are_still_compared_by_colours(visit, elsewhere, store, layer):
    page = visit(f"{elsewhere}/picture?store=elsewhere")
    settle(page)
    image = Image.open(io.BytesIO(store.thumbnails([7])[7])).convert("RGB")
    send(page, "seven.png", png(image))
    words = "names the weights file /nowhere/else.pth, which this machine has not been told to trust"
    expect(page.locator("[data-testid=stMain]")).to_contain_text(words)
    settle(page)
    shown = [words for words, _ in pictures(page)]
    assert shown[0] == "The picture" and shown[1].startswith("Image 7: ")
    assert not listed(page)
    page.get_by_text("image 7", exact=True).last.click()
    wait_for_parameters(page, image="7")
    expect(page.locator("[data-testid=stMain]")).to_contain_text(
        "What its units did on this image is recorded"
    )
    settle(page)
    assert listed(page)[:12] == list(found(store, layer, recorded(store, layer, 7)).high["unit"])

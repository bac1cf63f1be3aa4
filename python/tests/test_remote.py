"""Stores behind web servers, good and bad ones."""

import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import brake
import brake.remote
import numpy
from support import RANDOM, StoreTest, digest, frame, object_file, safetensors


class Server(BaseHTTPRequestHandler):
    """Serves a folder. `behaviour` says how."""

    protocol_version = "HTTP/1.1"
    folder = None
    behaviour = "ranges"
    requests = []

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_GET(self):
        kind = type(self)
        kind.requests.append((self.path, self.headers.get("Range")))
        behaviour = kind.behaviour
        if behaviour.startswith("redirect "):
            kind.behaviour = "ranges"
            return self.answer(302, Location=behaviour[9:].replace("PATH", self.path))
        if behaviour == "loop":
            return self.answer(302, Location=self.path)
        if re.fullmatch("[45][0-9]+", behaviour):
            return self.answer(int(behaviour), b"<html>")
        path = kind.folder / self.path.lstrip("/")
        if behaviour == "page":
            return self.answer(200, b"<html>please log in</html>" * 10_000)
        if not path.is_file():
            return self.answer(404, b"<html>")
        body = path.read_bytes()
        if behaviour == "whole":
            return self.answer(200, body)
        if behaviour == "no length":
            return self.answer(200, body, Content_Length=None)
        if behaviour == "coded":
            return self.answer(200, body, Content_Encoding="gzip")
        start, end = re.fullmatch("bytes=([0-9]*)-([0-9]*)", self.headers["Range"]).groups()
        start, end = (max(0, len(body) - int(end)), len(body) - 1) if not start else (int(start), int(end))
        part, span = body[start : end + 1], f"bytes {start}-{end}/{len(body)}"
        if behaviour == "other part":
            span = f"bytes {start + 1}-{end + 1}/{len(body) + 1}"
        if behaviour == "no range":
            return self.answer(206, part)
        if behaviour == "short":
            return self.answer(206, part[: len(part) // 2], Content_Range=span, Content_Length=len(part))
        if behaviour == "flipped" and len(part) > 100:
            part = part[:50] + bytes([part[50] ^ 1]) + part[51:]
        if behaviour == "huge":
            span = f"bytes {start}-{end}/{10**17}"
        self.answer(206, part, Content_Range=span)


class RemoteTests(StoreTest):
    def setUp(self):
        super().setUp()
        for name in ("no_proxy", "NO_PROXY"):
            patch = mock.patch.dict("os.environ", {name: "*"})
            patch.start()
            self.addCleanup(patch.stop)
        self.tensors = {name: RANDOM.normal(0, 1, (1000, 300)).astype("f4") for name in "abc"}
        self.content = safetensors(self.tensors)
        self.name = self.put(self.content)
        self.server = type("This", (Server,), {"folder": self.cache, "requests": []})
        http = ThreadingHTTPServer(("127.0.0.1", 0), self.server)
        http.handle_error = lambda *_: None  # Readers leave when they have seen enough.
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(http.server_close)
        self.addCleanup(http.shutdown)
        self.url = f"http://127.0.0.1:{http.server_port}"
        self.line = f"{self.name}?from={self.url}"
        # A store that has nothing.
        self.other = self.folder / "other"
        self.other.mkdir()
        (self.other / "format").write_bytes(b"brake store 1\n")

    def open(self):
        return brake.open(self.line, self.other)

    def test_the_pasted_line_is_all_that_is_needed(self):
        self.assertEqual(self.open().bytes(), self.content)
        self.assertEqual(brake.open(self.name, self.url).bytes(), self.content)
        self.assertEqual(brake.open(self.name, self.url + "/").save(self.folder / "saved").read_bytes(), self.content)
        empty = self.put(b"")
        self.assertEqual(brake.open(empty, self.url).bytes(), b"")
        folder = self.folder / "folder"
        (folder / "sub").mkdir(parents=True)
        (folder / "sub/file").write_bytes(b"inside")
        tree = self.brake("put", folder).decode().split()[0]
        self.assertEqual(brake.open(tree, self.url)["sub/file"].bytes(), b"inside")
        self.brake("ref", "best", self.name)
        self.assertEqual(brake.open("@best", self.url).digest, self.name)

    def test_what_the_store_here_has_is_not_fetched(self):
        self.assertEqual(brake.open(self.line, self.cache).bytes(), self.content)
        self.assertEqual(self.server.requests, [])

    def test_one_tensor_is_fetched_without_the_rest(self):
        part = brake.open(self.line + "#b", self.other)
        numpy.testing.assert_array_equal(part.numpy(), self.tensors["b"])
        parts = [range[6:].split("-") for path, range in self.server.requests if "objects" in path]
        # The footer, the headers of the object and of the safetensors file, and the chunks of the tensor.
        self.assertEqual([bool(start) for start, _ in parts], [False, True, True])
        fetched = sum(int(end) - int(start) for start, end in parts if start)
        self.assertLess(fetched, len(self.content) * 0.6)

    def test_a_server_without_ranges_is_read_once(self):
        self.server.behaviour = "whole"
        artefact = self.open()
        self.assertEqual(artefact.bytes(), self.content)
        numpy.testing.assert_array_equal(artefact.tensor("a")[3:5], self.tensors["a"][3:5])
        self.assertEqual(len(self.server.requests), 2)

    def test_bad_servers_are_noticed(self):
        for behaviour, message in {
            "404": "web server lists no segments|no store", "403": "answers 403", "500": "answers 500", "416": "answers 416",
            "page": "is no store|no object", "no length": "neither parts", "coded": "another coding", "other part": "part that it was asked",
            "no range": "part that it was asked", "short": "less than it says", "flipped": "check|chunk|start|add up|digest|cut short",
            "huge": "part that it was asked", "loop": "cannot be read|answers 302", "redirect file:///etc/passwd": "answers 302",
            "redirect ftp://127.0.0.1/x": "not followed", "redirect gopher:x": "answers 302",
        }.items():  # fmt: skip
            for at_once in (True, False):
                store = brake.Store(self.url)
                self.server.behaviour = "ranges"
                if not at_once:
                    store.resolve(self.name)
                    store._check_format()
                self.server.behaviour = behaviour
                with self.assertRaisesRegex(brake.BrakeError, message, msg=behaviour):
                    brake.open(self.name, store).bytes()

    def test_redirects_to_other_servers_are_followed(self):
        store = brake.Store(self.url)
        store._check_format()
        self.server.behaviour = f"redirect {self.url}PATH"
        self.assertEqual(brake.open(self.name, store).bytes(), self.content)

    def test_a_false_object_is_noticed(self):
        wrong = object_file(self.name, [(5, frame(b"wrong"), 0, 1)])
        self.place(self.name, wrong)
        with self.assertRaisesRegex(brake.Damaged, "have the digest"):
            self.open().bytes()

    def test_a_server_that_is_slow_or_gone_is_noticed(self):
        with mock.patch.object(brake.remote, "_PATIENCE", 0.2):
            def wait(request):
                time.sleep(0.6)

            self.server.do_GET = wait
            with self.assertRaisesRegex(brake.BrakeError, "cannot be read"):
                self.open().bytes()
        with mock.patch.object(brake.remote, "_BEGINNING", 0.2):
            def trickle(request):
                request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(60):
                    request.wfile.write(b"x")
                    time.sleep(0.05)

            self.server.do_GET = trickle
            start = time.monotonic()
            with self.assertRaisesRegex(brake.BrakeError, "cannot be read|neither parts"):
                self.open().bytes()
            self.assertLess(time.monotonic() - start, 2.5)
        with self.assertRaisesRegex(brake.BrakeError, "cannot be read"):
            brake.open(self.name, "http://127.0.0.1:1/x")

    def test_what_a_web_server_cannot_do_is_said(self):
        store = brake.Store(self.url)
        for name in ["train.weights", self.name[:20], self.name[7:20]]:
            with self.assertRaisesRegex(brake.NotFound, "lists nothing"):
                brake.open(name, store)
        with self.assertRaisesRegex(brake.NotFound, "lists nothing"):
            brake.open(self.name, store).provenance()
        with self.assertRaisesRegex(brake.NotFound, "lists no segments"):
            brake.open(digest(b"nowhere"), store)

    def test_addresses_that_are_none_are_refused(self):
        for address in ["http://", "https:///x", "http://user:word@host/x", "http://host/x?y=1", "http://host/a b", "http://[::1/x",
                        "http://host/\r\nX: y", "http://host:99999/x", "http://host/x#y"]:  # fmt: skip
            with self.assertRaises(brake.BrakeError, msg=address):
                brake.open(self.name, address)

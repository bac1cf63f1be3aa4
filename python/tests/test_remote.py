"""Stores behind web servers, good and bad ones."""

import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import brake
import brake.artefact
import brake.remote
import brake.segments
import numpy
import test_segments as segments
from support import RANDOM, StoreTest, digest, frame, object_file, safetensors


class Server(BaseHTTPRequestHandler):
    """Serves a folder. `behaviour` says how."""

    protocol_version = "HTTP/1.1"
    folder = None
    behaviour = "ranges"
    requests = []
    logins = []

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
        kind.logins.append(self.headers.get("Authorization"))
        behaviour = kind.behaviour
        if behaviour.startswith("redirect "):
            kind.behaviour = "ranges"
            return self.answer(302, Location=behaviour[9:].replace("PATH", self.path))
        if behaviour == "login" and kind.logins[-1] != "Basic YWRhOnNlY3JldA==":
            return self.answer(401, b"<html>")
        if behaviour == "loop":
            return self.answer(302, Location=self.path)
        if behaviour.startswith("busy "):
            kind.behaviour = "ranges"
            return self.answer(503, b"<html>", Retry_After=behaviour[5:] or None)
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
        # Nobody waits as long for a server that a test has made busy.
        patch = mock.patch.object(brake.remote, "_PAUSE", 0.001)
        patch.start()
        self.addCleanup(patch.stop)
        self.tensors = {name: RANDOM.normal(0, 1, (1000, 300)).astype("f4") for name in "abc"}
        self.content = safetensors(self.tensors)
        self.name = self.put(self.content)
        self.server = type("This", (Server,), {"folder": self.cache, "requests": [], "logins": []})
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

    def test_a_server_that_is_busy_is_asked_again(self):
        for wanted in ["", "0", "Sun, 06 Nov 1994 08:49:37 GMT", "soon"]:
            self.server.behaviour = f"busy {wanted}"
            self.assertEqual(self.open().bytes(), self.content)
        with mock.patch.object(brake.remote.time, "sleep") as sleep:
            self.server.behaviour = "busy 7"
            self.assertEqual(self.open().bytes(), self.content)
            self.assertEqual([call.args for call in sleep.call_args_list], [(7,)])
            self.server.behaviour = "503"
            self.server.requests.clear()
            self.assertRaisesRegex(brake.BrakeError, "503", self.open)
            self.assertEqual(len(self.server.requests), 5)
        # Nobody has that much time.
        self.server.behaviour = "busy 100000"
        self.assertRaisesRegex(brake.BrakeError, "503", self.open)

    def test_whom_a_server_does_not_let_in_is_told_so_by_a_public_name(self):
        self.server.behaviour = "403"
        self.assertRaises(brake.Forbidden, self.open)

    def test_a_line_leads_to_the_provenance(self):
        name, lineage = self.share_two()
        pasted = f"{name}?from={self.url}&lineage={lineage}"
        told = brake.open(pasted, self.other).provenance()
        own = brake.open(name, self.cache).provenance()
        self.assertEqual([maker["stage"] for maker in told["made_by"].values()], ["two", "one"])
        for digest, maker in own["made_by"].items():
            self.assertEqual({**maker, "told": True, "made": None}, {**told["made_by"][digest], "made": None})
        # What the store here says needs nobody's word.
        self.assertEqual(brake.open(pasted, self.cache).provenance(), own)
        self.assertEqual(brake.open(f"{name}?from={self.url}", self.other).provenance()["made_by"], {})
        self.assertRaises(brake.NotFound, brake.open(name, self.url).provenance)
        false = f"{name}?from={self.url}&lineage={name}"
        self.assertRaisesRegex(brake.BrakeError, "no list", brake.open(false, self.other).provenance)
        self.assertRaisesRegex(brake.BrakeError, "lineage", brake.open, f"{name}?from={self.url}&lineage=sha256:12")

    def share_two(self):
        """Runs two stages; gives the digest of what the second one makes and that of the list of their records."""
        self.run_pipeline(
            'stages: { one: { run: "echo 1 > ${out.o}", out: { o: o.txt } }, '
            'two: { run: "cat ${in.i} ${in.i} > ${out.o}", in: { i: one }, out: { o: o.txt } } }'
        )
        line = self.brake("share", "two", "--to", self.cache).decode().split("'")[1]
        return line[:71], line.rpartition("lineage=")[2]

    def test_what_a_line_of_a_folder_tells_is_told_and_what_ones_own_store_says_is_not(self):
        name, lineage = self.share_two()
        line = f"{name}?from={self.cache}&lineage={lineage}"
        told = brake.open(line, self.other).provenance()["made_by"].values()
        self.assertEqual([(maker["stage"], maker["told"]) for maker in told], [("two", True), ("one", True)])
        self.assertEqual(brake.open(line, self.cache).provenance(), brake.open(name, self.cache).provenance())
        # Without a store of one's own, the folder is still somebody else's.
        with mock.patch.dict("os.environ", {"BRAKE_STORE": str(self.folder / "none")}):
            told = brake.open(line).provenance()["made_by"].values()
            self.assertEqual([maker["told"] for maker in told], [True, True])
            self.assertEqual(brake.open(f"{name}?from={self.cache}").provenance()["made_by"], {})

    def test_a_damaged_record_does_not_end_a_provenance(self):
        name, lineage = self.share_two()
        for path in (self.cache / "actions").glob("*/*"):
            if b'"stage":"one"' in path.read_bytes():
                path.chmod(0o644)
                path.write_bytes(path.read_bytes().replace(b'"stage":"one"', b'"stage":"won"'))
        told = brake.open(f"{name}?from={self.url}&lineage={lineage}", self.other).provenance()
        self.assertEqual([maker["stage"] for maker in told["made_by"].values()], ["two"])

    def test_what_a_stranger_tells_is_bounded(self):
        name, lineage = self.share_two()
        line = f"{name}?from={self.url}&lineage={lineage}"
        with mock.patch.object(brake.artefact, "_RECORDS_LIMIT", 100):
            self.assertRaisesRegex(brake.BrakeError, "MiB of records", brake.open(line, self.other).provenance)
        large = self.put(bytes(20 << 20))
        # It is not read: its bytes would not pass.
        path = self.object_path(large)
        path.chmod(0o644)
        content = bytearray(path.read_bytes())
        content[40] ^= 1
        path.write_bytes(content)
        line = f"{name}?from={self.url}&lineage={large}"
        self.assertRaisesRegex(brake.BrakeError, "more than the 16777216", brake.open(line, self.other).provenance)

    def segment(self, contents, name="0123456789abcdef" * 2):
        """Writes a segment with some objects and names it in the catalogue."""
        body, entries = b"", []
        for content in contents:
            entries.append((bytes.fromhex(digest(content)[7:]), 0, len(body) + 4, 0, len(content)))
            body += segments.entry(segments.BLOB, content)
        whole = segments.SEGMENT + segments.group(body)
        whole += segments.seal([len(segments.SEGMENT)], entries)
        (self.cache / "segments").mkdir(exist_ok=True)
        (self.cache / "segments" / name).write_bytes(whole)
        self.name_segments(f"{name} {len(whole)}\n")
        return self.cache / "segments" / name

    def name_segments(self, text):
        folder = self.cache / "catalogue"
        folder.mkdir(exist_ok=True)
        (folder / str(len(list(folder.iterdir())))).write_text(text)

    def test_what_stands_in_a_segment_that_the_catalogue_names_is_read(self):
        contents = [f"result {n}\n".encode() * n for n in range(1, 200)]
        for behaviour in ("ranges", "whole"):
            self.server.behaviour = behaviour
            path = self.segment(contents)
            store = brake.Store(self.url)
            del self.server.requests[:]
            for content in contents:
                self.assertEqual(brake.open(digest(content), store).bytes(), content)
            # Few are asked for: files of the first one and of the catalogue, the seal and the group.
            self.assertLess(len(self.server.requests), 12)
            damaged = bytearray(path.read_bytes())
            damaged[100] ^= 1
            path.write_bytes(damaged)
            with self.assertRaisesRegex(brake.Damaged, "does not match its check"):
                brake.open(digest(contents[5]), brake.Store(self.url)).bytes()
            # A file of its own is as good.
            self.add(contents[5])
            self.assertEqual(brake.open(digest(contents[5]), brake.Store(self.url)).bytes(), contents[5])
            self.object_path(digest(contents[5])).unlink()
            damaged[100] ^= 1
            damaged[-30] ^= 1
            path.write_bytes(damaged)
            with self.assertRaisesRegex(brake.NotFound, "catalogue names"):
                brake.open(digest(contents[5]), brake.Store(self.url)).bytes()

    def test_segments_come_and_go(self):
        store = brake.Store(self.url)
        old = self.segment([b"one", b"two"])
        self.assertEqual(brake.open(digest(b"one"), store).bytes(), b"one")
        self.name_segments("f" * 32 + " 100\n")
        # What was needed of it stands in a later one.
        self.segment([b"two"], "a" * 32)
        old.unlink()
        store._segments._last = None
        self.assertEqual(brake.open(digest(b"two"), store).bytes(), b"two")
        with self.assertRaisesRegex(brake.NotFound, "catalogue names"):
            brake.open(digest(b"one"), brake.Store(self.url)).bytes()

    def test_few_segments_are_kept_open(self):
        contents = [[RANDOM.bytes(15_000) for _ in range(5)] for _ in range(12)]
        for number, each in enumerate(contents):
            self.segment(each, f"{number:032x}")
        for behaviour in ("whole", "ranges"):
            self.server.behaviour = behaviour
            store = brake.Store(self.url)
            before = len(os.listdir("/proc/self/fd"))
            with mock.patch.object(brake.segments, "_OPEN_LIMIT", 3):
                for content in (each[number] for number in (0, 4) for each in contents):
                    self.assertEqual(brake.open(digest(content), store).bytes(), content)
                    self.assertLess(len(os.listdir("/proc/self/fd")), before + 8)
                self.assertEqual(len(store._segments._files), 3)
            # One that is another file than it was is noticed.
            name = "0" * 32
            self.segment([b"x", b"y"], name)
            store._segments._last = None
            with self.assertRaisesRegex(brake.Damaged, "another file"):
                brake.open(digest(contents[0][2]), store).bytes()
            self.segment(contents[0], name)

    def test_what_is_no_catalogue_is_none(self):
        path = self.segment([b"one"])
        for text in ["<html>", "", f"{path.name}\n", f"{path.name} 12345678901\n", f"../{path.name[3:]} 5\n", "x" * 70_000]:
            (self.cache / "catalogue/0").write_text(text)
            del self.server.requests[:]
            with self.assertRaisesRegex(brake.NotFound, "catalogue names"):
                brake.open(digest(b"one"), brake.Store(self.url)).bytes()
            self.assertLess(len(self.server.requests), 6)

    def test_a_catalogue_that_cannot_be_read_is_told_of(self):
        self.segment([b"one"])
        answer = self.server.do_GET
        for status, message in {503: "answers 503", 403: "catalogue names$"}.items():
            def refuse(request, status=status):
                return request.answer(status) if request.path.startswith("/catalogue/") else answer(request)

            self.server.do_GET = refuse
            with self.assertRaisesRegex(brake.NotFound, message):
                brake.open(digest(b"one"), brake.Store(self.url)).bytes()

    def test_a_store_that_a_run_has_filled_is_read_as_it_is(self):
        self.run_pipeline(segments.PIPELINE)
        store = brake.Store(self.url)
        for n in (1, 17, 90):
            content = f"number {n}\n".encode()
            self.assertEqual(brake.open(digest(content), store).bytes(), content)

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
            "404": "segment that its catalogue names|no store", "403": "answers 403", "500": "answers 500", "416": "answers 416",
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

    def test_a_body_that_comes_byte_by_byte_is_given_up(self):
        def trickle(request):
            request.send_response(206)
            request.send_header("Content-Range", "bytes 0-49/50")
            request.send_header("Content-Length", "50")
            request.end_headers()
            for _ in range(50):
                request.wfile.write(b"x")
                time.sleep(0.05)

        with mock.patch.object(brake.remote, "_LENIENCE", 0.2):
            self.server.do_GET = trickle
            with self.assertRaisesRegex(brake.BrakeError, "bytes a second"):
                self.open().bytes()

    def test_passwords_come_from_netrc_and_go_to_nobody_else(self):
        self.server.behaviour = "login"
        home = self.folder / "home"
        home.mkdir()
        with mock.patch.dict(os.environ, HOME=str(home)):
            with self.assertRaisesRegex(brake.BrakeError, "answers 401.*netrc"):
                self.open().bytes()
            (home / ".netrc").write_text("machine 127.0.0.1 login ada password secret\n")
            self.assertEqual(self.open().bytes(), self.content)
            self.server.logins.clear()
            self.server.behaviour = f"redirect {self.url}PATH"
            brake.Store(self.url)._check_format()
            self.assertEqual(self.server.logins, ["Basic YWRhOnNlY3JldA==", None])
            (home / ".netrc").write_text("machine")
            self.server.behaviour = "login"
            with self.assertRaisesRegex(brake.BrakeError, "answers 401.*netrc cannot be read"):
                self.open().bytes()
            self.server.behaviour = "ranges"
            self.assertEqual(self.open().bytes(), self.content)

    def test_what_a_web_server_cannot_do_is_said(self):
        store = brake.Store(self.url)
        for name in ["train.weights", self.name[:20], self.name[7:20]]:
            with self.assertRaisesRegex(brake.NotFound, "lists nothing"):
                brake.open(name, store)
        with self.assertRaisesRegex(brake.NotFound, "lists nothing"):
            brake.open(self.name, store).provenance()
        with self.assertRaisesRegex(brake.NotFound, "segment that its catalogue names"):
            brake.open(digest(b"nowhere"), store)

    def test_places_that_only_brake_reaches_are_told_with_what_to_do(self):
        for place in ["ssh://host/x", "sftp://host/x", "s3://bucket/x"]:
            with self.assertRaisesRegex(brake.BrakeError, f"brake pull 'sha256:.*from={place}'"):
                brake.open(f"{self.name}?from={place}", self.other)

    def test_addresses_that_are_none_are_refused(self):
        for address in ["http://", "https:///x", "http://user:word@host/x", "http://host/x?y=1", "http://host/a b", "http://[::1/x",
                        "http://host/\r\nX: y", "http://host:99999/x", "http://host/x#y"]:  # fmt: skip
            with self.assertRaises(brake.BrakeError, msg=address):
                brake.open(self.name, address)

#!/usr/bin/env python3
"""Pushes to and pulls from a real S3 service, Ceph's gateway, on good days and bad ones.

    Tests/S3/s3.py BRAKE

Needs root and the packages ceph-mon, ceph-osd, ceph-common, radosgw and curl; exits with 3, and says so, where they are missing. Large
objects go in parts; a wrong password, a bucket that is full, Ctrl-C and SIGKILL leave nothing behind that docs/sharing.md does not
tell of. The services by which containers and machines of a cloud get their credentials exist only there: here small servers, written
after their documentation, stand for them.
"""
import hashlib, hmac, http.client, http.server, json, os, shutil, signal, socket, subprocess, sys, tempfile, threading, time

programs = ["ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "curl"]
missing = [name for name in programs if not shutil.which(name)]
if missing or os.geteuid() != 0:
    print(f"not run: {'needs root' if not missing else 'not installed: ' + ', '.join(missing)}")
    sys.exit(3)
brake = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
folder = tempfile.mkdtemp(prefix="brake-s3-")
failures = []


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


port, monitor = free_ports(2)
service = f"http://127.0.0.1:{port}"
place = f"s3://lab/runs?endpoint={service}"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}
# Nothing of the one who tests is asked.
clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
clean |= {"HOME": folder, "AWS_EC2_METADATA_DISABLED": "true"}


def expect(what, truth, more=""):
    print(f"{what}: {'as promised' if truth else 'FAILED'}", flush=True)
    if not truth:
        failures.append(f"{what}: {more}")


def run(*words, at="mine", keys=KEYS):
    done = subprocess.run([brake, "-C", f"{folder}/{at}", *words], env=clean | keys, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def s3(method, path="", query=""):
    """What the service answers to a signed request, its head first."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{moment[:8]}/us-east-1/s3/aws4_request"
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": f"127.0.0.1:{port}", "x-amz-content-sha256": empty, "x-amz-date": moment}
    names = ";".join(headers)
    text = "\n".join([method, f"/lab{path}", query, *(f"{name}:{value}" for name, value in headers.items()), "", names, empty])
    key = b"AWS4testsecret"
    for part in [*scope.split("/"), f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(text.encode()).hexdigest()}"]:
        key = hmac.digest(key, part.encode(), "sha256")
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, f"/lab{path}?{query}", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200, f"{method} {path} {query}: {answer.status} {answer.read()}"
    return f"{answer.headers}{answer.read().decode()}"


def uploads():
    return s3("GET", query="uploads=").count("<UploadId>")


def objects():
    return s3("GET", query="list-type=2").count("<Key>runs/objects/")


def file(name, size):
    with open(f"{folder}/mine/{name}", "wb") as out:
        while size > 0:
            out.write(os.urandom(min(size, 1 << 20)))
            size -= 1 << 20
    status, output = run("put", name)
    assert status == 0, output
    return output.split()[0]


def checksum(path):
    state = hashlib.sha256()
    with open(path, "rb") as data:
        while piece := data.read(1 << 20):
            state.update(piece)
    return "sha256:" + state.hexdigest()


def push_until_parts(digest):
    """A push of which some parts have arrived."""
    push = subprocess.Popen([brake, "-C", f"{folder}/mine", "push", "--to", place, digest], env=clean | KEYS, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while uploads() == 0 and push.poll() is None:
        pass
    return push


class Cloud(http.server.BaseHTTPRequestHandler):
    """What gives credentials to containers (/role) and, by the second version of its protocol, to machines of a cloud."""
    protocol_version = "HTTP/1.1"
    asked, ends, session = [], "2000-01-01T00:00:00Z", "IMDS=="

    def answer(self, status, text=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def credentials(self):
        Cloud.asked.append(self.path)
        self.answer(200, json.dumps({"Code": "Success", "AccessKeyId": "test", "SecretAccessKey": "testsecret",
                                     "Expiration": Cloud.ends}))

    def do_PUT(self):
        good = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self.answer(*((200, Cloud.session) if good else (400,)))

    def do_GET(self):
        if self.path == "/role":
            return self.credentials() if self.headers.get("Authorization") == "Basic word" else self.answer(401)
        roles = "/latest/meta-data/iam/security-credentials/"
        if not self.path.startswith(roles) or self.headers.get("X-aws-ec2-metadata-token") != Cloud.session:
            return self.answer(401)
        return self.answer(200, "trainer") if self.path == roles else self.credentials()

    def log_message(self, *_):
        pass


def later(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def good_days():
    os.makedirs(f"{folder}/mine/weights")
    os.makedirs(f"{folder}/yours")
    for name, size in [("large", 300_000_000), ("empty", 0), ("small", 1000)]:
        with open(f"{folder}/mine/weights/{name}", "wb") as out:
            out.write(os.urandom(size))
    digest = run("put", "weights")[1].split()[0]
    status, output = run("push", "--to", place, digest)
    expect("300 MB, nothing at all and a little are pushed", status == 0 and "4 objects" in output, output)
    large = checksum(f"{folder}/mine/weights/large")[7:]
    head = s3("HEAD", f"/runs/objects/{large[:2]}/{large[2:]}").lower()
    expect("the large one went in five parts", '-5"' in head, head)
    expect("no parts are left", uploads() == 0)
    status, output = run("push", "--json", "--to", place, digest)
    expect("the second time nothing is sent", status == 0 and json.loads(output)["objects"] == 0, output)
    status, output = run("get", f"{digest}?from={place.replace('?', '%3F')}", "-o", "copy", at="yours")
    expect("all of it comes back", status == 0 and all(
        checksum(f"{folder}/mine/weights/{name}") == checksum(f"{folder}/yours/copy/{name}") for name in ["large", "empty", "small"]),
           output)


def bad_days():
    before = objects()
    digest = file("other", 300_000_000)
    status, output = run("push", "--to", place, digest, keys=KEYS | {"AWS_SECRET_ACCESS_KEY": "guess"})
    expect("a wrong password", status == 2 and "AWS_SECRET_ACCESS_KEY" in output and objects() == before, output)
    status, output = run("push", "--to", place.replace("lab", "nothing"), digest)
    expect("a bucket that is not there", status == 2 and "NoSuchBucket" in output, output)

    push = push_until_parts(digest)
    push.send_signal(signal.SIGINT)
    output = push.communicate()[0]
    expect("Ctrl-C takes back what was begun", push.returncode == 130 and uploads() == 0 and objects() == before, output)

    push = push_until_parts(digest)
    push.kill()
    push.wait()
    expect("SIGKILL leaves parts, and no object", uploads() == 1 and objects() == before, f"{uploads()} {objects()}")
    status, output = run("push", "--to", place, digest)
    expect("the next push sends it, and takes the parts away", status == 0 and uploads() == 0 and objects() == before + 1, output)

    both = [push_until_parts(file("twice", 300_000_000))]
    both.append(subprocess.Popen(both[0].args, env=clean | KEYS, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    outputs = [one.communicate()[0] for one in both]
    expect("two at once", [one.returncode for one in both] == [0, 0] and uploads() == 0 and objects() == before + 2, outputs)

    admin = ["radosgw-admin", "-n", "client.rgw", "--conf", f"{folder}/ceph/ceph.conf", "quota"]
    user = ["--quota-scope=bucket", "--uid=test"]
    subprocess.run([*admin, "set", *user, "--max-size=950M"], check=True, capture_output=True)
    subprocess.run([*admin, "enable", *user], check=True, capture_output=True)
    status, output = run("push", "--to", place, file("more", 300_000_000))
    subprocess.run([*admin, "disable", *user], check=True, capture_output=True)
    expect("a bucket that is full", status == 2 and "QuotaExceeded" in output and uploads() == 0, output)


def small_results():
    """Many go in one object, which the catalogue names; two who write at once lose nothing."""
    other = f"s3://lab/small?endpoint={service}"

    def count(kind):
        return s3("GET", query="list-type=2&prefix=small%2F" + kind).count("<Key>")

    def results(name, first):
        os.makedirs(f"{folder}/mine/{name}")
        for number in range(first, first + 100):
            with open(f"{folder}/mine/{name}/{number}.txt", "w") as out:
                out.write(f"result {number}\n")
        status, output = run("put", name)
        assert status == 0, output
        return output.split()[0]

    one, two, three = (results(f"results-{first}", first) for first in (0, 100, 200))
    status, output = run("push", "--to", other, one)
    expect("small results go in one object", status == 0 and count("segments") == count("catalogue") == 1 and count("objects") <= 1, output)
    status, output = run("push", "--to", other, one)
    expect("and are not sent again", status == 0 and "0 objects" in output and count("segments") == 1, output)
    words = [brake, "-C", f"{folder}/mine", "push", "--to", other]
    both = [subprocess.Popen([*words, digest], env=clean | KEYS, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for digest in (two, three)]
    outputs = [each.communicate()[0] for each in both]
    expect("two at once", [each.returncode for each in both] == [0, 0] and count("catalogue") == 3, outputs)
    os.makedirs(f"{folder}/small")
    for digest in (one, two, three):
        status, output = run("pull", "--from", other, digest, at="small")
        expect("they come back", status == 0, output)
    status, output = run("verify", at="small")
    expect("as they were", status == 0, output)


def credentials():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cloud)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    with open(f"{folder}/word", "w") as out:
        out.write("Basic word\n")
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/role"}

    Cloud.ends = later(3600)
    status, output = run("push", "--to", place, file("a", 1000), keys=container | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic word"})
    expect("credentials of a container", status == 0 and Cloud.asked == ["/role"], f"{output} {Cloud.asked}")
    status, output = run("push", "--to", place, file("b", 1000),
                         keys=container | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{folder}/word"})
    expect("a token in a file", status == 0 and len(Cloud.asked) == 2, output)
    status, output = run("push", "--to", place, file("c", 1000), keys=container)
    expect("no token", status == 2 and "answers 401" in output, output)
    status, output = run("push", "--to", place, file("d", 1000),
                         keys={"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://203.0.113.1/role"})
    expect("a service to which nobody tells secrets", status == 2 and "AWS_CONTAINER_CREDENTIALS_FULL_URI" in output, output)

    machine = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": address}
    Cloud.asked = []
    status, output = run("push", "--to", place, file("e", 1000), keys=machine)
    expect("credentials of a machine", status == 0 and len(Cloud.asked) == 1, f"{output} {Cloud.asked}")
    # They run out at once: each request needs new ones.
    Cloud.asked, Cloud.ends = [], later(0)
    status, output = run("push", "--to", place, file("f", 200_000_000), keys=machine)
    expect("credentials are renewed during a push", status == 0 and len(Cloud.asked) > 5, f"{output} {Cloud.asked}")
    Cloud.asked = []
    status, output = run("push", "--to", place, file("g", 1000), keys=machine | {"AWS_EC2_METADATA_DISABLED": "true"})
    expect("a machine that is not to be asked", status == 2 and "no credentials" in output and not Cloud.asked, output)

    # What a profile names. It runs out at once: each request needs it again.
    with open(f"{folder}/a program", "w") as out:
        out.write(f"""#!/bin/sh
echo asked >> '{folder}/asked'
printf '{{"Version":1,"AccessKeyId":"test","SecretAccessKey":"%s","Expiration":"%s"}}' "$1" "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)"
""")
    os.chmod(f"{folder}/a program", 0o755)
    with open(f"{folder}/config", "w") as out:
        for name, secret in (("lab", "testsecret"), ("other", "wrong")):
            out.write(f"[profile {name}]\ncredential_process = '{folder}/a program' {secret}\n")
    profile = {"AWS_CONFIG_FILE": f"{folder}/config", "AWS_PROFILE": "lab"}
    status, output = run("push", "--to", place, file("h", 200_000_000), keys=profile)
    with open(f"{folder}/asked") as asked:
        times = len(asked.readlines())
    expect("credentials that a program prints, again and again", status == 0 and times > 5, f"{output} {times}")
    status, output = run("push", "--to", place, file("i", 1000), keys=profile | {"AWS_PROFILE": "other"})
    expect("a program with the wrong ones is named", status == 2 and "the program that the profile 'other'" in output, output)
    server.shutdown()
    server.server_close()
    status, output = run("push", "--to", place, file("h", 1000), keys=machine)
    expect("a machine without the service", status == 2 and "no credentials" in output, output)


try:
    subprocess.run([f"{here}/gateway.sh", f"{folder}/ceph", str(port), str(monitor)], check=True)
    os.makedirs(f"{folder}/mine")
    s3("PUT")
    good_days()
    bad_days()
    small_results()
    credentials()
finally:
    subprocess.run([f"{here}/gateway.sh", f"{folder}/ceph", "stop"])
    shutil.rmtree(folder, ignore_errors=True)
for failure in failures:
    print(failure, file=sys.stderr)
sys.exit(1 if failures else 0)

"""The sides of the race of remotes.py: how each tool sends a folder to a place, and fetches it.

Each side prepares a push with a new name in the place, so that nothing is there already, and a pull with an empty folder here. What it returns
as a push or a pull is a command, the folder in which it runs, and what it adds to the environment.
"""

import base64
import itertools
import netrc
import os
import shlex
import shutil
import subprocess
import urllib.request

BRAKE = os.path.abspath(
    os.environ.get("BRAKE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.build/release/brake")))
DVC = os.environ.get("DVC", "dvc")
SSH = os.environ.get("BRAKE_SSH", "ssh")
rounds = itertools.count(1)


def login(parts):
    """What ssh makes of an address: host, port, user and key, by its own configuration."""
    port = ["-p", str(parts.port)] if parts.port else []
    host = (parts.username + "@" if parts.username else "") + parts.hostname
    out = subprocess.run([*shlex.split(SSH), *port, "-G", host], capture_output=True, text=True, check=True).stdout
    options = dict(line.split(" ", 1) for line in reversed(out.splitlines()) if " " in line)
    return {name: options[name] for name in ("hostname", "port", "user", "identityfile")}


def prepare(command, folder, environment=None):
    done = subprocess.run(command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {(done.stderr or done.stdout)[-800:]}")


class Side:
    command = ""
    label = None
    kinds = ()

    def __init__(self, place, folder, work):
        self.place, self.folder, self.work = place, folder, work
        self.name = self.label or type(self).__name__.lower()
        self.here = f"{work}/{self.name}-here"
        self.target = None
        # Why it has no more turns.
        self.is_out = None

    @classmethod
    def takes_part(cls, place):
        return place.kind in cls.kinds and shutil.which(cls.command) is not None

    def before_push(self):
        self.suffix = f"-{self.name}-{os.getpid()}-{next(rounds)}"
        self.target = self.place.address + self.suffix

    def before_pull(self):
        shutil.rmtree(self.here, ignore_errors=True)
        os.mkdir(self.here)


class Brake(Side):
    command = BRAKE
    kinds = ("folder", "ssh", "sftp", "WebDAV", "S3")

    def __init__(self, place, folder, work):
        super().__init__(place, folder, work)
        out = subprocess.run([BRAKE, "put", folder], cwd=work, capture_output=True, text=True, check=True).stdout
        self.digest = out.split()[0]

    def push(self):
        return [BRAKE, "push", "--no-lineage", "--to", self.target, self.digest], self.work

    def pull(self):
        return [BRAKE, "pull", "--from", self.target, self.digest], self.here


class Rsync(Side):
    command = "rsync"
    kinds = ("folder", "ssh")

    def before_push(self):
        super().before_push()
        self.shell = []
        if self.place.kind == "ssh":
            parts = self.place.parts
            port = f" -p {parts.port}" if parts.port else ""
            self.shell = ["-e", SSH + port]
            user = parts.username + "@" if parts.username else ""
            self.target = f"{user}{parts.hostname}:{parts.path}{self.suffix}"

    def push(self):
        return self.finished(["rsync", "-a", *self.shell, f"{self.folder}/", self.target], self.target), self.work

    def pull(self):
        return self.finished(["rsync", "-a", *self.shell, f"{self.target}/", "."], "."), self.here

    def finished(self, command, folder):
        return command


class RsyncAndSync(Rsync):
    """What brake promises when it returns: that all of it survives a power cut."""

    label = "rsync+sync"

    def finished(self, command, folder):
        host, _, path = folder.rpartition(":")
        sync = ["sync", "-f", path]
        if host:
            # -e and the command that connects.
            sync = [*shlex.split(self.shell[1]), host, shlex.join(sync)]
        return ["sh", "-c", f"{shlex.join(command)} && {shlex.join(sync)}"]


class Rclone(Side):
    command = "rclone"
    kinds = ("folder", "sftp", "WebDAV", "S3")

    def before_push(self):
        super().before_push()
        self.base, self.target = rclone(self.place, self.work, self.suffix)

    def push(self):
        return [*self.base, "copy", self.folder, self.target], self.work, {"AWS_CA_BUNDLE": ""}

    def pull(self):
        return [*self.base, "copy", self.target, "."], self.here, {"AWS_CA_BUNDLE": ""}


def rclone(place, work, suffix):
    """How rclone is called for a place, and what it calls a folder there."""
    parts, path = place.parts, place.parts.path + suffix
    lines = {"folder": ["type = local"]}
    if place.kind == "sftp":
        one = place.login
        key = os.path.expanduser(one["identityfile"])
        lines = ["type = sftp", f"host = {one['hostname']}", f"port = {one['port']}", f"user = {one['user']}", f"key_file = {key}"]
    elif place.kind == "WebDAV":
        lines = ["type = webdav", f"url = {parts.scheme}://{parts.netloc}", "vendor = other"]
        user = netrc.netrc().authenticators(parts.hostname)
        if user:
            hidden = subprocess.run(["rclone", "obscure", user[2]], capture_output=True, text=True, check=True).stdout
            lines += [f"user = {user[0]}", f"pass = {hidden.strip()}"]
    elif place.kind == "S3":
        lines = ["type = s3", "provider = Other", "env_auth = true"]
        if os.environ.get("AWS_ENDPOINT_URL"):
            lines.append(f"endpoint = {os.environ['AWS_ENDPOINT_URL']}")
        path = parts.netloc + parts.path + suffix
    else:
        lines = ["type = local"]
    with open(f"{work}/rclone.conf", "w") as file:
        file.write("[place]\n" + "\n".join(lines) + "\n")
    return ["rclone", "--config", f"{work}/rclone.conf", "--transfers", "16", "--checkers", "16"], f"place:{path}"


class Restic(Side):
    command = "restic"
    kinds = ("folder", "sftp", "WebDAV", "S3")

    @classmethod
    def takes_part(cls, place):
        return super().takes_part(place) and (place.kind != "WebDAV" or shutil.which("rclone") is not None)

    def before_push(self):
        super().before_push()
        parts, self.options = self.place.parts, []
        if self.place.kind == "folder":
            self.target = self.place.address + self.suffix
        elif self.place.kind == "sftp":
            port = f" -p {parts.port}" if parts.port else ""
            self.target = f"sftp:{parts.hostname}:{parts.path}{self.suffix}"
            self.options = ["-o", f"sftp.command={SSH}{port} {parts.hostname} -s sftp"]
        elif self.place.kind == "S3":
            endpoint = os.environ.get("AWS_ENDPOINT_URL", "https://s3.amazonaws.com")
            self.target = f"s3:{endpoint}/{parts.netloc}{parts.path}{self.suffix}"
        else:
            base, folder = rclone(self.place, self.work, self.suffix)
            self.target = f"rclone:{folder}"
            arguments = " ".join(base[1:]) + " serve restic --stdio --b2-hard-delete"
            self.options = ["-o", "rclone.program=rclone", "-o", f"rclone.args={arguments}"]
        self.secret = {"RESTIC_PASSWORD": "x", "RESTIC_CACHE_DIR": f"{self.work}/restic{self.suffix}"}
        prepare([*self.base(), "init"], self.work, self.secret)

    def base(self):
        return ["restic", "-r", self.target, *self.options]

    def push(self):
        return [*self.base(), "backup", self.folder], self.work, self.secret

    def pull(self):
        # Who fetches it for the first time remembers nothing of it.
        secret = {**self.secret, "RESTIC_CACHE_DIR": f"{self.here}/cache"}
        return [*self.base(), "restore", "latest", "--target", "."], self.here, secret


class Dvc(Side):
    command = DVC
    kinds = ("folder", "sftp", "WebDAV", "S3")

    def __init__(self, place, folder, work):
        super().__init__(place, folder, work)
        self.there = f"{work}/dvc-{place.kind}-{folder}"
        shutil.copytree(f"{work}/{folder}", f"{self.there}/{folder}")
        self.begin(self.there)
        prepare([DVC, "add", "-q", folder], self.there, self.quiet(self.there))

    def quiet(self, folder):
        return {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": f"{folder}/.site"}

    def begin(self, folder):
        prepare([DVC, "init", "-q", "--no-scm"], folder, self.quiet(folder))
        prepare([DVC, "config", "core.analytics", "false"], folder, self.quiet(folder))
        prepare([DVC, "config", "core.check_update", "false"], folder, self.quiet(folder))

    def before_push(self):
        super().before_push()
        place, parts = self.place, self.place.parts
        options = {}
        if place.kind == "sftp":
            one = place.login
            self.target = f"ssh://{one['user']}@{one['hostname']}:{one['port']}{parts.path}{self.suffix}"
            options["keyfile"] = os.path.expanduser(one["identityfile"])
        elif place.kind == "WebDAV":
            scheme = "webdavs" if parts.scheme == "https" else "webdav"
            self.target = f"{scheme}://{parts.netloc}{parts.path}{self.suffix}"
            user = netrc.netrc().authenticators(parts.hostname)
            if user:
                options |= {"user": user[0], "password": user[2]}
            make_collection(f"{place.address}{self.suffix}/", user)
        elif place.kind == "S3" and os.environ.get("AWS_ENDPOINT_URL"):
            options["endpointurl"] = os.environ["AWS_ENDPOINT_URL"]
        self.remote = [("url", self.target), *options.items()]
        self.name_place(self.there)

    def name_place(self, folder):
        prepare([DVC, "remote", "add", "-f", "-d", "place", self.target], folder, self.quiet(folder))
        for name, value in self.remote[1:]:
            prepare([DVC, "remote", "modify", "place", name, value], folder, self.quiet(folder))

    def before_pull(self):
        super().before_pull()
        self.begin(self.here)
        self.name_place(self.here)
        shutil.copy(f"{self.there}/{self.folder}.dvc", self.here)

    def push(self):
        return [DVC, "push", "-q", "-j", "16"], self.there, self.quiet(self.there)

    def pull(self):
        # Into its cache, as brake into its store.
        return [DVC, "fetch", "-q", "-j", "16"], self.here, self.quiet(self.here)


def make_collection(url, user):
    """DVC wants the folder of its place to be there on a WebDAV server."""
    request = urllib.request.Request(url, method="MKCOL")
    if user:
        word = base64.b64encode(f"{user[0]}:{user[2]}".encode()).decode()
        request.add_header("Authorization", f"Basic {word}")
    urllib.request.urlopen(request).close()


ALL = [Brake, Rsync, RsyncAndSync, Rclone, Restic, Dvc]

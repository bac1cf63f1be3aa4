"""Files of a store on this machine. Links are not followed, and nothing but regular files is opened."""

from __future__ import annotations

import os
import stat
from typing import List, Optional

from .errors import BrakeError, Damaged


class LocalFile:
    """A regular file, open for reading at any place until nobody uses it any more."""

    #: Whether it can be kept open at no cost: not so, descriptors are few.
    is_cheap = False

    def __init__(self, descriptor: int, size: int, path: str) -> None:
        self._descriptor = descriptor
        self.size = size
        self.path = path

    def read(self, offset: int, count: int) -> bytes:
        """Reads exactly so many bytes."""
        parts = []
        while count > 0:
            try:
                part = os.pread(self._descriptor, min(count, 1 << 24), offset)
            except OSError as error:
                raise BrakeError(f"{self.path} cannot be read: {error.strerror}") from error
            if not part:
                raise Damaged(f"{self.path} is cut short")
            parts.append(part)
            offset += len(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __del__(self) -> None:
        os.close(self._descriptor)


class LocalFolder:
    """The folder of a store. Paths inside it are written with slashes."""

    #: Whether the names of what is in it can be had.
    can_list = True

    def __init__(self, path: "os.PathLike[str] | str") -> None:
        self.path = os.path.abspath(os.fspath(path))

    def __str__(self) -> str:
        return self.path

    def look_again(self) -> None:
        """Each look is a new one."""

    def open(self, path: str) -> Optional[LocalFile]:
        """The file at a path; None if there is nothing."""
        try:
            folder = self._folder(path.split("/")[:-1])
            if folder is None:
                return None
            try:
                return self._file(folder, path)
            finally:
                os.close(folder)
        except (OSError, ValueError) as error:
            raise BrakeError(f"{self.path}/{path} cannot be read: {error}") from error

    def names(self, path: str) -> List[str]:
        """What is in a folder, sorted; nothing if there is none."""
        try:
            folder = self._folder(path.split("/"))
            if folder is None:
                return []
            try:
                return sorted(os.listdir(folder))
            finally:
                os.close(folder)
        except (OSError, ValueError) as error:
            raise BrakeError(f"{self.path}/{path} cannot be read: {error}") from error

    def _folder(self, parts: List[str]) -> Optional[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            folder = os.open(self.path, flags)
        except (FileNotFoundError, NotADirectoryError):
            return None
        for part in parts:
            try:
                status = os.stat(part, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISLNK(status.st_mode):
                    raise BrakeError(f"{self.path}/{'/'.join(parts)}: {part} is a link, and links in a store are not followed")
                inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
            except (FileNotFoundError, NotADirectoryError):
                return None
            finally:
                os.close(folder)
            folder = inner
        return folder

    def _file(self, folder: int, path: str) -> Optional[LocalFile]:
        name = path.split("/")[-1]
        where = f"{self.path}/{path}"
        try:
            # Opening a device can do something to it: it is looked at first.
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISLNK(mode):
                raise BrakeError(f"{where} is a link, and links in a store are not followed")
            if not stat.S_ISREG(mode):
                raise BrakeError(f"{where} is no regular file")
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=folder)
        except FileNotFoundError:
            return None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise BrakeError(f"{where} is no regular file")
        return LocalFile(descriptor, status.st_size, where)

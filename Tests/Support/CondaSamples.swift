import Foundation

/// Conda environments: packages that a test writes, which rattler resolves and installs as it does published ones.
public enum CondaSamples {
  /// Makes an environment with this machine's Python as a package, a module `thing` with the number `value`, and a library.
  ///
  /// - Parameter path: where it is made.
  public static func makeEnvironment(at path: String, value: Int, in folder: TemporaryFolder) throws {
    let channel = folder["channel-\(value)"]
    guard PythonSamples.run("rattler-python", ["-c", script, channel, path, "1.5=\(value)"]) == 0 else {
      throw CocoaError(.fileWriteUnknown)
    }
  }

  /// Writes a channel with this machine's Python and its pip as packages, and two versions of the module: 1.5 with 5, 1.6 with 6.
  ///
  /// - Returns: its address.
  public static func writeChannel(in folder: TemporaryFolder) throws -> String {
    let channel = folder["channel"]
    guard PythonSamples.run("rattler-python", ["-c", script, channel, "", "1.5=5", "1.6=6"]) == 0 else {
      throw CocoaError(.fileWriteUnknown)
    }
    return "file://" + channel
  }

  private static let script = """
    import asyncio, hashlib, io, json, os, sys, sysconfig, tarfile
    import rattler
    from rattler.index import index_fs
    channel, prefix, *things = sys.argv[1:]
    noarch = {"noarch": "python", "depends": ["python"]}

    def package(name, version, build, subdir, files, entry_points=(), **more):
        index = {"name": name, "version": version, "build": build, "build_number": 0, "depends": [], "subdir": subdir, **more}
        paths = [{"_path": path, "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
                 for path, (data, _) in sorted(files.items())]
        info = {
            "info/index.json": json.dumps(index), "info/files": "".join(path + "\\n" for path in sorted(files)),
            "info/paths.json": json.dumps({"paths_version": 1, "paths": paths}),
        }
        if "noarch" in more:
            info["info/link.json"] = json.dumps({"noarch": {"type": "python", "entry_points": entry_points}, "package_metadata_version": 1})
        os.makedirs(f"{channel}/{subdir}", exist_ok=True)
        with tarfile.open(f"{channel}/{subdir}/{name}-{version}-{build}.tar.bz2", "w:bz2", compresslevel=1) as archive:
            for path, (data, mode) in {**{path: (text.encode(), 0o644) for path, text in info.items()}, **files}.items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(data), mode
                archive.addfile(entry, io.BytesIO(data))

    def contents(path):
        with open(path, "rb") as file:
            return file.read()

    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    files = {"bin/python3": (contents(os.path.realpath(sys.executable)), 0o755)}
    library = sysconfig.get_path("stdlib")
    for folder, inner, names in os.walk(library):
        left_out = {"test", "idlelib", "tkinter", "ensurepip", "lib2to3", "pydoc_data", "unittest", "__pycache__", "dist-packages", "site-packages"}
        inner[:] = [name for name in inner if name not in left_out and not name.startswith("config-")]
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                data = contents(path)
                # Debian's Python looks for packages in folders of another name.
                if path == library + "/site.py":
                    data = data.replace(b"dist-packages", b"site-packages")
                files[f"lib/{version}/" + os.path.relpath(path, library)] = (data, 0o755 if os.access(path, os.X_OK) else 0o644)
    package("python", sys.version.split()[0], "0_cpython", "linux-64", files)
    for number, value in (thing.split("=") for thing in things):
        package("thing", number, "pyh_0", "noarch", {
            "site-packages/thing.py": (f"value = {value}\\ndef main():\\n    print(value)\\n".encode(), 0o644),
            f"site-packages/thing-{number}.dist-info/METADATA":
                (f"Metadata-Version: 2.1\\nName: thing\\nVersion: {number}\\n".encode(), 0o644),
        }, entry_points=["say-thing = thing:main"], **noarch)
    package("gold", "2.0", "h_1", "linux-64", {"share/gold.txt": (b"gold\\n", 0o644)})

    if not prefix:
        import pip
        top = os.path.dirname(os.path.dirname(pip.__file__))
        files = {}
        for name in ["pip", f"pip-{pip.__version__}.dist-info"]:
            for folder, inner, names in os.walk(os.path.join(top, name)):
                inner[:] = [name for name in inner if name != "__pycache__"]
                for path in (os.path.join(folder, name) for name in names):
                    files["site-packages/" + os.path.relpath(path, top)] = (contents(path), 0o644)
        package("pip", pip.__version__, "pyh_0", "noarch", files, **noarch)

    async def main():
        await index_fs(channel)
        if not prefix:
            return
        records = await rattler.solve(
            sources=[rattler.Channel("file://" + channel)], specs=["thing", "gold"], platforms=["linux-64", "noarch"], virtual_packages=[])
        await rattler.install(records, target_prefix=prefix, cache_dir=channel + "-cache", show_progress=False)

    asyncio.run(main())
    # Threads of rattler's that still run can bring Python down when it ends as usual.
    os._exit(0)
    """
}

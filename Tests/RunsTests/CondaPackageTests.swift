import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Runs

/// What is read of a conda environment, of folders as its installers write them.
@Suite struct CondaPackageTests {
  private let folder = TemporaryFolder()

  private func environment(_ name: String, _ files: [String: String]) -> String {
    folder.write("", to: "\(name)/conda-meta/history")
    folder.write("", to: "\(name)/lib/python3.11/site-packages/README.txt")
    for (file, text) in files { folder.write(text, to: "\(name)/\(file)") }
    return folder[name]
  }

  private func installed(_ environment: String) throws -> InstalledPackages {
    let store = try Store(at: folder["store"])
    return try InstalledPackages(
      in: environment, isConda: true, files: StatCache(store: store), on: store.files)
  }

  private func thing(_ digest: String = "abc", more: String = "") -> [String: String] {
    [
      "conda-meta/thing-1.5-0.json": """
      {"build": "0", "name": "thing", "version": "1.5", "subdir": "noarch", \(more)
       "paths_data": {"paths_version": 1, "paths": [
        {"_path": "lib/python3.11/site-packages/thing/core.py", "path_type": "hardlink", "sha256": "\(digest)"},
        {"_path": "lib/python3.11/site-packages/thing/core.pyc", "path_type": "pyc_file"},
        {"_path": "lib/libthing.so", "path_type": "softlink", "sha256": "def"}]}}
      """,
      "lib/python3.11/site-packages/thing/core.py": "value = 1",
    ]
  }

  @Test func `What it was fetched from and where it stands changes nothing, its contents do`() throws {
    let one = try installed(environment("one", thing()))
    #expect(one.versions == ["conda thing": "1.5 0"])
    let fetched = thing(more: "\"url\": \"file:///elsewhere\", \"sha256\": \"of the archive\", \"size\": 5,")
    #expect(try installed(environment("far/two", fetched)).digest == one.digest)
    #expect(try installed(environment("three", thing("abd"))).digest != one.digest)
    var loose = thing()
    loose["lib/python3.11/site-packages/thing/mine.py"] = "value = 2"
    #expect(try installed(environment("four", loose)).digest != one.digest)
    // pip and what it was put there with do not count.
    var withPip = thing()
    withPip["conda-meta/pip-24-0.json"] = "{\"name\": \"pip\", \"version\": \"24\", \"md5\": \"x\"}"
    #expect(try installed(environment("five", withPip)).digest == one.digest)
  }

  @Test
  func `Of a package for any Python it does not matter who installed it, nor what was made where it was`()
    throws
  {
    func package(_ start: String, scripts: String, entryPoint: String) -> [String: String] {
      [
        "conda-meta/tool-1-0.json": """
        {"build": "0", "name": "tool", "version": "1", "subdir": "noarch", "noarch": "python", "sha256": "of the archive",
         "paths_data": {"paths_version": 1, "paths": [
          {"_path": "\(start)tool.py", "path_type": "hardlink", "sha256": "abc"},
          {"_path": "\(scripts)script", "path_type": "hardlink", "sha256": "def"},
          {"_path": "bin/tool", "path_type": "unix_python_entry_point"\(entryPoint)}]}}
        """,
        "lib/python3.11/site-packages/tool.py": "value = 1",
      ]
    }
    let here = "lib/python3.11/site-packages/"
    // As rattler, micromamba and conda write it.
    let one = try installed(
      environment("one", package(here, scripts: "bin/", entryPoint: ", \"sha256\": \"with /one\"")))
    let two = try installed(environment("two", package(here, scripts: "bin/", entryPoint: "")))
    let three = try installed(
      environment("three", package("site-packages/", scripts: "python-scripts/", entryPoint: "")))
    #expect(one.digest == two.digest && one.digest == three.digest)
    // What stands there beside it is told from what it has brought.
    folder.write("value = 2", to: "three/lib/python3.11/site-packages/mine.py")
    #expect(try installed(folder["three"]).digest != one.digest)
  }

  @Test func `What pip has installed there counts as in a virtual environment`() throws {
    let one = try installed(environment("one", thing()))
    var files = thing()
    files["lib/python3.11/site-packages/extra-2.0.dist-info/RECORD"] = "extra.py,sha256=abc,1\n"
    files["lib/python3.11/site-packages/extra.py"] = "x"
    let more = try installed(environment("two", files))
    #expect(more.versions == ["conda thing": "1.5 0", "extra": "2.0"])
    #expect(more.digest != one.digest)
  }

  @Test func `A package without digests of its files is told by that of its archive`() throws {
    func package(_ more: String) -> [String: String] {
      ["conda-meta/old-1-0.json": "{\"name\": \"old\", \"version\": \"1\", \"files\": [\"bin/old\"]\(more)}"]
    }
    let digest = try installed(environment("one", package(", \"md5\": \"abc\""))).digest
    #expect(try installed(environment("two", package(", \"md5\": \"abd\""))).digest != digest)
    let error = #expect(throws: Failure.self) { try installed(environment("three", package(""))) }
    #expect(error?.headline.contains("does not say what the package contains") == true, "\(error as Any)")
    #expect(throws: Failure.self) {
      try installed(environment("four", ["conda-meta/bad.json": "{\"name\": 5"]))
    }
  }

  @Test func `Two names of one folder of packages are one`() throws {
    let path = environment("one", thing())
    let digest = try installed(path).digest
    try FileManager.default.createSymbolicLink(
      atPath: path + "/lib/python3.1", withDestinationPath: "python3.11")
    #expect(try installed(path).digest == digest)
  }

  @Test func `A virtual environment is no conda environment, and the other way round`() throws {
    folder.write("home = /usr/bin\n", to: "venv/pyvenv.cfg")
    folder.write("", to: "venv/lib/python3.11/site-packages/README.txt")
    let error = #expect(throws: Failure.self) { try installed(folder["venv"]) }
    #expect(error?.headline.contains("there is no conda environment") == true, "\(error as Any)")
    let path = environment("one", thing())
    let store = try Store(at: folder["store"])
    let other = #expect(throws: Failure.self) {
      try InstalledPackages(in: path, files: StatCache(store: store), on: store.files)
    }
    #expect(other?.hint?.contains("python: { conda: ... }") == true, "\(other as Any)")
  }
}

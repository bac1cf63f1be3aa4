import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Runs

/// What is read of a virtual environment, of folders as installers write them.
@Suite struct InstalledPackagesTests {
  private let folder = TemporaryFolder()

  private func environment(_ name: String, _ files: [String: String]) -> String {
    folder.write("home = /usr/bin\ninclude-system-site-packages = false\n", to: "\(name)/pyvenv.cfg")
    for (file, text) in files { folder.write(text, to: "\(name)/lib/python3.11/site-packages/\(file)") }
    return folder[name]
  }

  private func installed(_ environment: String) throws -> InstalledPackages {
    let store = try Store(at: folder["store"])
    return try InstalledPackages(in: environment, files: StatCache(store: store), on: store.files)
  }

  private func thing(_ record: String = "thing.py,sha256=abc,10\n") -> [String: String] {
    [
      "thing.py": "value = 1", "My_Thing-1.5.dist-info/RECORD": record,
      "My_Thing-1.5.dist-info/INSTALLER": "pip",
    ]
  }

  @Test func `Where, by whom and in which order it was installed changes nothing`() throws {
    let one = try installed(environment("one", thing("thing.py,sha256=abc,10\nthing.txt,sha256=def,1\n")))
    let record = """
      thing.txt,sha256=def,1\r
      ../../../bin/thing,sha256=other,20\r
      My_Thing-1.5.dist-info/INSTALLER,sha256=uv,2\r
      My_Thing-1.5.dist-info/REQUESTED,sha256=empty,0\r
      __pycache__/thing.cpython-311.pyc,,\r
      My_Thing-1.5.dist-info/RECORD,,\r
      thing.py,sha256=abc,10\r

      """
    let other = try installed(environment("far/two", thing(record)))
    #expect(one.versions == ["my-thing": "1.5"])
    #expect(other.versions == one.versions)
    #expect(other.digest == one.digest)
  }

  @Test func `Another byte of an installed file, another version and a loose module are another environment`()
    throws
  {
    let digest = try installed(environment("one", thing())).digest
    #expect(try installed(environment("two", thing("thing.py,sha256=abd,10\n"))).digest != digest)
    var files = thing()
    files["My_Thing-1.6.dist-info/RECORD"] = files.removeValue(forKey: "My_Thing-1.5.dist-info/RECORD")
    #expect(try installed(environment("three", files)).digest != digest)
    let loose = try installed(environment("four", thing().merging(["extra/a.py": "1"]) { $1 })).digest
    #expect(loose != digest)
    #expect(try installed(environment("five", thing().merging(["extra/a.py": "2"]) { $1 })).digest != loose)
    let cached = ["extra/a.py": "1", "extra/__pycache__/a.pyc": "x", "__pycache__/b.pyc": "y"]
    #expect(try installed(environment("six", thing().merging(cached) { $1 })).digest == loose)
  }

  @Test func `A module beside the files of a distribution counts, and so does what is in it`() throws {
    let package = [
      "lab/core.py": "x", "lab/inner/a,b.py": "x", "lab-1.0.dist-info/METADATA": "x",
      "lab-1.0.dist-info/RECORD": "lab/core.py,sha256=abc,1\n\"lab/inner/a,b.py\",sha256=abd,1\n",
    ]
    let digest = try installed(environment("one", package)).digest
    // What a RECORD names counts as it says.
    let edited = package.merging(["lab/core.py": "y", "lab/inner/a,b.py": "y"]) { $1 }
    #expect(try installed(environment("two", edited)).digest == digest)
    let cached = package.merging(["lab/inner/__pycache__/core.pyc": "y"]) { $1 }
    #expect(try installed(environment("three", cached)).digest == digest)
    var found: Set = [digest]
    for (place, text) in [("lab/mine.py", "X = 1"), ("lab/mine.py", "X = 2"), ("lab/inner/mine.py", "X = 1")]
    {
      let loose = package.merging([place: text]) { $1 }
      found.insert(try installed(environment("loose-\(found.count)", loose)).digest)
    }
    #expect(found.count == 4)
  }

  @Test func `A file that is put beside those of a distribution, or changes there, is seen`() throws {
    let files = ["lab/core.py": "x", "lab-1.0.dist-info/RECORD": "lab/core.py,sha256=abc,1\n"]
    let environment = environment("one", files)
    let before = try installed(environment)
    #expect(before.isCurrent(on: LocalFileSystem()))
    let place = "one/lib/python3.11/site-packages/lab/mine.py"
    // File systems tell times in steps.
    usleep(20_000)
    folder.write("X = 1", to: place)
    #expect(!before.isCurrent(on: LocalFileSystem()))
    let after = try installed(environment)
    folder.write("X = 10", to: place)
    #expect(!after.isCurrent(on: LocalFileSystem()))
  }

  @Test func `pip itself is none of the packages`() throws {
    let digest = try installed(environment("one", thing())).digest
    let pip = ["pip/a.py": "", "pip-23.0.dist-info/RECORD": "pip/a.py,sha256=x,0\n"]
    let other = try installed(environment("two", thing().merging(pip) { $1 }))
    #expect(other.digest == digest)
    #expect(other.versions == ["my-thing": "1.5"])
  }

  @Test(arguments: [
    (
      ["My_Thing-1.5.dist-info/direct_url.json": #"{"dir_info":{"editable":true},"url":"file:///x"}"#],
      "'my-thing' is installed in editable form"
    ),
    (["thing.egg-link": "/x"], "'thing' is installed in editable form"),
    (
      ["mine.pth": "# a comment\nimport os\n/home/me/src\n"],
      "mine.pth makes modules of another folder importable"
    ),
  ])
  func `What can change unseen is refused`(files: [String: String], headline: String) throws {
    let error = #expect(throws: Failure.self) {
      try installed(environment("one", thing().merging(files) { $1 }))
    }
    #expect(error?.headline.hasPrefix(headline) == true, "\(error.map { "\($0)" } ?? "")")
    #expect(error?.hint != nil)
  }

  @Test func `A path file that only executes something is read by its bytes`() throws {
    let digest = try installed(environment("one", thing())).digest
    let other = environment("two", thing().merging(["_virtualenv.pth": "import _virtualenv"]) { $1 })
    #expect(try installed(other).digest != digest)
  }

  @Test func `What is no environment, or shows what the system has, is refused with what to do`() throws {
    folder.write("", to: "conda/conda-meta/history")
    #expect(throws: Failure.self) { try installed(folder["conda"]) }
    folder.write("include-system-site-packages = True\n", to: "open/pyvenv.cfg")
    let error = #expect(throws: Failure.self) { try installed(folder["open"]) }
    #expect(error?.hint?.contains("--system-site-packages") == true)
    folder.write("home = x\n", to: "empty/pyvenv.cfg")
    let empty = #expect(throws: Failure.self) { try installed(folder["empty"]) }
    #expect(empty?.headline.contains("no folder of packages") == true)
  }

  private func requirements(_ digest: Digest) -> EnvironmentSource.File {
    EnvironmentSource.File(digest: digest, path: folder["requirements.txt"], name: "requirements.txt")
  }

  @Test(arguments: [
    "torch==2.5.1\n-r more.txt\n", "--requirement=more.txt\n", "-c limits.txt\n", "  -e .\n",
    "--editable ./mine\n",
    "-rmore.txt",
  ])
  func `Requirements that stand in other files, or may change, are refused`(text: String) throws {
    folder.write(text, to: "requirements.txt")
    let error = #expect(throws: Failure.self) {
      try RequirementsFile(requirements(Digest(of: Array(text.utf8))), on: LocalFileSystem())
    }
    #expect(error?.headline.hasPrefix("a file of requirements of a stage must hold all") == true)
  }

  @Test func `Requirements that changed meanwhile are not taken for those that were looked at`() throws {
    folder.write("-i https://example.org/simple\nnumpy\nrich -- extra\n", to: "requirements.txt")
    #expect(throws: Failure.self) {
      try RequirementsFile(requirements(Digest(of: [])), on: LocalFileSystem())
    }
  }
}

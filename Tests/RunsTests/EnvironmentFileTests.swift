import Actions
import Artefacts
import Foundation
import JSON
import Support
import System
import Testing

@testable import Runs

@Suite struct EnvironmentFileTests {
  private let folder = TemporaryFolder()

  private func file(_ text: String) throws -> EnvironmentFile {
    let path = folder.write(text, to: "environment.yml")
    let digest = Digest(of: Array(text.utf8))
    return try EnvironmentFile(
      EnvironmentSource.File(digest: digest, path: path, name: "environment.yml"), on: LocalFileSystem())
  }

  @Test func `A file says what is wanted, from where, and what pip installs`() throws {
    let file = try file(
      """
      name: lab
      channels:
        - conda-forge
        - nodefaults
      dependencies:
        - python=3.11
        - numpy >=1.26,<2   # as text
        - pip:
          - --no-index
          - rich==13.0
      variables:
        OMP_NUM_THREADS: 1
      """)
    #expect(file.channels == ["conda-forge", "nodefaults"])
    #expect(file.packages == ["python=3.11", "numpy >=1.26,<2"])
    #expect(file.requirements == ["--no-index", "rich==13.0"])
    let contents = file.contents(name: "environment.yml")
    #expect(contents.files.map(\.name) == ["environment.yml", "packages.json", "requirements.txt"])
    let wanted = try JSON(parsing: contents.files[1].bytes)
    #expect(wanted["packages"] == ["python=3.11", "numpy >=1.26,<2", "pip"])
    #expect(String(decoding: contents.files[2].bytes, as: UTF8.self) == "--no-index\nrich==13.0\n")
    #expect(contents.notes.count == 1 && contents.notes[0].contains("OMP_NUM_THREADS"))
    #expect(try self.file("dependencies: [python]").contents(name: "e").files.count == 2)
  }

  @Test(arguments: [
    ("", "there is nothing in this file"),
    ("dependencies: [python\n", "it is not read"),
    ("dependencies: &a [python]\n", "anchors are not supported"),
    ("channels: [conda-forge]\n", "it has no 'dependencies:'"),
    ("- python\n", "it has no 'dependencies:'"),
    ("dependencies:\n", "'dependencies:' is no list"),
    ("dependencies: []\n", "'dependencies:' is no list"),
    ("dependencies: python\n", "'dependencies:' is no list"),
    ("dependencies: [[python]]\n", "neither a package nor pip:"),
    ("dependencies: [{ uv: [rich] }]\n", "neither a package nor pip:"),
    ("dependencies: [{ pip: rich }]\n", "neither a package nor pip:"),
    ("dependencies: [{ pip: [{ a: b }] }]\n", "'pip:' has an entry that is no line of text"),
    ("dependencies: [{ pip: [\"a\\nb\"] }]\n", "'pip:' has an entry that is no line of text"),
    ("dependencies: [python]\nchannels: conda-forge\n", "'channels:' is no list"),
    ("dependencies: [python]\nchannels: [[a]]\n", "'channels:' has an entry that is no line"),
    ("@EXPLICIT\nhttps://example.org/linux-64/a.conda\n", "it is not read"),
  ])
  func `What is no such file is refused, with what is wrong`(text: String, message: String) throws {
    let error = #expect(throws: Failure.self) { try file(text) }
    #expect(error?.headline.contains(message) == true, "\(String(describing: error))")
    #expect(error?.facts.contains { $0.label == "file" } == true)
  }

  @Test func `What YAML says of a file is passed on with its place and what to do about it`() throws {
    let error = #expect(throws: Failure.self) { try file("dependencies:\n  - &a python\n") }
    let cause = try #require(error?.cause as? PipelineError)
    #expect(error?.hint == cause.hint && cause.hint != nil)
    #expect(error?.facts.contains { $0.label == "line" && $0.value.hasPrefix("2, ") } == true)
  }

  @Test(arguments: ["-r other.txt", "--constraint=other.txt", "-e .", "--editable ./mine"])
  func `Requirements that stand elsewhere, or may change, are refused there, too`(line: String) throws {
    let error = #expect(throws: Failure.self) { try file("dependencies: [python, { pip: [\"\(line)\"] }]\n") }
    #expect(error?.headline.hasPrefix("an environment file of a stage must hold all") == true)
    #expect(error?.facts.contains { $0.value == line } == true)
  }

  @Test func `A file that changed meanwhile is not taken for the one that was looked at`() throws {
    let path = folder.write("dependencies: [python]\n", to: "environment.yml")
    let file = EnvironmentSource.File(digest: Digest(of: []), path: path, name: "environment.yml")
    #expect(throws: Failure.self) { try EnvironmentFile(file, on: LocalFileSystem()) }
  }
}

@Suite struct CondaMakerTests {
  @Test func `Of the programs that make environments the first one is taken`() throws {
    let folder = TemporaryFolder()
    #expect(CondaMaker(in: folder.path) == nil)
    let makers: [(program: String, kind: CondaMaker.Kind, words: [String])] = [
      ("python3", .rattler, ["-c"]), ("conda", .conda, ["env", "create"]),
      ("mamba", .mamba, ["env", "create"]),
      ("micromamba", .micromamba, ["create"]),
    ]
    for (program, kind, words) in makers {
      let path = folder.write("", to: program)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
      let maker = try #require(CondaMaker(in: folder.path))
      #expect(maker.kind == kind)
      let line = maker.line(in: "/entry", making: "/entry/venv")
      #expect(Array(line.prefix(1 + words.count)) == [path] + words)
      let rest = ["--prefix", "/entry/venv", "--file", "/entry/environment.yml"]
      #expect(kind == .rattler ? line.last == "/entry/venv" : Array(line.suffix(4)) == rest)
    }
  }

  @Test func `An environment is for a machine as it is, or as it is said to be`() {
    let plain = CondaMaker.target(["PATH": "/bin"])
    #expect(plain.hasPrefix("conda linux-"))
    let said = CondaMaker.target(["CONDA_OVERRIDE_GLIBC": "2.28", "CONDA_OVERRIDE_CUDA": "12.4"])
    #expect(said == plain + " CONDA_OVERRIDE_CUDA=12.4 CONDA_OVERRIDE_GLIBC=2.28")
  }
}

import Foundation
import Glibc
import JSON
import Support
import System
import Testing

@testable import Actions
@testable import Runners

/// Which members of a growing output count as finished, by what stands in the folder of a command and how the command came to its end.
@Suite struct FinishedMemberTests {
  private let folder = TemporaryFolder()
  private let files = LocalFileSystem()

  private func growing() -> GrowingOutputs {
    let command = ActionCommand(text: "true", shell: .bash, growing: ["c"])
    let output = OutputDeclaration("c", file: "ckpt/", keyed: true, help: "")
    let action = Action(
      name: "train", position: Position(file: "brake.yaml", line: 1, column: 1), work: .command(command),
      inputs: [], outputs: [output], resources: .undeclared, manifest: [:])
    try! files.makeFolder(folder["ckpt"])
    return GrowingOutputs(action, command, folder: folder.path, files: files)
  }

  /// As it is after it was told to end by a signal that one of its processes does something about.
  private func told(_ growing: inout GrowingOutputs) {
    growing.foresee(.telling)
    growing.foresee(.heard)
  }

  private func places(_ members: [GrownMember]) -> Set<String> { Set(members.map(\.place)) }

  /// Writes a file, which nobody has open then: a process that another test starts has for a moment what is open here.
  private func write(_ text: String, to name: String) {
    try! files.makeFolders(parentFolder(of: folder[name]))
    try! files.write(Array(text.utf8), to: folder[name])
    for _ in 0..<1000 where FileWriters.areThere(at: folder[name]) == true { usleep(10_000) }
  }

  private func open(_ name: String) -> FileHandle {
    write("half", to: name)
    return FileHandle(forUpdatingAtPath: folder[name])!
  }

  /// Makes all in a folder older than anything that is done to it from now on.
  private func age(_ names: String...) throws {
    for name in names { try files.setModified(folder[name], to: 1_000_000_000) }
  }

  @Test(arguments: [false, true])
  func `A folder between two of whose files the command was told to end is finished if it goes on after that`(
    isSeen: Bool
  ) {
    var growing = growing()
    for name in ["half", "completed"] { write("model", to: "ckpt/\(name)/model") }
    if isSeen { #expect(growing.finished().isEmpty) }
    told(&growing)
    // By a handler.
    write("optimizer", to: "ckpt/completed/optimizer")
    write("model", to: "ckpt/saved/model")
    growing.foresee(.killing(isBusy: false))
    #expect(places(growing.finishedInTheEnd()) == ["ckpt/completed", "ckpt/saved"])
  }

  @Test(arguments: [false, true])
  func `A file that was open when the command was told to end is not finished by being closed`(isSeen: Bool)
    throws
  {
    var growing = growing()
    let (file, inner) = (open("ckpt/open.pt"), open("ckpt/open/model"))
    write("whole", to: "ckpt/closed.pt")
    if isSeen { #expect(growing.finished().isEmpty) }
    told(&growing)
    for file in [file, inner] {
      try file.write(contentsOf: Data("not half any more".utf8))
      try file.close()
    }
    write("whole", to: "ckpt/handler.pt")
    #expect(places(growing.finishedInTheEnd()) == ["ckpt/closed.pt", "ckpt/handler.pt"])
  }

  @Test func `What is open when a process is killed that was only stopped is not finished`() throws {
    var growing = growing()
    told(&growing)
    let file = open("ckpt/stopped.pt")
    write("model", to: "ckpt/saved/model")
    growing.foresee(.killing(isBusy: false))
    try file.close()
    #expect(places(growing.finishedInTheEnd()) == ["ckpt/saved"])
  }

  @Test func `Of what was killed while it saved, no folder is finished, and no file that was open`() throws {
    var growing = growing()
    told(&growing)
    let file = open("ckpt/open.pt")
    write("whole", to: "ckpt/closed.pt")
    write("model", to: "ckpt/folder/model")
    growing.foresee(.killing(isBusy: true))
    try file.close()
    #expect(places(growing.finishedInTheEnd()) == ["ckpt/closed.pt"])
  }

  @Test func `Where nobody does anything about the signal, nothing is finished by it`() {
    var growing = growing()
    growing.foresee(.telling)
    write("whole", to: "ckpt/closed.pt")
    growing.foresee(.killing(isBusy: true))
    #expect(growing.finishedInTheEnd().isEmpty)
  }

  @Test func `A half folder does not become finished by standing there while others save`() {
    var growing = growing()
    write("model", to: "ckpt/half/model")
    write("whole", to: "ckpt/whole.pt")
    var found = places(growing.finished())
    told(&growing)
    // Both have been left alone for the same time.
    for _ in 0..<100 where !found.contains("ckpt/whole.pt") {
      usleep(100_000)
      found.formUnion(places(growing.finished()))
    }
    #expect(found == ["ckpt/whole.pt"])
  }

  @Test func `A folder that was renamed into its place is finished if nothing was written of it since`()
    throws
  {
    for name in ["whole", "added", "deep", "changed", "moved"] {
      write("model", to: "ckpt/.\(name)/model")
      write("config", to: "ckpt/.\(name)/more/config")
      try age("ckpt/.\(name)/model", "ckpt/.\(name)/more/config", "ckpt/.\(name)/more", "ckpt/.\(name)")
    }
    write("optimizer", to: "optimizer")
    try age("optimizer")
    var growing = growing()
    for name in ["whole", "added", "deep", "changed", "moved"] {
      try files.rename(folder["ckpt/.\(name)"], to: folder["ckpt/\(name)"])
    }
    write("optimizer", to: "ckpt/added/optimizer")
    write("optimizer", to: "ckpt/deep/more/optimizer")
    try files.write(Array("more".utf8), to: folder["ckpt/changed/model"], .appending)
    try files.rename(folder["optimizer"], to: folder["ckpt/moved/optimizer"])
    // However the command ends.
    #expect(places(growing.finishedInTheEnd()) == ["ckpt/whole"])
  }

  @Test func `A folder that is filled after it was renamed is not told while there is more to come`() throws {
    try files.makeFolder(folder["ckpt"])
    try files.makeFolder(folder["ckpt/.s"])
    var growing = growing()
    try files.rename(folder["ckpt/.s"], to: folder["ckpt/step_5"])
    write("model", to: "ckpt/step_5/model")
    #expect(growing.finished().isEmpty)
    #expect(growing.finishedInTheEnd().isEmpty)
  }

  @Test func `What was renamed in a folder that has moved away is not what has its name in the next one`()
    throws
  {
    var growing = growing()
    write("old", to: "ckpt/x.tmp")
    try files.rename(folder["ckpt/x.tmp"], to: folder["ckpt/x"])
    try files.rename(folder["ckpt"], to: folder["ckpt.old"])
    try files.makeFolder(folder["ckpt"])
    write("half", to: "ckpt/x")
    #expect(growing.finishedInTheEnd().isEmpty)
    // The new one is watched.
    write("whole", to: "ckpt/x.tmp")
    try files.rename(folder["ckpt/x.tmp"], to: folder["ckpt/x"])
    #expect(places(growing.finishedInTheEnd()) == ["ckpt/x"])
  }
}

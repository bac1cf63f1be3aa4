import Artefacts
import Glibc
import JSON
import System

extension Brake.Run {
  /// Starts the same run without this terminal, once its pipeline could be read.
  func goOnAlone() throws {
    // Before the folder is entered that -C names, which the other one does as well.
    let here = try LocalFileSystem().realPath(".")
    _ = try pipeline.text()
    let store = try pipeline.workspace.open(creating: true)
    try store.make()
    var arguments = Array(CommandLine.arguments.dropFirst())
    if let place = arguments.firstIndex(of: "--detach") { arguments.remove(at: place) }
    let root = try LocalFileSystem().realPath(store.root) ?? store.root
    if let here { chdir(here) }
    let run = try DetachedRun.start(arguments, in: Store(at: root))
    try json
      ? Output.print(["run": .string(run.name), "log": .string(run.log)])
      : Output.print(
        "run \(run.name) goes on without this terminal; 'brake attach \(run.name)' shows what it prints")
  }
}

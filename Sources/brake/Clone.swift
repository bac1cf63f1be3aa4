import ArgumentParser
import Artefacts
import Bundles
import Glibc
import JSON
import Remotes
import System

extension Brake {
  struct Clone: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "clone",
      abstract: "Make a folder to work in out of a bundle.",
      discussion: """
        It holds the pipeline and all that it reads, and a store with what was made and the records of how, each artefact compared \
        with its digest. Nothing is run: 'brake' in that folder finds what was made, and runs only what you change. The records are \
        somebody else's: --trust and 'trust' in the configuration say whose count. 'brake reproduce' runs all of it again instead.

        Commands of a pipeline do with your rights whatever their author wants: look at them before you run what has changed.
        """)

    @Flag(help: "Print one object.") var json = false
    @Argument(help: "A folder or .tar file that 'brake bundle' has written.", completion: .file()) var bundle:
      String
    @Argument(
      help: ArgumentHelp("The folder to make: one that is not there, or is empty.", valueName: "folder"),
      completion: .directory)
    var folder: String

    func run() async throws {
      let unpacked = isRegularFile(bundle) ? try ReproductionPlace(nil) : nil
      defer { unpacked?.remove() }
      let given = bundle
      if let unpacked {
        try await Transfer.run("unpacked", TransferProgress(), kept: false) {
          try BundleFolder.unpack(given, to: unpacked.path)
        }
      }
      let bundle = try BundleFolder(at: unpacked?.path ?? given)
      if try bundle.holds(folder) {
        throw Failure(
          .refused, "'\(folder)' is in the bundle, which is only read", hint: "give a folder beside it")
      }
      let place = try ReproductionPlace(folder)
      do { try await fill(place, with: bundle) } catch {
        // It was not there, or empty, so that all of it is from here.
        LocalFileSystem().removeAll(place.path)
        throw error
      }
    }

    private func fill(_ place: ReproductionPlace, with bundle: BundleFolder) async throws {
      let path = place.path
      try await Transfer.run("copied", TransferProgress(), kept: false) {
        try bundle.copyWorkspace(to: path)
        try bundle.check(bundle.pipelineFile(), [], in: path)
      }
      for source in try bundle.changedSources(in: place.path).prefix(20) {
        Output.note("note: \(source.visible()) is not what it was when the bundle was written")
      }
      try place.enter()
      let (name, given) = (ReproductionPlace.store(), self.bundle)
      let filling = try await Transfer.run("copied", TransferProgress(), kept: false) {
        try await bundle.fill(Store(at: name), from: given)
      }
      let manifest = bundle.manifest
      var words = ["brake", "-C", folder, "-f", manifest.pipeline]
      // The variable would have brake look elsewhere.
      if name != "cache" || getenv("BRAKE_STORE") != nil { words += ["--store", name] }
      words += manifest.targets + manifest.overrides.map { "\($0.name)=\($0.value)" }
      if json {
        return try Output.print([
          "folder": .string(folder), "store": .string("\(folder)/\(name)"),
          "artefacts": .integer(Int64(filling.artefacts)), "records": .integer(Int64(filling.records)),
          "omitted": .integer(Int64(filling.omitted)), "command": .array(words.map { .string($0) }),
        ])
      }
      let left = filling.omitted == 0 ? "" : ", \(filling.omitted) are recorded and not in the bundle"
      let command = words.map(ShellText.word).joined(separator: " ")
      let amount = "\(filling.artefacts) artefacts and \(filling.records) records in \(folder)/\(name)\(left)"
      try Output.print(amount.visible() + "\n" + command.visible())
    }
  }
}

import Actions
import ArgumentParser
import Artefacts
import Bundles
import Glibc
import Pipeline
import Remotes
import Runners
import Runs
import System

extension Brake {
  struct Reproduce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "reproduce",
      abstract: "Run a bundle's pipeline again elsewhere, and say what came out identical.",
      discussion: """
        The pipeline and all that it reads are copied to another folder and run there with an empty store, with the \
        parameters and targets of the bundle. Nothing is taken from the bundle's store but what the pipeline names by digest. \
        Then each artefact is compared with the one that is recorded: identical, or different and by how much, as 'brake \
        diff' says it. The bundle itself is only read.

        Commands of a pipeline do with your rights whatever their author wants: a sandbox keeps them from reading what they \
        do not declare, not from harm. So a bundle with commands is refused until --run-commands says that you have looked at them.

        Exit status: 0 if all is identical, 1 if something is not, 2 after an error.
        """)

    @Option(
      help: ArgumentHelp(
        "Run it in this folder, which is not there or empty, and keep it (default: a temporary one).",
        valueName: "folder"),
      completion: .directory)
    var to: String?
    @Flag(help: "Run the commands of the pipeline, too.") var runCommands = false
    @OptionGroup var jobs: JobsOption
    @Option(help: ArgumentHelp("Show so many of each list of differences.", valueName: "n")) var most = 20
    @Flag(help: "Print one object, with all that differs.") var json = false
    @Argument(help: "A folder or .tar file that 'brake bundle' has written.", completion: .file()) var bundle:
      String
    @Argument(help: ArgumentHelp("Only these stages, and what they need.", valueName: "target"))
    var targets: [String] = []

    func validate() throws {
      if most < 1 { throw ValidationError("--most takes a number of at least 1, not \(most)") }
    }

    func run() async throws {
      let isFile = isRegularFile(bundle)
      let unpacked = isFile ? try ReproductionPlace(nil) : nil
      defer { unpacked?.remove() }
      if let unpacked {
        let archive = bundle
        try await Transfer.run("unpacked", TransferProgress(), kept: false) {
          try BundleFolder.unpack(archive, to: unpacked.path)
        }
      }
      let bundle = try BundleFolder(at: unpacked?.path ?? bundle)
      // Before anything is made or copied.
      try askForCommands(bundle.pipelineFile())
      if let to, try bundle.holds(to) {
        throw Failure(
          .refused, "'\(to)' is in the bundle, which is only read", hint: "give a folder beside it")
      }
      let place = try ReproductionPlace(to)
      defer { place.remove() }
      let places = jobs.places()
      let command = self
      let (summary, reproduction) = try await Overseen.run { observe in
        try await command.reproduce(bundle, in: place, places, observe)
      }
      if json {
        try Output.print(reproduction.json)
      } else {
        try Output.printRaw(reproduction.text(most: most))
        if to != nil { try Output.print("kept: \(place.shown)") }
      }
      if summary.isFailure { throw ExitCode(2) }
      if !reproduction.isIdentical { throw ExitCode(1) }
    }

    private func reproduce(
      _ bundle: BundleFolder, in place: ReproductionPlace, _ places: Places,
      _ observe: @escaping @Sendable (RunEvent) -> Void
    ) async throws -> (RunSummary, Reproduction) {
      try bundle.copyWorkspace(to: place.path)
      let changed = try bundle.changedSources(in: place.path)
      for source in changed.prefix(most) {
        observe(.note("\(source) is not what it was when the bundle was written"))
      }
      try place.enter()
      let path = bundle.manifest.pipeline
      let store = try Store(at: ReproductionPlace.store())
      let engine = Engine(
        source: PipelineSource(
          text: try PipelineOptions.read(path), path: path, read: PipelineOptions.read),
        overrides: bundle.manifest.overrides.map { ($0.name, $0.value) }, root: ".", store: store,
        registry: .builtIn, guardExecutable: "/proc/self/exe", jobServer: places.server)
      let file = try engine.source.file()
      try bundle.check(file, engine.plan().instances, in: place.path)
      try await store.fetch(bundle.manifest.given, from: [bundle.store])
      var options = RunOptions()
      options.jobs = places.jobs
      options.keepGoing = true
      let targets = targets.isEmpty ? bundle.manifest.targets : targets
      let summary = try await engine.run(targets: targets, options: options, observe: observe)
      let plan = try await engine.recordedPlan(targets: targets)
      // Some stages are known only once others have run.
      try bundle.check(file, plan.stages.map(\.instance), in: place.path)
      let names = plan.stages.map(\.instance.name) + plan.unrecorded.map(\.instance)
      let reproduction = try Reproduction(
        of: bundle, as: plan, in: store, needed: self.targets.isEmpty ? nil : Set(names),
        changedSources: changed)
      return (summary, reproduction)
    }

    private func askForCommands(_ file: PipelineFile) throws {
      let commands = file.commands
      if commands.isEmpty { return }
      let list = commands.map { stage, hasNetwork, wantsSandbox in
        let more = [hasNetwork ? "with a network" : nil, wantsSandbox ? nil : "without a sandbox"].compactMap(
          \.self)
        return (label: stage, value: more.isEmpty ? "a command" : "a command " + more.joined(separator: ", "))
      }
      let what = "\(commands.count) \(commands.count == 1 ? "stage runs a command" : "stages run commands")"
      guard runCommands else {
        throw Failure(
          .refused, "\(what) of the bundle's author, with your rights",
          facts: Array(list.prefix(12)) + (list.count > 12 ? [("and", "\(list.count - 12) more")] : []),
          hint: "read them in the bundle's index.html or its pipeline file, then give --run-commands")
      }
      Output.note("note: \(what) of the bundle's author")
    }
  }
}

/// The folder in which a bundle is run again, or into which it is unpacked.
struct ReproductionPlace: Sendable {
  /// Absolute.
  let path: String
  let shown: String
  private let isTemporary: Bool

  /// - Parameter folder: as the user names it; nil for a temporary one.
  init(_ folder: String?) throws {
    let disk = LocalFileSystem()
    guard let folder else {
      var template = Array((TemporaryPlace.path + "/brake-reproduce-XXXXXX").utf8CString)
      guard mkdtemp(&template) != nil else {
        throw Failure(
          .system, "cannot make a temporary folder: \(String(cString: strerror(errno)))",
          hint: "name one with --to FOLDER, or another place for such folders with TMPDIR")
      }
      shown = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      path = try disk.realPath(shown) ?? shown
      isTemporary = true
      return
    }
    if let status = try disk.status(folder) {
      guard status.isFolder, try disk.names(in: folder).isEmpty else {
        throw Failure(
          .refused, "'\(folder)' is there already", hint: "give a folder that is not there, or is empty")
      }
    } else {
      try disk.makeFolder(folder)
    }
    shown = folder
    path = try disk.realPath(folder) ?? folder
    isTemporary = false
  }

  func enter() throws {
    guard chdir(path) == 0 else {
      throw Failure(
        .system, "cannot change to the folder '\(path)': \(String(cString: strerror(errno)))", errno: errno)
    }
  }

  /// Where the store goes: beside all that the pipeline reads.
  static func store() -> String {
    var name = "cache"
    while exists(name) { name += "-of-brake" }
    return name
  }

  func remove() { if isTemporary { LocalFileSystem().removeAll(path) } }
}

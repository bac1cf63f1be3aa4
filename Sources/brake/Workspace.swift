import Actions
import ArgumentParser
import Artefacts
import Glibc
import Operations
import Pipeline
import Report
import Runners
import Runs
import Synchronization
import System

/// The folder to work in and the store: the options of every command that reads or writes artefacts.
struct Workspace: ParsableArguments {
  @Option(
    name: .customShort("C", allowingJoined: true),
    help: ArgumentHelp("Change to this folder before anything else.", valueName: "folder"),
    completion: .directory)
  var folder: String?

  @Option(
    help: ArgumentHelp("The store's folder (default: $BRAKE_STORE, or else cache/).", valueName: "path"),
    completion: .directory)
  var store: String?

  private static let hasEntered = Mutex(false)

  /// Changes to the folder of `-C`, once: from there, a relative path leads elsewhere.
  func enter() throws {
    guard let folder, !Workspace.hasEntered.withLock(\.self) else { return }
    guard chdir(folder) == 0 else {
      throw Failure(
        .system, "cannot change to the folder '\(folder)': \(String(cString: strerror(errno)))", errno: errno)
    }
    Workspace.hasEntered.withLock { $0 = true }
  }

  /// Opens the store.
  ///
  /// - Parameter creating: whether there need not be one yet: it is made when something is stored.
  func open(creating: Bool = false) throws -> Store {
    let given = store ?? getenv("BRAKE_STORE").map { String(cString: $0) }
    let path = given.flatMap { $0.isEmpty ? nil : $0 } ?? "cache"
    if !creating && !exists(path + "/format") {
      throw Failure(
        .notFound, "there is no store in '\(path)'",
        hint:
          "name one with --store PATH or BRAKE_STORE; 'brake put' and 'brake run' make one where there is none"
      )
    }
    return try Store(at: path)
  }

  /// A path as the user sees it who has not changed to the folder of `-C`.
  func seen(_ path: String) -> String {
    guard let folder, !path.hasPrefix("/") else { return path }
    return folder.hasSuffix("/") ? folder + path : folder + "/" + path
  }
}

/// The pipeline: the options of every command that reads one.
struct PipelineOptions: ParsableArguments {
  @OptionGroup var workspace: Workspace

  @Option(
    name: [.customShort("f", allowingJoined: true), .long],
    help: ArgumentHelp(
      "The pipeline (default: brake.yaml, or else pipelines/deceleration.yaml).", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var file: String?

  @OptionGroup var trusting: TrustOption

  /// Enters the folder, reads the pipeline and opens the store.
  func engine(_ overrides: [(name: String, value: String)] = []) throws -> Engine {
    try engine(text(), overrides)
  }

  /// Opens the store for a pipeline that was read.
  func engine(
    _ text: (text: String, path: String), _ overrides: [(name: String, value: String)],
    sources: (Store) throws -> [any ArtefactSource] = { _ in [] }, trust: Trust? = nil,
    jobServer: JobServer? = nil,
    runner: (Store) throws -> ((LocalRunner) -> any Runner)? = { _ in nil }
  ) throws -> Engine {
    _ = try RestoredInputs.givenBudget()
    let store = try workspace.open(creating: true)
    return Engine(
      source: PipelineSource(text: text.text, path: text.path, read: PipelineOptions.read),
      overrides: overrides, root: ".", store: store, registry: .builtIn,
      guardExecutable: "/proc/self/exe", jobServer: jobServer, sources: try sources(store),
      trust: try trust ?? trusting.trust(), runner: try runner(store))
  }

  /// Enters the folder and reads the pipeline's text.
  func text() throws -> (text: String, path: String) {
    try workspace.enter()
    let path = try path()
    return (try PipelineOptions.read(path), path)
  }

  /// The pipeline's path in the folder that was entered.
  func path() throws -> String {
    guard let path = file ?? PipelineOptions.default else {
      throw PipelineError(
        "there is no pipeline here: neither \(PipelineOptions.candidates.joined(separator: " nor ")) exists",
        hint: "name one with -f FILE, the folder that has one with -C FOLDER, or make one with 'brake init'")
    }
    return path
  }

  private static let candidates = ["brake.yaml", "pipelines/deceleration.yaml"]

  /// The pipeline of the folder; nil if it has none.
  static var `default`: String? { candidates.first(where: exists) }

  static func read(_ path: String) throws -> String {
    let bytes = try readFile(path, limit: 16 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw PipelineError("'\(path)' is not UTF-8 text")
    }
    return text
  }

  /// What is remembered of runs of a pipeline that was read.
  func memory(_ text: (text: String, path: String), _ given: Targets) throws -> RunMemory {
    RunMemory(
      text: text.text, path: text.path, overrides: given.overrides, targets: given.targets, root: ".",
      store: try workspace.open(creating: true), registry: .builtIn)
  }

}

/// What follows the options of `run` and its like: targets, and parameters as NAME=VALUE.
struct Targets: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Stages, instances ('fit[14M,1]', or 'fit[14M]' for all with this first key) or globs ('fit*'), and parameters as NAME=VALUE.",
      valueName: "target|name=value"),
    completion: Completion.targets)
  var arguments: [String] = []

  var targets: [String] { Targets.targets(in: arguments) }
  var overrides: [(name: String, value: String)] { Targets.overrides(in: arguments) }

  static func targets(in arguments: [String]) -> [String] { arguments.filter { override($0) == nil } }
  static func overrides(in arguments: [String]) -> [(name: String, value: String)] {
    arguments.compactMap(override)
  }

  /// Splits NAME=VALUE; nil for a target, which may well have a '=' between its brackets.
  private static func override(_ argument: String) -> (name: String, value: String)? {
    guard let sign = argument.firstIndex(of: "="), sign > argument.startIndex else { return nil }
    let name = argument[..<sign]
    guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }) else {
      return nil
    }
    return (String(name), String(argument[argument.index(after: sign)...]))
  }
}

extension OperationRegistry {
  /// All operations that brake has.
  static let builtIn = OperationRegistry(Operations.all + Report.operations)
}

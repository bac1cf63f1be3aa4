public import Actions
public import ArgumentParser
import Artefacts
import Runners
import Runs
import System

/// `--runner`: where actions run.
struct RunnerOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where stages run that do not say: local, or slurm for jobs of a Slurm cluster (default: what brake's configuration says, else local). Given here, local is for all stages.",
      valueName: "runner"))
  var runner: Resources.Runner?

  /// Jobs that a run has on a cluster at once, where -j says nothing.
  static let jobs = 100

  /// Nil where nothing runs but on this machine.
  func make(for store: Store, root: String) throws -> ((LocalRunner) -> any Runner)? {
    if runner == .local { return nil }
    let settings = try RunnerOption.settings()
    let isForAll = try isSlurm()
    let place = try store.files.realPath(root) ?? root
    return { SlurmRunner(store: store, root: place, settings: settings, local: $0, isForAll: isForAll) }
  }

  /// What a user has set for jobs of a cluster.
  static func settings() throws -> SlurmSettings {
    guard let executable = try LocalFileSystem().realPath("/proc/self/exe") else {
      throw Failure(.notFound, "the program file of brake is gone")
    }
    let configuration = try Configuration.read()
    return SlurmSettings(
      executable: executable, version: brakeVersion, options: configuration.slurmOptions,
      setup: configuration.slurmSetup)
  }

  func isSlurm() throws -> Bool {
    if let runner { return runner == .slurm }
    guard let name = try Configuration.read().runner else { return false }
    guard let kind = Resources.Runner(rawValue: name) else {
      throw Failure(
        .malformed, "brake's configuration says runner: \(name)", hint: "the runners are local and slurm")
    }
    return kind == .slurm
  }
}

extension Resources.Runner: ExpressibleByArgument {}
